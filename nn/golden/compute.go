package golden

import (
	"errors"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// What a case needs computed. Everything that touches package nn, nn/train and nn/generate is in this file.

var errNotBuilt = errors.New("the model is not built yet")

// computed is a model of a case on the device.
type computed struct{}

// newTraining puts the weights, in the order of Config.Parameters, on the device, to be trained on rows (B, T).
func newTraining(dev *host.Device, c *testCase, weights [][]float32, B, T int) (*computed, error) {
	return nil, errNotBuilt
}

// newInference puts the weights on the device, to compute logits and to generate.
func newInference(dev *host.Device, c *testCase, weights [][]float32) (*computed, error) {
	return nil, errNotBuilt
}

func (m *computed) release() {}

// logits returns those of all positions, (B, T, V), for ids (B, T), one document a row.
func (m *computed) logits(ids []uint32, B, T int) ([]float32, error) { return nil, errNotBuilt }

// microStep adds the gradient of a micro-batch's masked mean loss, divided by accumulation, and returns the loss
// before that division.
func (m *computed) microStep(ids, targets []uint32, mask []float32, accumulation int) (loss float64, err error) {
	return 0, errNotBuilt
}

// gradient returns a parameter's gradient, added up over the micro-steps since the last step, before clipping.
func (m *computed) gradient(name string) ([]float32, error) { return nil, errNotBuilt }

// step clips the gradient, lets AdamW change the parameters, clears the gradient and returns its norm before clipping.
func (m *computed) step(learningRate float64) (gradNorm float64, err error) { return 0, errNotBuilt }

// parameter returns a parameter's values.
func (m *computed) parameter(name string) ([]float32, error) { return nil, errNotBuilt }

// greedy returns n tokens that go on from the prompt, and the logits (n, V) that chose them.
func (m *computed) greedy(prompt []int, n int) (ids []int, logits []float32, err error) {
	return nil, nil, errNotBuilt
}

// learningRate is the schedule's at a row's step.
func learningRate(r scheduleRow) (float64, error) { return 0, errNotBuilt }

// probabilities are those that a token is drawn from, after the options.
func probabilities(logits []float32, seen []uint32, o samplingOptions) ([]float32, error) {
	return nil, errNotBuilt
}
