//go:build !js

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// samplesHeading begins the samples of a step in samples.txt.
const samplesHeading = "=== step %d ===\n"

// sampleOptions are those of the samples of a run: varied, but not wild, and the same for the same weights.
var sampleOptions = generate.Options{MaxNewTokens: 64, Temperature: 0.6, TopK: 20, TopP: 0.9, RepetitionPenalty: 1, Seed: 1}

// newGenerator makes room for the longest of the prompts and what follows it, as far as the model's context goes.
func newGenerator(m *nn.Model, tok *tokenizer.Tokenizer, prompts []string, newTokens int) (*generate.Generator, error) {
	longest, most := 0, m.Config.MaxPositionEmbeddings
	for _, prompt := range prompts {
		n := len(generate.Begin(tok, prompt))
		switch {
		case n == 0:
			return nil, fmt.Errorf("this tokenizer has no mark for the beginning of a text: give a --prompt or --sample-prompt")
		case n > most:
			return nil, fmt.Errorf("the prompt %.20q... has %d tokens, the model's context %d: shorten it", prompt, n, most)
		}
		longest = max(longest, n)
	}
	return generate.New(m, min(longest+min(newTokens, most), most))
}

// write lets the model go on from the prompt to the end of the text, and writes both as they come.
func write(ctx context.Context, w io.Writer, g *generate.Generator, tok *tokenizer.Tokenizer, prompt string, o generate.Options) error {
	if _, err := io.WriteString(w, prompt); err != nil {
		return err
	}
	for text, err := range g.Text(ctx, tok, prompt, o) {
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// prompts are the beginnings of samples: the user's, or some that fit the data.
func (r *pretraining) prompts() []string {
	switch {
	case len(r.command.SamplePrompt) > 0:
		return r.command.SamplePrompt
	case r.command.Data == "":
		return []string{"Lily has", "小明有", "Tom hides", "一只"}
	}
	return []string{""}
}

// sample adds the step's samples to samples.txt.
func (r *pretraining) sample(step int64) error {
	if _, err := fmt.Fprintf(r.folder.samples, samplesHeading, step); err != nil {
		return err
	}
	return r.sampleTo(r.folder.samples)
}

func (r *pretraining) sampleTo(w io.Writer) error {
	for _, prompt := range r.prompts() {
		// Not the run's context: after Ctrl-C, a sample that was begun is finished.
		if err := write(context.Background(), w, r.sampler, r.tok, prompt, sampleOptions); err != nil {
			return err
		}
	}
	return nil
}
