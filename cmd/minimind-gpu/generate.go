//go:build !js

package main

import (
	"bytes"
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

type generateCommand struct {
	Checkpoint        string   `required:"" placeholder:"FILE|RUN" help:"A checkpoint, or a run's folder, whose newest is taken."`
	Prompt            []string `sep:"none" placeholder:"TEXT" help:"Beginning of the text; may be given more than once. Default: none."`
	MaxNewTokens      int      `default:"128" help:"Longest continuation, in tokens."`
	Temperature       float64  `default:"0.85" help:"Below 1 the likely gets likelier, above 1 the unlikely."`
	TopK              int      `default:"0" help:"Choose among so many of the likeliest tokens; 0: all."`
	TopP              float64  `default:"0.85" help:"Choose among the likeliest tokens that have this probability together."`
	RepetitionPenalty float64  `default:"1" help:"Above 1, tokens that were there already get less likely."`
	Seed              uint64   `default:"42" help:"Decides all choices."`
	Greedy            bool     `help:"Always take the likeliest token."`
	Adapter           string   `help:"GPU to use; see pretrain."`
}

// Validate says which options cannot be; kong calls it.
func (c *generateCommand) Validate() error {
	switch {
	case c.MaxNewTokens < 0:
		return fmt.Errorf("--max-new-tokens is %d: must be at least 0", c.MaxNewTokens)
	case !(c.Temperature >= 0):
		return fmt.Errorf("--temperature is %v: must be at least 0", c.Temperature)
	case c.TopK < 0:
		return fmt.Errorf("--top-k is %d: must be at least 0", c.TopK)
	case !(c.TopP >= 0 && c.TopP <= 1):
		return fmt.Errorf("--top-p is %v: must be from 0 to 1", c.TopP)
	case !(c.RepetitionPenalty > 0):
		return fmt.Errorf("--repetition-penalty is %v: must be above 0", c.RepetitionPenalty)
	}
	return nil
}

// Run streams a continuation of each prompt to standard output.
func (c *generateCommand) Run(p *program) error {
	_, file, err := findCheckpoint(c.Checkpoint)
	if err != nil {
		return err
	}
	reader, f, err := openCheckpoint(file)
	if err != nil {
		return err
	}
	defer f.Close()
	tok, err := tokenizer.Load(bytes.NewReader(reader.Header.Tokenizer))
	if err != nil {
		return fmt.Errorf("%s: its %w", file, err)
	}
	device, err := host.Open(host.Options{Adapter: c.Adapter})
	if err != nil {
		return err
	}
	defer device.Close()
	model, err := nn.LoadModel(device, reader)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	prompts := c.Prompt
	if len(prompts) == 0 {
		prompts = []string{""}
	}
	g, err := newGenerator(model, tok, prompts, c.MaxNewTokens)
	if err != nil {
		return err
	}
	defer g.Release()
	o := generate.Options{MaxNewTokens: c.MaxNewTokens, Temperature: c.Temperature, TopK: c.TopK, TopP: c.TopP,
		RepetitionPenalty: c.RepetitionPenalty, Seed: c.Seed, Greedy: c.Greedy}
	for _, prompt := range prompts {
		err := write(p.ctx, p.stdout, g, tok, prompt, o)
		if p.ctx.Err() != nil {
			fmt.Fprintln(p.stdout)
			return errInterrupted
		}
		if err != nil {
			return err
		}
	}
	return nil
}
