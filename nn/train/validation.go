package train

import (
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Validation is the loss on documents that were held out.
type Validation struct {
	Loss, Perplexity float64        // DPO's loss has no perplexity: 0
	Preference       *nn.Preference // with DPO
	Tokens           int64
	Best             bool // the lowest so far: the caller should Save it, as the best
}

// validate computes the loss on the whole validation set: nil, if nothing in it counts.
func (t *Trainer) validate() (*Validation, error) {
	stream := t.data.Validation
	if err := stream.Seek(data.Cursor{}); err != nil {
		return nil, err
	}
	var preference nn.Preference
	sum, count, tokens := 0.0, 0, 0
	for stream.Cursor().Epoch == 0 {
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
	return v, nil
}

// judge holds a validation against those before it, which may end the run.
func (t *Trainer) judge(s *Step, v *Validation) {
	s.Validation = v
	if v.Loss < t.state.BestValidationLoss {
		v.Best, t.state.BestValidationLoss, t.state.BestStep = true, v.Loss, t.state.Step
	}
	if t.stopsEarly(v) {
		s.Last, s.SaveDue = true, true
	}
	if v.Preference != nil {
		s.addPreference("validation_", *v.Preference)
	}
}
