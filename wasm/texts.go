//go:build js

package main

import (
	"errors"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// textOf is the text that a request names: the embedded corpus, a pasted text or a file. One that the present run reads
// is not read again.
func (t *trainer) textOf(r request, stage string) (*text, error) {
	tok := t.corpus.tok
	if converses(stage) {
		if !t.alive() {
			return nil, blame(errSettings, errNoModel)
		}
		tok = t.run.tok
	} else if f := r.data.Get("tokenizer"); f.Truthy() {
		loaded, err := tokenizer.Load(newUpload(f))
		if err != nil {
			return nil, blame(errFile, worded("%s: %w", f.Get("name").String(), err))
		}
		tok = loaded
	}
	return t.textFor(r, stage, tok)
}

// textFor is the text that a request names, in a tokenizer's tokens.
func (t *trainer) textFor(r request, stage string, tok *tokenizer.Tokenizer) (x *text, err error) {
	switch r.text("source") {
	case "paste":
		x, err = readPasted(t.store, stage, r.text("pasted"), tok)
	case "file":
		f := r.data.Get("file")
		if !f.Truthy() {
			return nil, blame(errFile, errNoFile)
		}
		u := newUpload(f)
		if t.run != nil && t.run.text.source == u.identity() && t.run.text.suits(stage, tok) {
			return t.run.text, nil
		}
		x, err = readUpload(t.store, stage, u, tok)
	default:
		x, err = t.embedded(stage, tok)
	}
	return x, blame(errFile, err)
}

var errNoFile = worded("no file was chosen: drop a .txt or .jsonl file on the page, or choose one")

// readPasted tokenises a text that was pasted.
func readPasted(s *store, stage, pasted string, tok *tokenizer.Tokenizer) (*text, error) {
	name := "pasted.txt"
	if converses(stage) {
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

// errOtherText says that a checkpoint's text is not at hand.
var errOtherText = errors.New("text")

// textWith is the text of a stage that the hash names, tokenised by the checkpoint's tokenizer.
func (t *trainer) textWith(q request, stage, hash string, tok *tokenizer.Tokenizer) (*text, error) {
	fits := func(x *text) bool { return x.suits(stage, tok) && x.shard.Source() == hash }
	if t.run != nil && fits(t.run.text) {
		return t.run.text, nil
	}
	if x, err := t.embedded(stage, tok); err == nil && fits(x) {
		return x, nil
	}
	elsewhere := blame(errOtherText, worded("this checkpoint learnt from a text that is not here (its hash begins with %.12s): choose that text as the data, then load the checkpoint again", hash))
	if q.text("source") == "embedded" {
		return nil, elsewhere
	}
	x, err := t.textFor(q, stage, tok)
	if err != nil {
		return nil, blame(errOtherText, err)
	}
	if !fits(x) {
		if t.run == nil || x != t.run.text {
			x.close()
		}
		return nil, elsewhere
	}
	return x, nil
}

// embedded is the text that is built in for a stage, unless it is there already.
func (t *trainer) embedded(stage string, tok *tokenizer.Tokenizer) (*text, error) {
	if t.corpus.suits(stage, tok) {
		return t.corpus, nil
	}
	if t.run != nil && t.run.text.name == "" && t.run.text.suits(stage, tok) {
		return t.run.text, nil
	}
	return embedded(stage, tok, progress("corpus"))
}
