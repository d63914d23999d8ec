package golden

import (
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// dpo compares the log-probabilities of pairs of rows under the policy and the reference, the loss and its gradient.
func (c *testCase) dpo(dev *host.Device) error {
	o := nn.DPO{Beta: c.Beta, Mean: c.LogProb == "mean"}
	if !(o.Beta > 0) || !o.Mean && c.LogProb != "sum" {
		return fmt.Errorf("case.json: a dpo case has a beta above 0 and log_prob, sum or mean; they are %v and %q", c.Beta, c.LogProb)
	}
	b, weights := c.batch(), c.weights()
	reference := c.values("reference_weights", c.Config.Parameters())
	if c.err != nil {
		return c.err
	}
	if b.B%2 != 0 || o.Count(b) == 0 {
		return fmt.Errorf("batch.safetensors: %d rows, of which %d pairs count: a dpo case has pairs of rows", b.B, o.Count(b))
	}
	r, err := newInference(dev, c.Config, reference)
	if err != nil {
		return err
	}
	tokens, err := r.logProbs(b)
	r.release()
	if err != nil {
		return err
	}
	c.compare("reference_log_probs", tokens, c.tensor("expect", "reference_log_probs", b.B, b.T), boundValue)
	b.Reference = o.RowLogProbs(b, tokens)

	m, err := newTraining(dev, c, o, weights, nil, b.B, b.T)
	if err != nil {
		return err
	}
	defer m.release()
	if tokens, err = m.logProbs(b); err != nil {
		return err
	}
	c.compare("policy_log_probs", tokens, c.tensor("expect", "policy_log_probs", b.B, b.T), boundValue)
	return c.compareLoss(m, o, b)
}

// distill compares the loss of a student beside its teacher, and its gradient.
func (c *testCase) distill(dev *host.Device) error {
	if !(c.Temperature > 0) {
		return fmt.Errorf("case.json: a distill case has a temperature above 0; it is %v", c.Temperature)
	}
	if err := c.TeacherConfig.Validate(); err != nil {
		return fmt.Errorf("case.json: teacher_config: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if c.TeacherConfig.VocabSize != c.Config.VocabSize {
		return fmt.Errorf("case.json: the teacher's vocabulary is %d, the student's %d", c.TeacherConfig.VocabSize, c.Config.VocabSize)
	}
	b, weights, teachers := c.batch(), c.weights(), c.values("teacher_weights", c.TeacherConfig.Parameters())
	if c.err != nil {
		return c.err
	}
	teacher, err := newInference(dev, c.TeacherConfig, teachers)
	if err != nil {
		return err
	}
	defer teacher.release()
	o := nn.Distillation{Alpha: c.Alpha, Temperature: c.Temperature, Teacher: teacher.model}
	m, err := newTraining(dev, c, o, weights, nil, b.B, b.T)
	if err != nil {
		return err
	}
	defer m.release()
	return c.compareLoss(m, o, b)
}

// compareLoss compares an objective's loss on a batch and all gradients.
func (c *testCase) compareLoss(m *computed, o nn.Objective, b *data.Batch) error {
	loss, err := m.meanLoss(o, b)
	if err != nil {
		return err
	}
	c.compare("loss", []float32{float32(loss)}, c.tensor("expect", "loss", 1), boundValue)
	return c.compareGradients(m, c.Config.Parameters())
}

// batch is the case's only one.
func (c *testCase) batch() *data.Batch {
	ids := c.tensor("batch", "input_ids", -1, -1)
	targets, mask := c.tensor("batch", "targets", ids.shape...), c.tensor("batch", "loss_mask", ids.shape...)
	return batch(c.ids(ids), c.ids(targets), mask.float32s(), ids.shape[0], ids.shape[1])
}
