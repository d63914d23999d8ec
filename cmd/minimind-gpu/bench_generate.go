//go:build !js

package main

import (
	"fmt"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// benchGenerate decodes one text and then eight together with the preset's model, untrained, and prints the speed, the time
// to the first token and what a token takes in the cache. Choosing tokens as generate does is part of it.
func (c *benchCommand) benchGenerate(p *program, d *host.Device) error {
	const promptTokens, texts = 128, 8
	newTokens := 256
	if d.Info.CPU {
		newTokens = 32
	}
	preset, err := config.Preset(c.Preset)
	if err != nil {
		return err
	}
	model, err := nn.NewModel(d, preset)
	if err != nil {
		return err
	}
	defer model.Release()
	model.Init(1)
	g, err := generate.NewBatch(model, generate.Batch{Context: promptTokens + newTokens, Texts: texts})
	if err != nil {
		return err
	}
	defer g.Release()
	if err := g.Warm(); err != nil {
		return err
	}
	first, err := decode(p, g, 1, promptTokens, 1, preset.VocabSize)
	if err != nil {
		return err
	}
	one, err := decode(p, g, 1, 1, newTokens, preset.VocabSize)
	if err != nil {
		return err
	}
	all, err := decode(p, g, texts, 1, newTokens, preset.VocabSize)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\ngeneration by %s\n", c.Preset)
	fmt.Fprintf(p.stdout, "  first token after a prompt of %d   %.1f ms\n", promptTokens, 1e3*first)
	fmt.Fprintf(p.stdout, "  one text                          %.1f tokens/s\n", float64(newTokens)/one)
	fmt.Fprintf(p.stdout, "  %d texts together                  %.1f tokens/s; they take %.2fx the time of one\n", texts, float64(texts*newTokens)/all, all/one)
	fmt.Fprintf(p.stdout, "  keys and values of a token        %d B, in halves %d B\n", nn.CacheBytes(preset, false), nn.CacheBytes(preset, true))
	return nil
}

// decode lets the given number of texts write together and returns the seconds that it took.
func decode(p *program, g *generate.Generator, texts, promptTokens, newTokens, vocab int) (float64, error) {
	prompt := make([]int, promptTokens)
	for i := range prompt {
		prompt[i] = (i*37 + 5) % vocab
	}
	start := time.Now()
	for n := range texts {
		o := generate.Options{MaxNewTokens: newTokens, Temperature: 0.85, TopP: 0.85, Seed: uint64(n), Stop: -1}
		if _, err := g.Join(prompt, o); err != nil {
			return 0, err
		}
	}
	for g.Running() > 0 && p.ctx.Err() == nil {
		if _, err := g.Step(); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds(), p.ctx.Err()
}
