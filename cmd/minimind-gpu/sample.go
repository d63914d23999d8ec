//go:build !js

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// samplesHeading begins the samples of a step in samples.txt.
const samplesHeading = "=== step %d ===\n"

// sampleOptions are those of the samples of a run: varied, but not wild, and the same for the same weights.
var sampleOptions = generate.Options{MaxNewTokens: 64, Temperature: 0.6, TopK: 20, TopP: 0.9, RepetitionPenalty: 1, Seed: 1}

// newGenerator makes room for the longest of the prompts and what follows it, as far as the model's context goes.
func newGenerator(m *nn.Model, tok *tokenizer.Tokenizer, prompts []string, newTokens int) (*generate.Generator, error) {
	var ids [][]int
	for _, prompt := range prompts {
		ids = append(ids, generate.Begin(tok, prompt))
	}
	return generatorFor(m, prompts, ids, newTokens)
}

// generatorFor is newGenerator for prompts that the model sees as the given tokens.
func generatorFor(m *nn.Model, prompts []string, ids [][]int, newTokens int) (*generate.Generator, error) {
	longest, most := 0, m.Config.MaxPositionEmbeddings
	for i, prompt := range prompts {
		n := len(ids[i])
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
	return writeFrom(ctx, w, g, tok, prompt, generate.Begin(tok, prompt), o)
}

// writeFrom is write for a prompt that people see in another form than the model.
func writeFrom(ctx context.Context, w io.Writer, g *generate.Generator, tok *tokenizer.Tokenizer, shown string, prompt []int, o generate.Options) error {
	if _, err := io.WriteString(w, shown); err != nil {
		return err
	}
	for text, err := range g.TextFrom(ctx, tok, prompt, o) {
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

// sampler writes a run's samples.
type sampler struct {
	generator *generate.Generator
	prompts   []string
	ids       [][]int // the prompts as the model sees them
}

// samplePrompts are the beginnings of samples, or questions: the user's, or some that fit the data.
func (r *training) samplePrompts() []string {
	switch {
	case len(r.flags.SamplePrompt) > 0:
		return r.flags.SamplePrompt
	case r.flags.Data == "":
		return r.prompts
	case r.chat != nil:
		return []string{"Who are you?", "你是谁?"}
	}
	return []string{""}
}

// newSampler makes room for the longest of the prompts and what follows it.
func (r *training) newSampler() (s *sampler, err error) {
	s = &sampler{prompts: r.samplePrompts()}
	for _, prompt := range s.prompts {
		ids := generate.Begin(r.tok, prompt)
		if r.chat != nil {
			question := chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: prompt}}}
			if _, ids, err = r.chat.Format.Prompt(question, chat.ThinkingDefault); err != nil {
				return nil, err
			}
		}
		s.ids = append(s.ids, ids)
	}
	if s.generator, err = generatorFor(r.trainer.Model(), s.prompts, s.ids, sampleOptions.MaxNewTokens); err != nil {
		return nil, err
	}
	return s, nil
}

// sample adds the step's samples to samples.txt.
func (r *training) sample(step int64) error {
	if _, err := fmt.Fprintf(r.folder.samples, samplesHeading, step); err != nil {
		return err
	}
	return r.sampleTo(r.folder.samples)
}

func (r *training) sampleTo(w io.Writer) error {
	for i, prompt := range r.sampler.prompts {
		begin := prompt
		if r.chat != nil {
			begin = "> " + prompt + "\n"
		}
		// Not the run's context: after Ctrl-C, a sample that was begun is finished.
		if err := writeFrom(context.Background(), w, r.sampler.generator, r.tok, begin, r.sampler.ids[i], sampleOptions); err != nil {
			return err
		}
	}
	return nil
}
