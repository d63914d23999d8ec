//go:build js

package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// text is what a run learns from, tokenised.
type text struct {
	name   string       // of the file; empty for the embedded corpus
	chat   *chat.Format // of conversations
	source string       // the identity of the file, if there was one
	tok    *tokenizer.Tokenizer
	shard  *data.Shard
	file   *file  // that holds the shard; nil when it is in memory
	kept   string // the file's name in the store
}

// suits says that the text can be learnt from in a stage, by a model with this tokenizer.
func (t *text) suits(stage string, tok *tokenizer.Tokenizer) bool {
	return (t.chat != nil) == converses(stage) && t.tok.Hash() == tok.Hash()
}

func (t *text) close() {
	if t.file != nil {
		t.file.close()
		t.file = nil
	}
}

// embedded is the text that is built in for a stage, in memory: it is tokenised again in each tab, in a second or two.
func embedded(stage string, tok *tokenizer.Tokenizer, progress func(share float64)) (*text, error) {
	name, content := "corpus.txt", corpus.Text()
	if converses(stage) {
		name, content = "conversations.jsonl", corpus.Conversations()
	}
	t, err := read(nil, stage, name, bytes.NewReader(content), int64(len(content)), tok, progress)
	if err != nil {
		return nil, err
	}
	t.name = ""
	return t, nil
}

// formatOf says how a file holds its documents, by its name.
func formatOf(name string) data.Format {
	if n := strings.ToLower(name); strings.HasSuffix(n, ".txt") || strings.HasSuffix(n, ".md") {
		return data.Text
	}
	return data.JSONL
}

// setStage lets a text be read for a stage. Conversations have a format of their tokenizer.
func (t *text) setStage(stage string) (err error) {
	if converses(stage) {
		t.chat, err = chat.For(t.tok)
	}
	return err
}

// read tokenises a text into a file of the store, or into memory where there is none.
func read(s *store, stage, name string, r io.Reader, size int64, tok *tokenizer.Tokenizer, progress func(share float64)) (*text, error) {
	t := &text{name: name, tok: tok}
	if err := t.setStage(stage); err != nil {
		return nil, err
	}
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
	done := func(bytes int64) { progress(float64(bytes) / float64(max(size, 1))) }
	var err error
	if t.chat != nil {
		_, err = data.PrepareChat(name, r, data.Conversations, data.Chat{Format: t.chat}, w, done)
	} else {
		_, err = data.Prepare(name, r, formatOf(name), tok, w, done)
	}
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
func reopen(s *store, stage, name, kept string, tok *tokenizer.Tokenizer) (*text, error) {
	f, err := s.open(kept)
	if err != nil {
		return nil, worded("the run's text %s is no longer in this browser's storage: %w", name, err)
	}
	t := &text{name: name, tok: tok, file: f, kept: kept}
	if err = t.setStage(stage); err != nil {
		return nil, err
	}
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
	d := train.Data{Tokenizer: t.tok, Source: t.shard.Source()}
	var err error
	if d.Train, err = training.Stream(data.Layout{T: c.MaxSeqLen, Pad: c.Pad, Shuffle: true, Seed: c.Seed}, at); err != nil {
		return d, err
	}
	if held.Documents() > 0 {
		d.Validation, err = held.Stream(data.Layout{T: c.MaxSeqLen, Pad: c.Pad}, data.Cursor{})
	}
	return d, err
}

// prompts are the beginnings of the samples, or, for conversations, the questions.
func (t *text) prompts() []string {
	switch {
	case t.name == "" && t.chat == nil:
		return []string{"Lily has", "小明有"}
	case t.name == "":
		return []string{question(false), question(true)}
	case t.chat != nil:
		return []string{"Hello", "你好"}
	}
	return []string{"", ""}
}

// question is one that is not in the built-in conversations, in English or in Chinese.
func question(chinese bool) string {
	for i := 0; ; i++ {
		q := corpus.HeldOut(1, i).Text
		if strings.ContainsFunc(q, func(r rune) bool { return unicode.Is(unicode.Han, r) }) == chinese {
			return q
		}
	}
}

// begin is what a text with this prompt, or the answer to it, begins with.
func (t *text) begin(prompt string) ([]int, error) {
	if t.chat == nil {
		return generate.Begin(t.tok, prompt), nil
	}
	_, ids, err := t.chat.Prompt(chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: prompt}}}, chat.ThinkingDefault)
	return ids, err
}
