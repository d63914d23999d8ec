package golden

import (
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// What a case needs computed. Everything that touches package nn, nn/train and nn/generate is in this file.

// computed is a model of a case on the device.
type computed struct {
	model     *nn.Model
	training  *nn.Training // nil for inference
	micro     int          // micro-steps since the last step
	loss, aux float64      // of the step, so far
}

// newTraining puts the weights, in the order of Config.Parameters, on the device, to be trained for an objective on rows
// (B, T); with adapters, only these.
func newTraining(dev *host.Device, c *testCase, o nn.Objective, weights, adapters [][]float32, B, T int) (*computed, error) {
	m, err := newInference(dev, c.Config, weights)
	if err != nil {
		return nil, err
	}
	if adapters != nil {
		if _, err = nn.NewAdapters(m.model, c.lora(), 0); err == nil {
			err = set(m.model, c.Config.AdapterParameters(c.lora()), adapters)
		}
	}
	if err == nil {
		a := c.Optimizer
		m.training, err = nn.NewTraining(m.model, o, nn.AdamW{Beta1: a.Beta1, Beta2: a.Beta2, Eps: a.Eps, WeightDecay: a.WeightDecay, GradClip: c.GradClip}, B, T)
	}
	if err != nil {
		m.release()
		return nil, err
	}
	return m, nil
}

// newInference puts the weights on the device, to compute logits and to generate.
func newInference(dev *host.Device, c config.Model, weights [][]float32) (*computed, error) {
	model, err := nn.NewModel(dev, c)
	if err != nil {
		return nil, err
	}
	if err := set(model, c.Parameters(), weights); err != nil {
		model.Release()
		return nil, err
	}
	return &computed{model: model}, nil
}

// set uploads the values of parameters.
func set(m *nn.Model, parameters []config.Parameter, values [][]float32) error {
	for i, p := range parameters {
		if err := m.SetParameter(p.Name, values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *computed) release() {
	if m.training != nil {
		m.training.Release()
	}
	m.model.Release()
}

// batch is one document a row.
func batch(ids, targets []uint32, mask []float32, B, T int) *data.Batch {
	b := data.NewBatch(B, T)
	copy(b.Inputs, ids)
	copy(b.Targets, targets)
	copy(b.Mask, mask)
	for n := range b.Start {
		b.Start[n] = uint32(n / T * T)
	}
	for _, m := range mask {
		if m != 0 {
			b.Pairs++
		}
	}
	return b
}

// logits returns those of all positions, (B, T, V), for ids (B, T), one document a row.
func (m *computed) logits(ids []uint32, B, T int) ([]float32, error) {
	e, err := nn.NewLogits(m.model, B, T)
	if err != nil {
		return nil, err
	}
	defer e.Release()
	if _, err := e.Run(batch(ids, nil, nil, B, T), 0); err != nil {
		return nil, err
	}
	return e.Values()
}

// logProbs returns the log-probabilities of a batch's targets, (B, T).
func (m *computed) logProbs(b *data.Batch) ([]float32, error) {
	e, err := nn.NewEvaluation(m.model, nn.CrossEntropy{}, b.B, b.T)
	if err != nil {
		return nil, err
	}
	defer e.Release()
	if _, err := e.Run(b, 1); err != nil {
		return nil, err
	}
	return e.Values()
}

// meanLoss computes a batch's mean loss under the objective that the model is trained for, and its gradient.
func (m *computed) meanLoss(o nn.Objective, b *data.Batch) (float64, error) {
	m.training.MicroStep(b, 1/float64(o.Count(b)), true, false, 0)
	s, err := m.training.Now()
	return s.Loss, err
}

// microStep adds the gradient of a micro-batch's masked mean loss, divided by accumulation, and returns the loss
// before that division, and the auxiliary loss of its mixtures of experts.
func (m *computed) microStep(ids, targets []uint32, mask []float32, accumulation int) (loss, aux float64, err error) {
	b := batch(ids, targets, mask, m.training.B, m.training.T)
	m.training.MicroStep(b, 1/float64(b.Pairs*accumulation), m.micro == 0, false, 0)
	m.micro++
	s, err := m.training.Now()
	loss, aux = (s.Loss-m.loss)*float64(accumulation), (s.Aux-m.aux)*float64(accumulation)
	m.loss, m.aux = s.Loss, s.Aux
	return loss, aux, err
}

// gradient returns a parameter's gradient, added up over the micro-steps since the last step, before clipping.
func (m *computed) gradient(name string) ([]float32, error) { return m.training.Gradient(name) }

// step clips the gradient, lets AdamW change the parameters, clears the gradient and returns its norm before clipping.
func (m *computed) step(learningRate float64) (gradNorm float64, err error) {
	m.training.Update(learningRate)
	m.micro, m.loss, m.aux = 0, 0, 0
	s, _ := m.training.State(true)
	return s.GradNorm, m.model.Device.Err()
}

// parameter returns a parameter's values.
func (m *computed) parameter(name string) ([]float32, error) { return m.model.Parameter(name) }

// greedy returns n tokens that go on from the prompt, and the logits (n, V) that chose them.
func (m *computed) greedy(prompt []int, n int) (ids []int, logits []float32, err error) {
	g, err := generate.New(m.model, len(prompt)+n)
	if err != nil {
		return nil, nil, err
	}
	defer g.Release()
	return g.Greedy(prompt, n)
}

// learningRate is the schedule's at a row's step.
func learningRate(r scheduleRow) (float64, error) {
	return train.CosineRate(r.Base, int64(r.Step), int64(r.Total), int64(r.Warmup), r.MinRatio), nil
}

// probabilities are those that a token is drawn from, after the options.
func probabilities(logits []float32, seen []uint32, o samplingOptions) ([]float32, error) {
	var before []int
	for _, id := range seen {
		before = append(before, int(id))
	}
	all := generate.Probabilities(logits, before, nil, generate.Options{Temperature: o.Temperature, TopK: o.TopK, TopP: o.TopP, RepetitionPenalty: o.RepetitionPenalty})
	p := make([]float32, len(all))
	for i, v := range all {
		p[i] = float32(v)
	}
	return p, nil
}
