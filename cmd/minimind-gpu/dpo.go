//go:build !js

package main

import (
	"fmt"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

type dpoCommand struct {
	tuneFlags `embed:""`
	Beta      float64 `default:"0.1" help:"How much the model is held to what it was: larger is tighter. MiniMind's is 0.1, since 2026 0.15."`
	LogProb   string  `default:"sum" enum:"sum,mean" help:"Log-probability of an answer: the sum over its tokens, or their mean, as MiniMind's was from April 2025 to March 2026."`
}

// Validate says which options cannot be; kong calls it.
func (c *dpoCommand) Validate() error {
	if !(c.Beta > 0) {
		return fmt.Errorf("--beta is %v: must be above 0", c.Beta)
	}
	return nil
}

// Run lets a model prefer the chosen of two answers.
func (c *dpoCommand) Run(p *program, settings *kong.Context) error {
	s := c.stage("dpo", embeddedSource("the embedded preferences", "preferences", data.Preferences, data.JSONL, corpus.Preferences))
	s.rate, s.demoRate = 5e-7, 1e-4
	s.configure = func(t *train.Config) { t.DPO = nn.DPO{Beta: c.Beta, Mean: c.LogProb == "mean"} }
	return p.train(s, &c.runFlags, settings)
}
