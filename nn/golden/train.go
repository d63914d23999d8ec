package golden

import (
	"errors"
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// train runs the case's optimizer steps and compares the first logits, every loss and gradient norm, the first step's
// gradients before clipping, and the parameters at the end.
func (c *testCase) train(dev *host.Device) error {
	if len(c.LearningRates) == 0 || c.Accumulation < 1 {
		return errors.New("case.json: a training case has learning_rates, one a step, and an accumulation of at least 1")
	}
	steps := len(c.LearningRates)
	ids := c.tensor("batch", "input_ids", steps, c.Accumulation, -1, -1)
	B, T := ids.shape[2], ids.shape[3]
	targets := c.tensor("batch", "targets", ids.shape...)
	mask := c.tensor("batch", "loss_mask", ids.shape...)
	losses := c.tensor("expect", "loss", steps, c.Accumulation)
	norms := c.tensor("expect", "global_grad_norm", steps)
	aux := c.tensor("expect", "aux", steps, c.Accumulation)
	start, adapters := c.weights(), c.adapters()
	if c.err != nil {
		return c.err
	}

	m, err := newTraining(dev, c, nn.CrossEntropy{}, start, adapters, B, T)
	if err != nil {
		return err
	}
	defer m.release()
	trained := c.Config.Parameters()
	if adapters != nil {
		trained, start = c.Config.AdapterParameters(c.lora()), adapters
	}
	if err := c.compareLogits(m, ids.part(0, 0)); err != nil {
		return err
	}
	var gotLosses, gotAuxes, gotNorms []float32
	for s := range steps {
		for a := range c.Accumulation {
			loss, balance, err := m.microStep(c.ids(ids.part(s, a)), c.ids(targets.part(s, a)), mask.part(s, a).float32s(), c.Accumulation)
			if err != nil {
				return err
			}
			gotLosses, gotAuxes = append(gotLosses, float32(loss)), append(gotAuxes, float32(balance))
		}
		if s == 0 {
			if err := c.compareGradients(m, trained); err != nil {
				return err
			}
		}
		norm, err := m.step(c.LearningRates[s])
		if err != nil {
			return err
		}
		gotNorms = append(gotNorms, float32(norm))
	}
	c.compare("loss", gotLosses, losses, boundValue)
	c.compare("aux", gotAuxes, aux, boundValue)
	c.compare("global_grad_norm", gotNorms, norms, boundGradient)
	return c.compareParameters(m, trained, start)
}

// compareLogits compares the logits (B, T, V) of a batch's ids (B, T), or of its last position only (B, V).
func (c *testCase) compareLogits(m *computed, ids *tensor) error {
	B, T, V := ids.shape[0], ids.shape[1], c.Config.VocabSize
	got, err := m.logits(c.ids(ids), B, T)
	if err != nil {
		return err
	}
	if c.HashedWeightsScale == 0 {
		c.compare("logits", got, c.tensor("expect", "logits", B, T, V), boundValue)
		return nil
	}
	var last []float32
	for b := range B {
		last = append(last, got[(b*T+T-1)*V:(b*T+T)*V]...)
	}
	c.compare("logits", last, c.tensor("expect", "logits", B, V), boundValue)
	return nil
}

// compareGradients compares the parameters' gradients; of a full-size case, their norms and first elements.
func (c *testCase) compareGradients(m *computed, parameters []config.Parameter) error {
	for _, p := range parameters {
		got, err := m.gradient(p.Name)
		if err != nil {
			return err
		}
		if c.HashedWeightsScale == 0 {
			c.compare("grad."+p.Name, got, c.tensor("expect", "grad."+p.Name, p.Shape...), boundGradient)
			continue
		}
		wantNorm := c.tensor("expect", "grad_norm."+p.Name, 1)
		head := c.tensor("expect", "grad_head."+p.Name, -1)
		if c.err != nil {
			return c.err
		}
		n := len(head.values)
		if n > len(got) {
			return fmt.Errorf("expect.safetensors: grad_head.%s has %d elements, the parameter %d", p.Name, n, len(got))
		}
		c.compare("grad_norm."+p.Name, []float32{normOf(got)}, wantNorm, boundGradient)
		// Against the size that so many elements have on average: their own can be almost nothing.
		size := wantNorm.values[0] * math.Sqrt(float64(n)/float64(len(got)))
		c.compareTo("grad_head."+p.Name, got[:n], head.values, size, boundGradient)
	}
	return nil
}

// compareParameters compares what the steps have changed; a full-size case does not say.
func (c *testCase) compareParameters(m *computed, parameters []config.Parameter, start [][]float32) error {
	if c.HashedWeightsScale != 0 {
		return nil
	}
	for i, p := range parameters {
		got, err := m.parameter(p.Name)
		if err != nil {
			return err
		}
		c.compareChange("param."+p.Name, got, start[i], c.tensor("expect", "param."+p.Name, p.Shape...), boundUpdate)
	}
	return nil
}
