//go:build !js

package main

import (
	"fmt"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

type distillCommand struct {
	tuneFlags   `embed:""`
	Teacher     string     `placeholder:"RUN|FILE" help:"The model to learn from, of any size, with the same tokenizer: a run's folder, or a checkpoint."`
	Alpha       float64    `default:"0.5" help:"What the text counts; the rest is the teacher's. 1 is sft, 0 the teacher alone."`
	Temperature float64    `default:"1.5" help:"How much the teacher's and the student's probabilities are evened out before they are compared."`
	Preset      string     `default:"tiny" help:"The student, if it begins with fresh weights, without --from; info lists them."`
	Model       modelFlags `embed:""`
}

// Validate says which options cannot be; kong calls it.
func (c *distillCommand) Validate() error {
	switch {
	case !(c.Alpha >= 0 && c.Alpha <= 1):
		return fmt.Errorf("--alpha is %v: must be from 0 to 1", c.Alpha)
	case !(c.Temperature > 0):
		return fmt.Errorf("--temperature is %v: must be above 0", c.Temperature)
	}
	return nil
}

// Run lets a student learn from a teacher, and from conversations.
func (c *distillCommand) Run(p *program, settings *kong.Context) error {
	s := c.stage("distill", conversationsSource())
	s.rate, s.open, s.filled = 5e-6, c.open, c.filled
	s.configure = func(t *train.Config) {
		t.Distillation = nn.Distillation{Alpha: c.Alpha, Temperature: c.Temperature}
	}
	return p.train(s, &c.runFlags, settings)
}

// open opens the teacher, and the student, which may begin with fresh weights.
func (c *distillCommand) open(r *training) (err error) {
	if c.Teacher == "" {
		return fmt.Errorf("--teacher is missing: it names the model to learn from, a run's folder or a checkpoint")
	}
	if r.teacher, err = openWhole(c.Teacher); err != nil {
		return fmt.Errorf("the teacher: %w", err)
	}
	switch {
	case r.resumed != nil || c.From != "":
		err = c.tuneFlags.open(r)
	default:
		if err = r.takeTokenizer(r.teacher); err == nil {
			r.called = c.Preset + ": "
			r.model, err = c.Model.model(c.Preset, r.tok.VocabSize())
		}
		if err == nil {
			r.chat, err = findChatFormat(c.ChatTemplate, r.tok, r.teacher.dir)
		}
	}
	if err != nil {
		return err
	}
	if r.teacher.reader.Header.TokenizerHash != r.tok.Hash() {
		return fmt.Errorf("the teacher %s has another tokenizer than the student, of which the same numbers are other tokens: their probabilities cannot be compared; take a teacher with the student's tokenizer", r.teacher.file)
	}
	return nil
}

// filled lets the recorded flags say all of the student, and where the teacher is.
func (c *distillCommand) filled(r *training) {
	c.tuneFlags.filled(r)
	absolute(&c.Teacher)
	c.Model.fill(r.model)
}
