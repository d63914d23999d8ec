//go:build !js

package main

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

type generateCommand struct {
	Checkpoint    string   `required:"" placeholder:"FILE|RUN" help:"A checkpoint, or a run's folder, whose newest is taken."`
	Prompt        []string `sep:"none" placeholder:"TEXT" xor:"prompts" help:"Beginning of the text; may be given more than once. Default: none."`
	File          string   `placeholder:"FILE" xor:"prompts" help:"Prompts, one a line (- is standard input); for each a line of JSON is printed, with prompt, text and end."`
	MaxNewTokens  int      `default:"128" help:"Longest continuation, in tokens."`
	Seed          uint64   `default:"42" help:"Decides all choices. A prompt has the same continuation alone and in a file."`
	Greedy        bool     `help:"Always take the likeliest token."`
	Parallel      int      `default:"8" help:"Prompts of a file that are decoded at one time."`
	samplingFlags `embed:""`
	ropeFlags     `embed:""`
	Adapter       string `placeholder:"GPU" help:"${adapter_help}"`
}

// Validate says which options cannot be; kong calls it.
func (c *generateCommand) Validate() error {
	if c.MaxNewTokens < 0 {
		return fmt.Errorf("--max-new-tokens is %d: must be at least 0", c.MaxNewTokens)
	}
	if c.Parallel < 1 {
		return fmt.Errorf("--parallel is %d: must be at least 1", c.Parallel)
	}
	return c.samplingFlags.Validate()
}

func (c *generateCommand) options() generate.Options {
	o := c.samplingFlags.options()
	o.MaxNewTokens, o.Seed, o.Greedy = c.MaxNewTokens, c.Seed, c.Greedy
	return o
}

// Run streams a continuation of each prompt to standard output.
func (c *generateCommand) Run(p *program) error {
	s, err := openSpeaker(c.Checkpoint, c.Adapter)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.ropeFlags.apply(&s.model.Config); err != nil {
		return err
	}
	if c.File != "" {
		return c.continueFile(p, s)
	}
	prompts := c.Prompt
	if len(prompts) == 0 {
		prompts = []string{""}
	}
	g, err := newGenerator(s.model, s.tok, prompts, c.MaxNewTokens)
	if err != nil {
		return err
	}
	defer g.Release()
	for _, prompt := range prompts {
		err := write(p.ctx, p.stdout, g, s.tok, prompt, c.options())
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
