//go:build js

package main

import (
	"bufio"
	"bytes"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

var errNoFile = worded("no file was chosen: drop a .txt or .jsonl file on the page, or choose one")

// readPasted tokenises a text that was pasted.
func readPasted(s *store, stage, pasted string, tok *tokenizer.Tokenizer) (*text, error) {
	name := "pasted.txt"
	if stage == sft {
		name = "pasted.jsonl"
	}
	return read(s, stage, name, strings.NewReader(pasted), int64(len(pasted)), tok, progress("text"))
}

// readUpload tokenises a file of the visitor's.
func readUpload(s *store, stage string, u *upload, tok *tokenizer.Tokenizer) (*text, error) {
	x, err := read(s, stage, u.name(), u, u.size(), tok, progress("text"))
	if err != nil {
		return nil, err
	}
	x.source = u.identity()
	return x, nil
}

// load goes on with a checkpoint from a file, exactly, on the text that it was made from: the embedded corpus, or the one
// that the page has chosen.
func (t *trainer) load(q request) error {
	u := newUpload(q.data.Get("checkpoint"))
	if strings.HasSuffix(u.name(), ".safetensors") {
		return t.loadWeights(q, u)
	}
	c, err := checkpoint.NewReader(bufio.NewReaderSize(u, chunk), u.size())
	if err != nil {
		return blame(errFile, worded("%s: %w", u.name(), err))
	}
	cfg, err := train.ConfigOf(c.Header.State.Settings)
	if err != nil {
		return blame(errFile, err)
	}
	if c.Header.Adapter != nil || cfg.Stage != "" && cfg.Stage != pretrain && cfg.Stage != sft {
		return blame(errFile, worded("%s is of a %s run, which only the native program can go on with", u.name(), cfg.Stage))
	}
	tok, err := tokenizer.Load(bytes.NewReader(c.Header.Tokenizer))
	if err != nil {
		return blame(errFile, err)
	}
	settings := settingsOf(c.Header.Model, cfg)
	txt, err := t.textWith(q, settings.Stage, c.Header.State.Settings["data"], tok)
	if err != nil {
		return err
	}
	r := newRun(settings, txt)
	r.unsaved = true
	if err := r.resume(t, c); err != nil {
		t.discard(r)
		return err
	}
	t.become(r)
	t.running, t.rest = false, "paused"
	t.runs = append(t.runs, r.record)
	t.announce()
	t.save()
	post("loaded", map[string]any{"name": u.name(), "step": r.step})
	t.state("")
	return nil
}

// loadWeights begins a run, at rest, with the weights of a safetensors file: on the page's settings and text, but the
// file's sizes and tokenizer.
func (t *trainer) loadWeights(q request, u *upload) error {
	weights, err := openWeights(u)
	if err != nil {
		return blame(errFile, worded("%s: %w", u.name(), err))
	}
	var from bytes.Buffer
	if err := weights.WriteCheckpoint(&from); err != nil {
		return blame(errFile, worded("%s: %w", u.name(), err))
	}
	s, err := parseSettings(q.text("settings"))
	if err != nil {
		return err
	}
	cfg, err := s.config()
	if err != nil {
		return blame(errSettings, err)
	}
	cfg.Stage = pretrain
	s = settingsOf(weights.Config, cfg)
	txt, err := t.textFor(q, s.Stage, weights.Tokenizer)
	if err != nil {
		return err
	}
	r := newRun(s, txt)
	r.model, r.from, r.unsaved = weights.Config, from.Bytes(), true
	make, err := r.plan(t)
	if err != nil {
		t.discard(r)
		return err
	}
	t.become(r)
	if err := make(); err != nil {
		return err
	}
	t.running, t.rest = false, "paused"
	t.runs = append(t.runs, r.record)
	t.announce()
	post("loaded", map[string]any{"name": u.name(), "step": 0, "weights": true})
	t.state("")
	return nil
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

// textWith is the text of a stage that the hash names, tokenised by the checkpoint's tokenizer.
func (t *trainer) textWith(q request, stage, hash string, tok *tokenizer.Tokenizer) (*text, error) {
	fits := func(x *text) bool { return x != nil && x.shard.Source() == hash && x.tok.Hash() == tok.Hash() }
	if t.run != nil && fits(t.run.text) {
		return t.run.text, nil
	}
	x, err := t.embedded(stage, tok)
	if err != nil || fits(x) {
		return x, blame(errFile, err)
	}
	switch file := q.data.Get("file"); {
	case q.text("source") == "paste":
		x, err = readPasted(t.store, stage, q.text("pasted"), tok)
	case file.Truthy():
		x, err = readUpload(t.store, stage, newUpload(file), tok)
	default:
		err = worded("this checkpoint learnt from a text that is not here (its hash begins with %.12s): choose that text as the data, then load the checkpoint again", hash)
	}
	if err == nil && !fits(x) {
		x.close()
		err = worded("%s is not the text that this checkpoint learnt from (the hashes are %.12s and %.12s): choose that text, then load the checkpoint again", x.name, x.shard.Source(), hash)
	}
	return x, blame(errFile, err)
}

// embedded is the text that is built in for a stage; the one that most runs read is there already.
func (t *trainer) embedded(stage string, tok *tokenizer.Tokenizer) (*text, error) {
	if stage == pretrain && tok.Hash() == t.corpus.tok.Hash() {
		return t.corpus, nil
	}
	return embedded(stage, tok, progress("corpus"))
}
