package diagnose

import (
	"math"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
)

// Reads names what the diagnosis looks at among a record's values.
var Reads = []string{updateRatio, crossEntropy}

const (
	updateRatio  = "update_ratio"  // norm of the update over that of the weights
	crossEntropy = "cross_entropy" // of a distillation, whose loss is more; validation measures this alone
)

// curve is a run's loss with what can be measured on it.
type curve struct {
	step       []int64
	loss       []float64 // finite ones only
	rate       []float64
	smooth     []float64 // the loss's running mean over a tenth of the run
	ratio      []float64 // norm of the update over that of the weights, where it was measured after the warm-up
	validation []float64
	trainingAt []float64 // what validation measures, of the training data, smoothed, at each validation

	progress float64 // part of the planned steps that is done
	first    float64 // loss at the beginning
	highest  float64 // of the smoothed loss
	window   float64 // steps of the running mean
	scatter  float64 // standard deviation of the loss about its smoothed self, over the second half
	early    int     // index by which the run must have responded; -1: not there yet
	spikes   []int64 // steps
	skipped  int64   // steps left out
	broken   bool    // the last losses are no numbers
}

func newCurve(records []metrics.Record, run Run) *curve {
	c := &curve{early: -1}
	var trend Trend
	var text []float64    // what validation measures, of the training data
	var validatedAt []int // indices
	for i, r := range records {
		c.skipped = max(c.skipped, r.Skipped)
		c.broken = !finite(r.Loss)
		if !finite(r.LearningRate) { // such as a null in a file
			r.LearningRate = 0
		}
		if trend.Add(r.Loss) && i > 0 {
			c.spikes = append(c.spikes, r.Step)
		}
		if c.broken {
			continue
		}
		c.step, c.loss, c.rate = append(c.step, r.Step), append(c.loss, r.Loss), append(c.rate, r.LearningRate)
		if v, distilled := r.Values[crossEntropy]; distilled && finite(v) {
			text = append(text, v)
		} else {
			text = append(text, r.Loss)
		}
		if r.ValidationLoss != 0 && finite(r.ValidationLoss) {
			c.validation, validatedAt = append(c.validation, r.ValidationLoss), append(validatedAt, len(c.loss)-1)
		}
	}
	n := len(c.loss)
	if n == 0 {
		return c
	}
	planned := max(run.Steps, c.step[n-1])
	c.progress = float64(c.step[n-1]) / float64(planned)
	window := max(int(planned)/10, 5)
	c.window = float64(window)
	sums, textSums := newSums(c.loss), newSums(text)
	for i := range c.loss { // the mean of the last window losses
		c.smooth = append(c.smooth, sums.mean(i+1-window, i+1))
	}
	for _, i := range validatedAt {
		c.trainingAt = append(c.trainingAt, textSums.mean(i+1-window, i+1))
	}
	peak := slices.Index(c.rate, slices.Max(c.rate)) // the warm-up ends there
	for _, r := range records {
		if v := r.Values[updateRatio]; v > 0 && r.Step > c.step[peak] {
			c.ratio = append(c.ratio, v)
		}
	}
	c.first = sums.mean(0, max(window/8, 1))
	c.highest = slices.Max(c.smooth[min(window, n)-1:])
	var squares float64
	for i := n / 2; i < n; i++ {
		from, to := max(i-window/2, 0), min(i+window/2+1, n)
		d, around := c.loss[i]-sums.mean(from, to), float64(to-from)
		squares += d * d * around / math.Max(around-1, 1)
	}
	c.scatter = math.Sqrt(squares / float64(n-n/2))
	if at := peak + max(window, 10); at < n {
		c.early = at
	}
	return c
}

func (c *curve) last() float64 { return c.smooth[len(c.smooth)-1] }

// fell is what the loss has fallen by in all.
func (c *curve) fell() float64 { return c.first - c.last() }

// lateShare is the part of the fall that came in the last third.
func (c *curve) lateShare() float64 {
	n := len(c.smooth)
	if c.fell() <= 0 {
		return 0
	}
	return (c.smooth[n-1-n/3] - c.last()) / c.fell()
}

// relativeScatter is the scatter as a share of the loss, or of a quarter of its beginning if it has come below that.
func (c *curve) relativeScatter() float64 {
	if len(c.smooth) == 0 {
		return 0
	}
	return c.scatter / math.Max(c.last(), c.first/4)
}

// rose: the smoothed loss was well above its beginning.
func (c *curve) rose() bool {
	return c.highest > 1.05*c.first+2*c.scatter/math.Sqrt(float64(max(len(c.loss)/20, 1)))
}

// diverged: the loss rose, is no number, came back up by a fifth of its fall and a tenth of itself without the validation
// loss denying it, or jumps all the time.
func (c *curve) diverged() bool {
	if len(c.loss) == 0 || c.broken {
		return c.broken
	}
	lowest := slices.Min(c.smooth)
	back := c.last() - lowest
	back -= 3 * c.scatter / math.Sqrt(c.window)
	denied := len(c.validation) > 1 && c.rise() < 0.02
	return c.rose() || back > 0.2*(c.first-lowest) && back > 0.1*c.last() && !denied || len(c.spikes) > len(c.loss)/20+2
}

// largestRatio is the largest part of the weights that a measured step changed; 0 if none was measured.
func (c *curve) largestRatio() float64 {
	if len(c.ratio) == 0 {
		return 0
	}
	return slices.Max(c.ratio)
}

// decayedEarly: the learning rate fell below a tenth of its largest well before the end, and the loss hardly moved since.
func (c *curve) decayedEarly() bool {
	n := len(c.rate)
	if n == 0 {
		return false
	}
	peak := slices.Max(c.rate)
	at := slices.Index(c.rate, peak)
	for at < n && c.rate[at] > 0.15*peak {
		at++
	}
	settled := min(at+int(c.window), n-1) // the running mean comes behind
	return float64(at) < 0.7*float64(n) && c.smooth[settled]-c.last() < 0.1*c.fell()
}

// gap is how far the last validation loss is above the training loss, rise how far above the lowest validation loss;
// both as shares.
func (c *curve) gap() float64 {
	i := len(c.validation) - 1
	return c.validation[i]/c.trainingAt[i] - 1
}

func (c *curve) rise() float64 { return c.validation[len(c.validation)-1]/slices.Min(c.validation) - 1 }

// overfits: the validation loss has risen from its lowest while the training loss went on falling.
func (c *curve) overfits() bool {
	if len(c.validation) < 3 {
		return false
	}
	lowest := slices.Index(c.validation, slices.Min(c.validation))
	n := len(c.validation)
	return c.rise() > 0.02 && c.gap() > 0.05 && lowest < n-1 && c.trainingAt[n-1] < c.trainingAt[lowest]
}

// sums are the sums of the first values of a list, so that any stretch's mean is at hand.
type sums []float64

func newSums(v []float64) sums {
	s := make(sums, len(v)+1)
	for i, x := range v {
		s[i+1] = s[i] + x
	}
	return s
}

// mean is that of the values from one place to before another, within the list.
func (s sums) mean(from, to int) float64 {
	from, to = max(from, 0), min(to, len(s)-1)
	return (s[to] - s[from]) / float64(to-from)
}
