package train

import (
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// AdaptiveBatch lets a step's batch grow by more micro-batches while the gradient noise scale is above it. The run sees
// as many micro-batches as it would without, in fewer steps.
type AdaptiveBatch struct {
	Most  int    // micro-batches of a step at the end; 0: it does not grow
	Scale string // what the learning rate does when the batch grows n-fold: none, sqrt (times the root of n), linear (times n)
}

// BatchScales are the values of AdaptiveBatch.Scale, the default first.
var BatchScales = []string{"sqrt", "none", "linear"}

// factor is what the learning rate is multiplied with when the batch has grown n-fold.
func (a AdaptiveBatch) factor(n float64) float64 {
	switch a.Scale {
	case "none":
		return 1
	case "linear":
		return n
	}
	return math.Sqrt(n)
}

// rate is the learning rate of the next step. When the batch grows, the schedule goes by micro-batches instead of
// steps, so that it ends with the run.
func (t *Trainer) rate() float64 {
	if t.forced != nil {
		return *t.forced
	}
	if t.config.AdaptiveBatch.Most == 0 {
		return t.schedule.Rate(t.state.Step)
	}
	s, n := t.schedule, int64(t.config.AccumulationSteps)
	s.Total, s.Warmup, s.Decay = s.Total*n, s.Warmup*n, s.Decay*n
	return s.Rate(t.state.MicroSteps) * t.config.AdaptiveBatch.factor(float64(len(t.batches))/float64(n))
}

// mayGrow says whether the batch may grow after a step: about twenty times a run.
func (t *Trainer) mayGrow(step int64) bool {
	return t.config.AdaptiveBatch.Most > 0 && step%max(t.schedule.Total/20, 5) == 0 && len(t.batches) < t.config.AdaptiveBatch.Most
}

// growBatch lets the batch grow, at most twofold, towards the noise scale. The device holds exactly the step that ends.
func (t *Trainer) growBatch(s *Step) {
	const least = 5 // measurements to go by
	if t.state.Noise.Seen < least || t.state.MicroSteps == 0 {
		return
	}
	now := len(t.batches)
	perMicroBatch := float64(t.state.TokensSeen) / float64(t.state.MicroSteps)
	wanted := min(math.Ceil(NoiseScale(t.state.Noise)/perMicroBatch), float64(t.config.AdaptiveBatch.Most), float64(2*now))
	if int(wanted) <= now {
		return
	}
	t.setAccumulation(int(wanted))
	rest := t.schedule.Total*int64(t.config.AccumulationSteps) - t.state.MicroSteps
	t.state.TotalSteps = t.state.Step + (rest+int64(len(t.batches))-1)/int64(len(t.batches))
	s.Steps = t.state.TotalSteps
	if s.Mark != "" {
		s.Mark += "; "
	}
	s.Mark += fmt.Sprintf("accumulation %d → %d", now, len(t.batches))
	s.add("accumulation_steps", float64(len(t.batches)))
}

// setAccumulation makes room for so many micro-batches a step.
func (t *Trainer) setAccumulation(n int) {
	for len(t.batches) < n {
		t.batches = append(t.batches, data.NewBatch(t.config.rows(), t.config.MaxSeqLen))
	}
	t.batches = t.batches[:n]
	t.state.Accumulation = int64(n)
}

// accumulation is how many micro-batches the next step has.
func (t *Trainer) accumulation() int {
	if t.state.Accumulation > 0 {
		return int(t.state.Accumulation)
	}
	return t.config.AccumulationSteps
}
