//go:build js

package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// load goes on with a file: exactly with the run of a checkpoint, if its text is at hand (the built-in one, or the one that
// the page has chosen); else it begins a run with the weights.
func (t *trainer) load(q request) error {
	t.state("preparing")
	if err := t.settle(q); err != nil {
		return err
	}
	u := newUpload(q.data.Get("checkpoint"))
	named := func(err error) error { return blame(errFile, worded("%s: %w", u.name(), err)) }
	if strings.HasSuffix(u.name(), ".safetensors") {
		weights, err := openWeights(u)
		if err != nil {
			return named(err)
		}
		return t.loadWeights(q, u.name(), weights.Config, weights.Tokenizer, weights.WriteCheckpoint, "loaded-weights")
	}
	c, err := openCheckpoint(u.section())
	if err != nil {
		return named(err)
	}
	tok, err := tokenizer.Load(bytes.NewReader(c.Header.Tokenizer))
	if err != nil {
		return named(err)
	}
	says := "loaded-weights"
	if cfg, err := train.ConfigOf(c.Header.State.Settings); err == nil && slices.Contains([]string{"", pretrain, sft, lora}, cfg.Stage) {
		err := t.loadRun(q, u, c, cfg, tok)
		if !errors.Is(err, errOtherText) || c.Header.Adapter != nil {
			return err
		}
		says = "loaded-alone"
	}
	if c.Header.Adapter != nil {
		return named(worded("it holds adapters alone, and not of a run that can be gone on with here; the native program's lora merge makes a whole model of them, which can be loaded"))
	}
	write := func(w io.Writer) error { return checkpoint.CopyModel(w, c) }
	return t.loadWeights(q, u.name(), c.Header.Model, tok, write, says)
}

// loadRun goes on, exactly, with a checkpoint's run. If its text is not at hand the error is errOtherText.
func (t *trainer) loadRun(q request, u *upload, c *checkpoint.Reader, cfg train.Config, tok *tokenizer.Tokenizer) (err error) {
	settings := settingsOf(c.Header.Model, cfg)
	var base []byte
	if c.Header.Adapter != nil {
		if base, err = t.baseFor(c.Header); err != nil {
			return blame(errFile, worded("%s: %w", u.name(), err))
		}
		settings = settings.sized(t.run.settings)
	}
	txt, err := t.textWith(q, settings.Stage, c.Header.State.Settings["data"], tok)
	if err != nil {
		return blame(errFile, worded("%s: %w", u.name(), err))
	}
	r := newRun(settings, txt)
	r.from, r.unsaved = base, true
	if err := r.resume(t, c); err != nil {
		t.discard(r)
		return err
	}
	t.become(r)
	t.rest = "paused"
	t.arrive(map[string]any{"says": "loaded", "name": u.name(), "step": r.step})
	return nil
}

// baseFor is the model that a checkpoint's adapters are for: that of the present run, or the one beneath its adapters.
func (t *trainer) baseFor(h *checkpoint.Header) ([]byte, error) {
	if !t.alive() {
		return nil, worded("it holds adapters alone, and needs the model that they were trained on: load that one first, then this file again")
	}
	r := t.run
	if err := r.trainer.Model().CheckBase(h); err != nil {
		return nil, worded("it holds adapters alone, and needs another model than the present one: load the one that they were trained on first, then this file again (%w)", err)
	}
	if r.settings.Stage != lora {
		return r.copyModel()
	}
	from, close, err := t.beginning(r)
	if err != nil {
		return nil, err
	}
	defer close()
	return io.ReadAll(from)
}

// loadWeights begins a run, at rest, with weights: on the page's settings and text, but with the model's sizes and its
// tokenizer. write writes the model as a checkpoint.
func (t *trainer) loadWeights(q request, name string, m config.Model, tok *tokenizer.Tokenizer, write func(io.Writer) error, says string) error {
	var from bytes.Buffer
	if err := write(&from); err != nil {
		return blame(errFile, worded("%s: %w", name, err))
	}
	s, err := parseSettings(q.text("settings"))
	if err != nil {
		return err
	}
	cfg, err := s.config()
	if err != nil {
		return blame(errSettings, err)
	}
	s = settingsOf(m, cfg)
	txt, err := t.textFor(q, s.Stage, tok)
	if err != nil {
		return err
	}
	r := newRun(s, txt)
	r.model, r.from, r.unsaved = m, from.Bytes(), true
	make, err := r.plan(t)
	if err != nil {
		t.discard(r)
		return err
	}
	t.become(r)
	if err := make(); err != nil {
		return err
	}
	t.arrive(map[string]any{"says": says, "name": name, "step": 0})
	return nil
}

// arrive lets the page know that a file's run is the present one, at rest.
func (t *trainer) arrive(loaded map[string]any) {
	t.running, t.rest = false, "paused"
	t.enlist(t.run.record)
	t.announce()
	t.save()
	post("loaded", loaded)
	t.state("")
}

// openWeights is the model of a safetensors file that says itself what it is.
func openWeights(u *upload) (*interchange.Model, error) {
	f, err := interchange.OpenSafetensors(u, u.size())
	if err != nil {
		return nil, err
	}
	m, ok, err := f.Model()
	if err == nil && !ok {
		err = worded("it does not say what model and tokenizer it is of; the native program's import takes it with its folder, and the checkpoint that it makes can be loaded here")
	}
	return m, err
}
