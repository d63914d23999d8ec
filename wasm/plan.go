//go:build js

package main

import (
	"context"
	"math"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// warmUp trains a few steps that are thrown away: so the browser has compiled the kernels before the first click, and it
// is known how fast this GPU is.
func (t *trainer) warmUp() error {
	const steps, timed = 5, 2 // the first ones compile, and find out how long submissions may be
	s := settings{Stage: pretrain, Preset: "tiny", LearningRate: 1e-3, Epochs: 1, MaxSteps: steps, BatchSize: 8, AccumulationSteps: 1, MaxSeqLen: 128}
	if t.device.Info.CPU {
		s.BatchSize, s.MaxSeqLen = 1, 64
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	c.SampleInterval, c.SaveInterval = steps, steps
	m, err := s.model(t.corpus.tok.VocabSize())
	if err != nil {
		return err
	}
	t.kernels = train.Tune(t.device, m, c)
	d, err := t.corpus.data(c, data.Cursor{})
	if err != nil {
		return err
	}
	d.Kernels = t.kernels
	trial, err := train.New(t.device, m, c, d)
	if err != nil {
		return err
	}
	defer trial.Release()
	told, before := progress("warm-up"), 0.0
	for step, err := range trial.Run(context.Background()) {
		if err != nil {
			return err
		}
		told(float64(step.Step) / steps)
		switch step.Step {
		case steps - timed:
			before = step.Seconds
		case steps:
			t.flops = m.FlopsPerToken(c.MaxSeqLen) * timed * float64(c.BatchSize*c.MaxSeqLen) / max(step.Seconds-before, 1e-6)
		}
	}
	return nil
}

// plan tells the page what a run with the controls' settings would take.
func (t *trainer) plan(q request) error {
	s, err := parseSettings(q.text("settings"))
	if err != nil {
		return err
	}
	refuse := func(err error) error {
		post("plan", map[string]any{"error": detail(err)})
		return nil
	}
	c, err := s.config()
	if err != nil {
		return refuse(err)
	}
	tok := t.corpus.tok
	if !converses(s.Stage) {
		if tok, err = t.tokenizerOf(q); err != nil {
			return refuse(err)
		}
	}
	m, err := t.modelFor(s, tok)
	if err != nil {
		return refuse(err)
	}
	peak, err := t.rehearse(m, c)
	if err != nil {
		return refuse(err)
	}
	event := map[string]any{"parameters": m.NumParameters(), "memory": peak}
	if s.Stage == lora {
		trained := int64(0)
		for _, p := range m.AdapterParameters(c.LoRA) {
			trained += p.Elements()
		}
		event["trained"] = trained
	}
	tokens := float64(c.MaxSteps) * float64(c.BatchSize*c.AccumulationSteps*c.MaxSeqLen)
	if c.MaxSteps == 0 && s.Stage == pretrain && q.text("source") == "embedded" {
		tokens = float64(t.corpus.shard.Tokens) * float64(c.Epochs)
	}
	if seconds := tokens * s.flopsPerToken(m) / t.flops; tokens > 0 && !math.IsInf(seconds, 0) {
		event["seconds"] = seconds
	}
	post("plan", event)
	return nil
}

// rehearse is how many bytes of the GPU's memory a run takes with its samples. The error says what it has no room for.
func (t *trainer) rehearse(m config.Model, c train.Config) (peak int64, err error) {
	if c.Stage == lora {
		if err := c.LoRA.Validate(m); err != nil {
			return 0, blame(errSettings, err)
		}
	}
	validationRows := int64(0)
	if c.ValidationShare > 0 {
		validationRows = int64(c.BatchSize) // the most that can be needed
	}
	planner := host.Planner(t.device.Info)
	rehearsed, err := train.Rehearse(planner, m, nil, c, validationRows)
	if err == nil {
		_, err = generate.New(rehearsed.Model(), min(longestText, m.MaxPositionEmbeddings))
	}
	_, _, peak = planner.Ledger()
	return peak, blame(errMemory, err)
}

// measured takes the speed of a run for the plans to come.
func (r *run) measured(t *trainer) {
	if r.speed.tokenS > 0 && time.Since(r.sampled) > time.Second {
		t.flops = r.settings.flopsPerToken(r.trainer.Model().Config) * r.speed.tokenS
	}
}
