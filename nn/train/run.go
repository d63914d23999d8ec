package train

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Step is what Run tells of an optimizer step.
type Step struct {
	Step, Steps  int64 // this one, from 1, of so many
	Epoch        int64
	Loss         float64
	Preference   *nn.Preference // with DPO
	CrossEntropy float64        // with Distillation: the part of the loss that the text makes
	LearningRate float64
	GradNorm     float64            // global, before clipping
	Skipped      int64              // steps left out so far, their gradient not being finite
	Empty        int64              // micro-batches passed over so far, no target in them counting
	Tokens       int64              // targets learnt from so far
	Seconds      float64            // since the run was begun or resumed
	Validation   *Validation        // when there was one after this step
	SaveDue      bool               // the caller should Save now
	SampleDue    bool               // the caller should sample now
	Place        data.Cursor        // of the step's batch in the data
	Mark         string             // what befell the run at this step; see the Marks
	Values       map[string]float64 // what else was measured, under its name in the metrics
	RolledBack   bool               // the loss jumped: the run has gone back to step BackTo, and goes on from there
	BackTo       int64
	Last         bool // nothing follows: the run has ended, was stopped early (State().EarlyStop) or interrupted

	validates bool // a validation follows
}

// Validation is the loss on documents that were held out.
type Validation struct {
	Loss, Perplexity float64        // DPO's loss has no perplexity: 0
	Preference       *nn.Preference // with DPO
	Tokens           int64
	Best             bool // the lowest so far
}

// Names of what objectives measure besides their loss, in Step.Values; those of a validation begin with "validation_".
const (
	CrossEntropy   = "cross_entropy" // of a distillation
	RewardMargin   = "reward_margin" // of preferences, as are these; see nn.Preference
	RewardAccuracy = "reward_accuracy"
	RewardChosen   = "reward_chosen"
	RewardRejected = "reward_rejected"
)

func (s *Step) setPreference(prefix string, p nn.Preference) {
	s.set(prefix+RewardMargin, p.Margin())
	s.set(prefix+RewardAccuracy, p.Accuracy)
	s.set(prefix+RewardChosen, p.ChosenReward)
	s.set(prefix+RewardRejected, p.RejectedReward)
}

// Run trains to the end of the run, or until ctx is done. It yields every step, some of them late: the device is not
// waited for, except once in a while, when a step validates, samples or saves; then the device holds exactly the step
// that is yielded. When ctx is done, one more such step is yielded with SaveDue. Breaking off stops the training;
// taking time pauses it.
func (t *Trainer) Run(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		t.started = time.Now()
		var sent []sentStep // submitted, not yet yielded, oldest first
		deliver := func(all bool) bool {
			for t.training.Pending() > 0 {
				s, ok := t.training.State(all || t.training.Full())
				if !ok {
					break
				}
				step := sent[0]
				sent = append(sent[:0], sent[1:]...)
				if t.config.Distillation.Temperature > 0 {
					step.CrossEntropy = s.CrossEntropy
					step.set(CrossEntropy, s.CrossEntropy)
				}
				if t.config.DPO.Beta > 0 {
					step.Preference = &s.Preference
					step.setPreference("", s.Preference)
				}
				var err error
				step.Seconds = time.Since(t.started).Seconds()
				if t.observe(&step, s) && t.config.RollbackOnSpike {
					for sent = sent[:0]; t.training.Pending() > 0; {
						t.training.State(true)
					}
					err = t.rollBack(&step)
					step.Last, step.SaveDue, step.SampleDue = false, false, false
					step.RolledBack, step.BackTo = true, t.state.Step
					return yield(step.Step, err) && err == nil
				}
				if all && len(sent) == 0 && t.mayGrow(step.Step.Step) {
					t.growBatch(&step.Step)
				}
				if all && len(sent) == 0 && step.validates {
					step.Validation, err = t.validate()
					if v := step.Validation; v != nil {
						step.Last = t.stopsEarly(v) || step.Last
						step.SaveDue = step.SaveDue || v.Best || step.Last
						if v.Preference != nil {
							step.setPreference("validation_", *v.Preference)
						}
					}
				}
				if !yield(step.Step, err) || err != nil {
					return false
				}
				if step.SaveDue && all && len(sent) == 0 {
					if err := t.snapshot(); err != nil {
						yield(step.Step, err)
						return false
					}
				}
			}
			return true
		}
		if err := t.snapshot(); err != nil {
			yield(Step{Step: t.state.Step, Steps: t.state.TotalSteps}, err)
			return
		}
		for t.state.Step < t.state.TotalSteps && !t.state.EarlyStop.Stopped {
			step, err := t.submit()
			if err == nil {
				err = t.dev.Err()
			}
			if err != nil {
				yield(step.Step, err)
				return
			}
			t.occasions(&step.Step, ctx.Err() != nil)
			sent = append(sent, step)
			if !deliver(step.Last || step.SaveDue || step.SampleDue || step.validates || t.mayGrow(step.Step.Step)) {
				break
			}
			if step.Last && t.state.Step == step.Step.Step { // else it went back
				break
			}
		}
		if err := t.dev.Err(); err != nil {
			yield(Step{Step: t.state.Step, Steps: t.state.TotalSteps}, err)
		}
	}
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

// refer gives preferences their references.
func (t *Trainer) refer(b *data.Batch) error {
	if t.config.DPO.Beta == 0 {
		return nil
	}
	return t.references.set(b)
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
func (t *Trainer) occasions(s *Step, stop bool) {
	due := func(interval int, times int64) bool {
		n := int64(interval)
		if n == 0 {
			n = max(t.state.TotalSteps/times, 1)
		}
		return s.Step%n == 0
	}
	end := s.Step == t.state.TotalSteps
	s.Last = end || stop
	s.validates = t.evaluation != nil && (end || due(t.config.ValidationInterval, 10))
	s.SaveDue = s.Last || due(t.config.SaveInterval, 10)
	s.SampleDue = end || due(t.config.SampleInterval, 5)
}

// validate computes the loss on the whole validation set: nil, if nothing in it counts.
func (t *Trainer) validate() (*Validation, error) {
	stream := t.data.Validation
	var preference nn.Preference
	sum, count, tokens := 0.0, 0, 0
	for epoch := stream.Cursor().Epoch; stream.Cursor().Epoch == epoch; {
		if err := stream.Next(t.validation); err != nil {
			return nil, err
		}
		n := t.measured.Count(t.validation)
		if n == 0 {
			continue
		}
		if err := t.refer(t.validation); err != nil {
			return nil, err
		}
		s, err := t.evaluation.Run(t.validation, 1/float64(n))
		if err != nil {
			return nil, err
		}
		sum += s.Loss * float64(n)
		preference.Add(s.Preference, float64(n))
		count += n
		tokens += t.validation.Pairs
	}
	if count == 0 {
		return nil, nil
	}
	v := &Validation{Loss: sum / float64(count), Tokens: int64(tokens)}
	if t.config.DPO.Beta > 0 {
		v.Preference = &nn.Preference{}
		v.Preference.Add(preference, 1/float64(count))
	} else {
		v.Perplexity = math.Exp(v.Loss)
	}
	if v.Loss < t.state.BestValidationLoss {
		v.Best, t.state.BestValidationLoss, t.state.BestStep = true, v.Loss, t.state.Step
	}
	return v, nil
}
