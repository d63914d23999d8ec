package diagnose

import "math"

// Trend follows a run's loss and tells its spikes: losses far above where they have been. The zero value is a run's
// beginning. It is plain numbers, so that a checkpoint can hold it and a resumed run goes on as it was.
type Trend struct {
	Mean     float64 // of the loss, over about the last 8 steps
	Variance float64 // of the loss, over about the last 32 steps: half the mean square of what it changes by from step to step
	Last     float64 // loss
	Seen     int64   // losses so far
	Streak   int64   // spikes in a row
}

const (
	meanDecay     = 7.0 / 8
	varianceDecay = 31.0 / 32
	trendSettle   = 16   // losses before the first spike can be told
	spikeSigmas   = 6    // standard deviations above the mean that make a spike,
	spikeShare    = 0.05 // if they are this share of the mean, too
	newLevel      = 8    // so many spikes in a row are none: the loss has moved
)

// Add takes the next step's loss and says whether it is a spike. A loss that is not finite is one.
func (t *Trend) Add(loss float64) bool {
	if !finite(loss) {
		return true
	}
	above := loss - t.Mean
	spike := t.Seen >= trendSettle && above > spikeSigmas*math.Sqrt(t.Variance) && above > spikeShare*t.Mean
	if spike && t.Streak < newLevel {
		t.Streak++
		return true
	}
	if t.Seen == 0 || spike {
		*t = Trend{Mean: loss, Last: loss, Seen: 1}
		return false
	}
	follow := func(average *float64, decay, value float64) {
		decay = math.Min(decay, 1-1/float64(t.Seen))
		*average = decay**average + (1-decay)*value
	}
	change := loss - t.Last
	follow(&t.Variance, varianceDecay, change*change/2)
	t.Seen++
	follow(&t.Mean, meanDecay, loss)
	t.Last, t.Streak = loss, 0
	return false
}
