//go:build js

package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// text is what a run learns from, tokenised.
type text struct {
	name   string // of the file; empty for the embedded corpus
	source string // the identity of the file, if there was one
	tok    *tokenizer.Tokenizer
	shard  *data.Shard
	file   *file  // that holds the shard; nil when it is in memory
	kept   string // the file's name in the store
}

func (t *text) close() {
	if t.file != nil {
		t.file.close()
		t.file = nil
	}
}

// embedded is the embedded corpus, in memory: it is tokenised again in each tab, in a second or two.
func embedded(tok *tokenizer.Tokenizer, progress func(share float64)) (*text, error) {
	content := corpus.Text()
	var shard bytes.Buffer
	_, err := data.Prepare("the embedded corpus", bytes.NewReader(content), data.Text, tok, &shard, func(done int64) {
		progress(float64(done) / float64(len(content)))
	})
	if err != nil {
		return nil, err
	}
	t := &text{tok: tok}
	t.shard, err = data.OpenShard(bytes.NewReader(shard.Bytes()), int64(shard.Len()))
	return t, err
}

// formatOf says how a file holds its documents, by its name.
func formatOf(name string) data.Format {
	if n := strings.ToLower(name); strings.HasSuffix(n, ".txt") || strings.HasSuffix(n, ".md") {
		return data.Text
	}
	return data.JSONL
}

// read tokenises a text into a file of the store, or into memory where there is none.
func read(s *store, name string, r io.Reader, size int64, tok *tokenizer.Tokenizer, progress func(share float64)) (*text, error) {
	t := &text{name: name, tok: tok}
	var memory bytes.Buffer
	var w io.Writer = &memory
	if s != nil {
		t.kept = fmt.Sprintf("text-%d.shard", time.Now().UnixMilli())
		var err error
		if t.file, err = s.create(t.kept); err != nil {
			return nil, err
		}
		w = t.file
	}
	_, err := data.Prepare(name, r, formatOf(name), tok, w, func(done int64) { progress(float64(done) / float64(max(size, 1))) })
	if err == nil {
		if s != nil {
			t.shard, err = data.OpenShard(t.file, t.file.size())
		} else {
			t.shard, err = data.OpenShard(bytes.NewReader(memory.Bytes()), int64(memory.Len()))
		}
	}
	if err != nil {
		t.close()
		if s != nil {
			s.remove(t.kept)
		}
		return nil, err
	}
	return t, nil
}

// reopen opens the text of a run that goes on.
func reopen(s *store, name, kept string, tok *tokenizer.Tokenizer) (*text, error) {
	f, err := s.open(kept)
	if err != nil {
		return nil, fmt.Errorf("the run's text %s is no longer in this browser's storage: %w", name, err)
	}
	t := &text{name: name, tok: tok, file: f, kept: kept}
	if t.shard, err = data.OpenShard(f, f.size()); err == nil {
		err = t.shard.Verify()
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// data is the text as a trainer wants it, its training documents from a place on.
func (t *text) data(c train.Config, at data.Cursor) (train.Data, error) {
	training, held := data.Split(t.shard, c.ValidationShare, c.Seed)
	d := train.Data{Tokenizer: t.tok, Source: t.shard.SourceHash}
	var err error
	if d.Train, err = training.Stream(data.Layout{T: c.MaxSeqLen, Pad: c.Pad, Shuffle: true, Seed: c.Seed}, at); err != nil {
		return d, err
	}
	if held.Documents() > 0 {
		d.Validation, err = held.Stream(data.Layout{T: c.MaxSeqLen, Pad: c.Pad}, data.Cursor{})
	}
	return d, err
}

// prompts are the beginnings of the samples.
func (t *text) prompts() []string {
	if t.name == "" {
		return []string{"Lily has", "小明有"}
	}
	return []string{"", ""}
}
