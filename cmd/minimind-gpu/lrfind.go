//go:build !js

package main

import (
	"errors"
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/train"
	"gonum.org/v1/plot/plotter"
)

type lrFindCommand struct {
	dataFlags `embed:""`
	Tokenizer string     `aliases:"tokenizer-path" placeholder:"FILE" help:"The tokenizer.json. Default: the embedded one, of 512 tokens."`
	Preset    string     `default:"tiny" help:"The model; info lists them."`
	From      string     `placeholder:"RUN|FILE" help:"Fine-tune this model, as sft does, instead of training one from scratch."`
	Lowest    float64    `default:"1e-6" help:"Learning rate to begin with."`
	Highest   float64    `default:"1" help:"Learning rate to end with."`
	Steps     int        `default:"100" help:"Steps between them."`
	Picture   string     `placeholder:"FILE" help:"Draw the curve into this .png, .svg, .pdf or .jpg."`
	Training  trainFlags `embed:""`
	Model     modelFlags `embed:""`
}

// Run makes a range test.
func (c *lrFindCommand) Run(p *program) error {
	if c.Picture != "" {
		if err := checkPicture("--picture", c.Picture); err != nil {
			return err
		}
	}
	if err := train.CheckRates(c.Lowest, c.Highest, c.Steps); err != nil {
		return err
	}
	flags := &runFlags{dataFlags: c.dataFlags, Training: c.Training}
	pretrain := pretrainCommand{runFlags: *flags, Tokenizer: c.Tokenizer, Preset: c.Preset, Model: c.Model}
	s := pretrain.stage()
	if c.From != "" {
		tune := tuneFlags{runFlags: *flags, From: c.From}
		s = tune.stage("sft", conversationsSource())
	}
	flags.Training.LearningRate, flags.Training.MaxSteps = &c.Highest, c.Steps
	flags.Training.Warmup, flags.Training.Schedule = 0, "constant"
	r := &training{program: p, stage: s, flags: flags, progress: newProgress(p.stderr)}
	defer r.close()
	if err := r.open(r); err != nil {
		return err
	}
	if r.from != nil {
		defer r.from.close()
	}
	if err := r.assemble(); err != nil {
		return err
	}
	done := 0
	points, err := r.trainer.FindRate(p.ctx, c.Lowest, c.Highest, c.Steps, func(point train.RatePoint) {
		done++
		r.progress.show(float64(done)/float64(c.Steps), done == c.Steps, func() string {
			return fmt.Sprintf("step %d/%d · rate %.2e · loss %.4f", done, c.Steps, point.Rate, point.Smooth)
		})
	})
	r.progress.clear()
	if p.ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	c.draw(p, points)
	advice, err := train.AdviseRate(points)
	if err == nil {
		p.print("steepest   %.2e\nlowest     %.2e\nsuggested  --learning-rate %.2g\n", advice.Steepest, advice.Lowest, advice.Suggested)
	}
	if c.Picture == "" {
		return err
	}
	return errors.Join(err, c.sketch(points, advice).save(p, c.Picture))
}

// draw prints the curve.
func (c *lrFindCommand) draw(p *program, points []train.RatePoint) {
	var smooth []float64
	low, high := points[0].Smooth, points[0].Smooth
	for _, point := range points {
		smooth = append(smooth, point.Smooth)
		low, high = min(low, point.Smooth), max(high, point.Smooth)
	}
	lines := bars(smooth, 72, 8)
	for i, line := range lines {
		label := ""
		switch i {
		case 0:
			label = fmt.Sprintf("%.3f", high)
		case len(lines) - 1:
			label = fmt.Sprintf("%.3f", low)
		}
		p.print("%8s %s\n", label, line)
	}
	p.print("%8s %-.1e%*s\n", "rate", points[0].Rate, max(min(72, len(points))-7, 8), fmt.Sprintf("%.1e", points[len(points)-1].Rate))
}

// sketch is the curve as a picture.
func (c *lrFindCommand) sketch(points []train.RatePoint, advice train.RateAdvice) sketch {
	s := sketch{title: "Loss while the learning rate grows", x: "learning rate", y: "loss, smoothed", logarithmicX: true}
	for _, point := range points {
		s.points = append(s.points, plotter.XY{X: point.Rate, Y: point.Smooth})
	}
	if advice.Suggested > 0 {
		s.marks = []sketchMark{{advice.Suggested, fmt.Sprintf("suggested, %.2g", advice.Suggested)}, {advice.Steepest, "steepest"}, {advice.Lowest, "lowest"}}
	}
	return s
}
