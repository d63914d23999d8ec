//go:build js

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

var errNoFile = errors.New("no file was chosen: drop a .txt or .jsonl file on the page, or choose one")

// readPasted tokenises a text that was pasted.
func readPasted(s *store, pasted string, tok *tokenizer.Tokenizer) (*text, error) {
	return read(s, "pasted.txt", strings.NewReader(pasted), int64(len(pasted)), tok, progress("text"))
}

// readUpload tokenises a file of the visitor's.
func readUpload(s *store, u *upload, tok *tokenizer.Tokenizer) (*text, error) {
	x, err := read(s, u.name(), u, u.size(), tok, progress("text"))
	if err != nil {
		return nil, err
	}
	x.source = u.identity()
	return x, nil
}

// load goes on with a checkpoint from a file, exactly, on the text that it was made from: the embedded corpus, or the one
// that the page has chosen.
func (t *trainer) load(q request) error {
	f := q.data.Get("checkpoint")
	u := newUpload(f)
	c, err := checkpoint.NewReader(bufio.NewReaderSize(u, chunk), u.size())
	if err != nil {
		return blame(errFile, fmt.Errorf("%s: %w", f.Get("name").String(), err))
	}
	cfg, err := train.ConfigOf(c.Header.State.Settings)
	if err != nil {
		return blame(errFile, err)
	}
	tok, err := tokenizer.Load(bytes.NewReader(c.Header.Tokenizer))
	if err != nil {
		return blame(errFile, err)
	}
	txt, err := t.textWith(q, c.Header.State.Settings["data"], tok)
	if err != nil {
		return err
	}
	r := newRun(settingsOf(c.Header.Model, cfg), txt)
	r.unsaved = true
	if err := r.resume(t, c); err != nil {
		t.discard(r)
		return err
	}
	t.become(r)
	t.running, t.rest = false, "paused"
	t.runs = append(t.runs, r.record)
	t.announce()
	post("loaded", map[string]any{"name": f.Get("name").String(), "step": r.step})
	t.state("")
	return nil
}

// textWith is the text that the hash names, tokenised by the checkpoint's tokenizer.
func (t *trainer) textWith(q request, hash string, tok *tokenizer.Tokenizer) (*text, error) {
	fits := func(x *text) bool { return x != nil && x.shard.SourceHash == hash && x.tok.Hash() == tok.Hash() }
	switch {
	case fits(t.corpus):
		return t.corpus, nil
	case t.run != nil && fits(t.run.text):
		return t.run.text, nil
	case hash == t.corpus.shard.SourceHash:
		return embedded(tok, progress("corpus"))
	}
	var x *text
	var err error
	switch file := q.data.Get("file"); {
	case q.text("source") == "paste":
		x, err = readPasted(t.store, q.text("pasted"), tok)
	case file.Truthy():
		x, err = readUpload(t.store, newUpload(file), tok)
	default:
		return nil, blame(errFile, fmt.Errorf("this checkpoint learnt from a text that is not here (its hash begins with %.12s): choose that text as the data, then load the checkpoint again", hash))
	}
	if err != nil {
		return nil, blame(errFile, err)
	}
	if !fits(x) {
		x.close()
		return nil, blame(errFile, fmt.Errorf("%s is not the text that this checkpoint learnt from (the hashes are %.12s and %.12s): choose that text, then load the checkpoint again", x.name, x.shard.SourceHash, hash))
	}
	return x, nil
}
