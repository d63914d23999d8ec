package train

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Step is what Run tells of an optimizer step.
type Step struct {
	Step, Steps  int64 // this one, from 1, of so many
	Epoch        int64
	Loss         float64
	LearningRate float64
	GradNorm     float64     // global, before clipping
	Skipped      int64       // steps left out so far, their gradient not being finite
	Empty        int64       // micro-batches passed over so far, no target in them counting
	Tokens       int64       // targets learnt from so far
	Seconds      float64     // since the run was begun or resumed
	Validation   *Validation // when there was one after this step
	SaveDue      bool        // the caller should Save now
	SampleDue    bool        // the caller should sample now
	Place        data.Cursor // of the step's batch in the data
	Mark         string      // what befell the run at this step; see the Marks
	Values       []Value     // what else was measured; the loop uses the list again for the next step
	RolledBack   bool        // the loss jumped: the run has gone back to step BackTo, and goes on from there
	BackTo       int64
	Last         bool // nothing follows: the run has ended, was stopped early (State().EarlyStop) or interrupted
}

// Run trains to the end of the run, or until ctx is done. It yields every step, some of them late: the device is not
// waited for, except once in a while, when a step validates, samples or saves; then the device holds exactly the step
// that is yielded. When ctx is done, one more such step is yielded with SaveDue. Breaking off stops the training, and
// another Run then goes on with the steps that were not yielded; taking time pauses it. An error comes without a step,
// after all steps before it.
func (t *Trainer) Run(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		t.started = time.Now()
		if !t.catchUp(yield) { // a Run was broken off
			return
		}
		if err := t.begin(); err != nil {
			yield(Step{}, err)
			return
		}
		for t.state.Step < t.state.TotalSteps && !t.state.EarlyStop.Stopped {
			if err := t.send(ctx.Err() != nil); err != nil {
				if t.catchUp(yield) {
					yield(Step{}, err)
				}
				return
			}
			if !t.deliver(yield) {
				return
			}
		}
	}
}

// begin makes sure that the data is where the state says, even after a step that failed on its way to the device.
func (t *Trainer) begin() error {
	if at := data.Cursor(t.state.Cursor); t.data.Train.Cursor() != at {
		if err := t.data.Train.Seek(at); err != nil {
			return err
		}
	}
	return t.snapshot()
}

// send submits a step, the last if stop is set, and notes what is due after it.
func (t *Trainer) send(stop bool) error {
	empty := t.state.EmptyBatches
	s, err := t.submit()
	if err != nil {
		t.state.EmptyBatches = empty
		return err
	}
	t.occasions(&s, stop)
	t.sent = append(t.sent, s)
	return nil
}

// catchUp yields all steps that are on their way, after which the device holds what the state says.
func (t *Trainer) catchUp(yield func(Step, error) bool) bool {
	if n := len(t.sent); n > 0 {
		t.sent[n-1].settles = true
	}
	return t.deliver(yield)
}

// deliver yields the steps that have arrived, all of them if the last one settles, and says whether to go on.
func (t *Trainer) deliver(yield func(Step, error) bool) bool {
	for len(t.sent) > 0 {
		told, arrived := t.training.State(t.sent[len(t.sent)-1].settles || t.training.Full())
		if !arrived {
			break
		}
		s := t.sent[0]
		t.sent = slices.Delete(t.sent, 0, 1)
		s.Seconds = time.Since(t.started).Seconds()
		s.Values = t.values[:0]
		spike := t.observe(&s, told)
		var err error
		switch {
		case spike && t.config.RollbackOnSpike:
			err = t.rollBack(&s)
		case s.settles:
			err = t.settle(&s)
		}
		if err != nil {
			yield(Step{}, err)
			return false
		}
		t.values = s.Values
		if !yield(s.Step, nil) || s.Last {
			return false
		}
	}
	if err := t.dev.Err(); err != nil {
		yield(Step{}, err)
		return false
	}
	return true
}

// settle does what is done once in a while, after a step that the device holds exactly.
func (t *Trainer) settle(s *sentStep) error {
	if s.grows {
		t.growBatch(&s.Step)
	}
	if s.validates {
		v, err := t.validate()
		if err != nil {
			return err
		}
		if v != nil {
			t.judge(&s.Step, v)
		}
	}
	if s.SaveDue && !s.Last {
		return t.snapshot()
	}
	return nil
}

// submit sends one step to the device.
func (t *Trainer) submit() (s sentStep, err error) {
	left, isLeft, err := t.leaveOut()
	if err != nil {
		return s, err
	}
	s.Place = t.data.Train.Cursor()
	count, pairs := 0, 0
	for _, b := range t.batches {
		if err := t.next(b); err != nil {
			return s, err
		}
		count += t.objective.Count(b)
		pairs += b.Pairs
	}
	rate, first := t.rate(), t.batches[0]
	s.weight = t.weight(first, count) * float64(t.objective.Count(first))
	s.small, s.large = float64(first.Pairs), float64(pairs)
	t.training.Noise, t.training.Ratios = len(t.batches) > 1, measures(t.state.Step+1)
	for i, b := range t.batches {
		t.training.MicroStep(b, t.weight(b, count), i == 0, i == len(t.batches)-1, rate)
	}
	t.state.Step++
	t.state.MicroSteps += int64(len(t.batches))
	t.state.TokensSeen += int64(pairs)
	t.state.Cursor = checkpoint.Cursor(t.data.Train.Cursor())
	s.Step = Step{Place: s.Place, Step: t.state.Step, Steps: t.state.TotalSteps, Epoch: s.Place.Epoch, LearningRate: rate, Tokens: t.state.TokensSeen, Empty: t.state.EmptyBatches}
	if isLeft {
		s.mark(MarkLeftOut, left)
	}
	return s, nil
}

// next fills a micro-batch with the next rows of which some target counts. The others are passed over: the mean over
// nothing is not a number.
func (t *Trainer) next(b *data.Batch) error {
	first := t.data.Train.Cursor().Epoch
	for {
		if err := t.data.Train.Next(b); err != nil {
			return err
		}
		if t.objective.Count(b) > 0 {
			return t.refer(b)
		}
		t.state.EmptyBatches++
		if t.data.Train.Cursor().Epoch > first+1 {
			return fmt.Errorf("in a whole epoch no target counts: the masks of this data cover nothing (rows of %d tokens may cut off all that is to be learnt; raise max_seq_len)", b.T)
		}
	}
}

// weight is what a token (or a pair of rows) of a micro-batch counts: its mean, divided by the number of micro-batches,
// as MiniMind does; or the mean over the step's.
func (t *Trainer) weight(b *data.Batch, count int) float64 {
	if t.config.TokenWeighted {
		return 1 / float64(count)
	}
	return 1 / float64(t.objective.Count(b)*len(t.batches))
}

// occasions marks what is done once in a while.
func (t *Trainer) occasions(s *sentStep, stop bool) {
	step := s.Step.Step
	due := func(interval int, times int64) bool {
		n := int64(interval)
		if n == 0 {
			n = max(t.state.TotalSteps/times, 1)
		}
		return step%n == 0
	}
	end := step == t.state.TotalSteps
	s.Last = end || stop
	s.grows = !end && t.mayGrow(step)
	s.validates = t.evaluation != nil && (end || due(t.config.ValidationInterval, 10))
	s.SaveDue = s.Last || due(t.config.SaveInterval, 10)
	s.SampleDue = end || due(t.config.SampleInterval, 5)
	s.settles = s.Last || s.grows || s.validates || s.SaveDue || s.SampleDue
}
