//go:build js

package main

import (
	"context"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// longestText is the most tokens of a prompt and what follows it.
const longestText = 512

// sampleOptions are those of samples: varied, but not wild, and the same for the same weights.
var sampleOptions = generate.Options{MaxNewTokens: 48, Temperature: 0.6, TopK: 20, TopP: 0.9, RepetitionPenalty: 1, Seed: 1}

// generator is the run's, made when it is first needed.
func (t *trainer) generator() (*generate.Generator, error) {
	r := t.run
	if r.writer != nil {
		return r.writer, nil
	}
	m := r.trainer.Model()
	var err error
	r.writer, err = generate.New(m, min(longestText, m.Config.MaxPositionEmbeddings))
	return r.writer, err
}

// sample lets the model write a few texts, and the page show them as they come.
func (t *trainer) sample(step int64) error {
	r := t.run
	start := time.Now()
	g, err := t.generator()
	if err != nil {
		return err
	}
	o := sampleOptions
samples:
	for i, prompt := range r.text.prompts() {
		post("sample", map[string]any{"step": step, "index": i, "text": prompt, "begins": true})
		ids, err := r.text.begin(prompt)
		if err != nil {
			return err
		}
		if len(ids) == 0 || len(ids) > g.Context() { // a tokenizer without a mark for the beginning; a question in very many tokens
			continue
		}
		for piece, err := range g.TextFrom(context.Background(), r.tok, ids, o) {
			if err != nil {
				return err
			}
			if piece != "" {
				post("sample", map[string]any{"step": step, "index": i, "text": piece})
			}
			if len(t.requests) > 0 { // the visitor comes first
				break samples
			}
		}
		o.Seed++
	}
	r.sampled, r.sampling = time.Now(), time.Since(start)
	return nil
}

// speak goes on from the visitor's prompt. Training waits meanwhile.
func (t *trainer) speak(q request) error {
	if !t.alive() {
		post("answer", map[string]any{"done": true, "error": detail(worded("there is no model yet: start a run, or load a checkpoint"))})
		return nil
	}
	err := t.answer(q)
	switch {
	case err == nil:
		post("answer", map[string]any{"done": true})
	case t.device.Err() == nil: // the prompt's fault: it is too long, or empty
		post("answer", map[string]any{"done": true, "error": detail(err)})
	default:
		post("answer", map[string]any{"done": true})
		return err
	}
	return nil
}

// answer streams the text that follows a prompt.
func (t *trainer) answer(q request) error {
	g, err := t.generator()
	if err != nil {
		return err
	}
	o := generate.Options{MaxNewTokens: q.data.Get("tokens").Int(), Temperature: q.data.Get("temperature").Float(), TopP: 0.9, RepetitionPenalty: 1,
		Seed: uint64(time.Now().UnixNano())}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ids, err := t.run.text.begin(q.text("prompt"))
	if err != nil {
		return err
	}
	for piece, err := range g.TextFrom(ctx, t.run.tok, ids, o) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		post("answer", map[string]any{"text": piece})
		t.hush(cancel)
	}
	return nil
}

// hush ends an answer when the visitor wishes; other requests wait.
func (t *trainer) hush(stop func()) {
	for len(t.requests) > 0 {
		q := <-t.requests
		if q.do == "hush" || q.do == "stop" {
			stop()
		}
		if q.do != "hush" {
			t.next = append(t.next, q)
		}
	}
}
