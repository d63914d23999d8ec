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
	var tok *tokenizer.Tokenizer
	if converses(stage) {
		if !t.alive() {
			return nil, blame(errSettings, errNoModel)
		}
		tok = t.run.tok
	} else {
		var err error
		if tok, err = t.tokenizerOf(r); err != nil {
			return nil, err
		}
	}
	return t.textFor(r, stage, tok)
}

// chosenTokenizer is the visitor's own, and which file it came from.
type chosenTokenizer struct {
	file string
	*tokenizer.Tokenizer
}

// tokenizerOf is the tokenizer that a request names: a file, or else the built-in one.
func (t *trainer) tokenizerOf(r request) (*tokenizer.Tokenizer, error) {
	f := r.data.Get("tokenizer")
	if !f.Truthy() {
		return t.corpus.tok, nil
	}
	u := newUpload(f)
	if t.chosen.Tokenizer == nil || t.chosen.file != u.identity() {
		tok, err := tokenizer.Load(u)
		if err != nil {
			return nil, blame(errFile, worded("%s: %w", u.name(), err))
		}
		t.chosen = chosenTokenizer{u.identity(), tok}
	}
	return t.chosen.Tokenizer, nil
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
