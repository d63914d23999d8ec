package train

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/train/diagnose"
)

// measureEvery is how many steps there are between two measurements of the update, after the first ten.
const measureEvery = 10

// measures says whether a step (from 1) is measured.
func measures(step int64) bool { return step < measureEvery || step%measureEvery == 0 }

// What Step.Mark begins with; the place of the batch in the data follows.
const (
	MarkSpike   = "spike"                // the loss jumped
	MarkSkipped = "left out, not finite" // the gradient was not finite
	MarkLeftOut = "batch left out"       // a batch before this step's was passed over, since the loss had jumped at it
)

// sentStep is a step on its way through the device, with what is needed when it arrives.
type sentStep struct {
	Step
	weight float64 // of the first micro-batch's mean in the step's gradient
	small  float64 // targets of the first micro-batch,
	large  float64 // of the step

	grows, validates bool // what follows it; see settle
	settles          bool // the device is waited for, and then holds exactly this step
}

// observe completes a step with what the device told, and says whether its loss is a spike.
func (t *Trainer) observe(s *sentStep, told nn.State) (spike bool) {
	s.Loss, s.GradNorm, s.Skipped = told.Loss, told.GradNorm, told.Skipped
	skipped := told.Skipped > t.state.SkippedSteps
	t.state.AppliedSteps, t.state.SkippedSteps = told.Applied, told.Skipped
	trend := diagnose.Trend(t.state.Trend)
	spike = trend.Add(told.Loss) && !skipped
	t.state.Trend = checkpoint.Trend(trend)
	switch {
	case skipped:
		s.mark(MarkSkipped, s.Place)
	case spike:
		s.mark(MarkSpike, s.Place)
	}
	if told.MicroSquares > 0 {
		t.state.Noise = addNoise(t.state.Noise, told.MicroSquares/(s.weight*s.weight), told.GradNorm*told.GradNorm, s.small, s.large)
	}
	t.addObjective(&s.Step, told)
	t.addExperts(&s.Step, told)
	if measures(s.Step.Step) {
		t.addStatistics(&s.Step, told)
	}
	return spike
}

// mark marks a step, with the place of a batch.
func (s *Step) mark(mark string, place data.Cursor) {
	s.Mark = fmt.Sprintf("%s: epoch %d, document %d, token %d", mark, place.Epoch, place.Document, place.Offset)
}
