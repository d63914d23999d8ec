package golden

import (
	"errors"
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// forward compares the logits of one batch.
func (c *testCase) forward(dev *host.Device) error {
	ids := c.tensor("batch", "input_ids", -1, -1)
	start := c.weights()
	if c.err != nil {
		return c.err
	}
	m, err := newInference(dev, c.Config, start)
	if err != nil {
		return err
	}
	defer m.release()
	return c.compareLogits(m, ids)
}

// generate lets the model go on greedily from the prompt and compares the ids, and the logits that chose them.
func (c *testCase) generate(dev *host.Device) error {
	want := c.tensor("expect", "ids", 1, -1)
	n := len(want.values)
	if c.err == nil && (c.PromptLength < 1 || c.PromptLength >= n) {
		return fmt.Errorf("case.json: prompt_length is %d of %d ids", c.PromptLength, n)
	}
	logits := c.tensor("expect", "logits", n-c.PromptLength, c.Config.VocabSize)
	all, start := c.ids(want), c.weights()
	if c.err != nil {
		return c.err
	}
	m, err := newInference(dev, c.Config, start)
	if err != nil {
		return err
	}
	defer m.release()
	var prompt []int
	for _, id := range all[:c.PromptLength] {
		prompt = append(prompt, int(id))
	}
	ids, chosenBy, err := m.greedy(prompt, n-c.PromptLength)
	if err != nil {
		return err
	}
	c.compareIDs("ids", append(prompt, ids...), want)
	c.compare("logits", chosenBy, logits, boundValue)
	return nil
}

// scheduleRow is a learning rate at a step.
type scheduleRow struct {
	Base     float64 `json:"base"`
	Step     int     `json:"step"`
	Total    int     `json:"total"`
	Warmup   int     `json:"warmup"` // steps
	MinRatio float64 `json:"min_ratio"`
	LR       float64 `json:"lr"`
}

// schedule compares learning rates.
func (c *testCase) schedule() error {
	if len(c.Rows) == 0 {
		return errors.New("case.json: a schedule has no rows")
	}
	for _, r := range c.Rows {
		got, err := learningRate(r)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("lr of step %d of %d, warm-up %d", r.Step, r.Total, r.Warmup)
		c.checks = append(c.checks, Check{name, relative(math.Abs(got-r.LR), math.Abs(r.LR)), boundSchedule})
	}
	return nil
}

// samplingOptions shape the probabilities that a token is drawn from.
type samplingOptions struct {
	Temperature       float64 `json:"temperature"`
	TopK              int     `json:"top_k"`
	TopP              float64 `json:"top_p"`
	RepetitionPenalty float64 `json:"repetition_penalty"`
}

// sampling compares the probabilities after penalty, temperature, top-k and top-p.
func (c *testCase) sampling() error {
	if len(c.Cases) == 0 {
		return errors.New("case.json: a sampling case has no cases")
	}
	for i, o := range c.Cases {
		name := func(s string) string { return fmt.Sprintf("%d.%s", i, s) }
		logits := c.tensor("expect", name("logits"), -1)
		c.Config.VocabSize = len(logits.values)
		seen := c.ids(c.tensor("expect", name("seen"), -1))
		want := c.tensor("expect", name("probabilities"), len(logits.values))
		if c.err != nil {
			return c.err
		}
		got, err := probabilities(logits.float32s(), seen, o)
		if err != nil {
			return err
		}
		c.compare(name("probabilities"), got, want, boundValue)
	}
	return nil
}
