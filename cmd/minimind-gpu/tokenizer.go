//go:build !js

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// readTokenizer reads a tokenizer.json, and returns its text too.
func readTokenizer(name string) (*tokenizer.Tokenizer, []byte, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s: there is no such file (--tokenizer names a tokenizer.json)", name)
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := tokenizer.Load(bytes.NewReader(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, text, nil
}

// tokenizerOrEmbedded reads the named tokenizer.json; without a name it is the embedded one.
func tokenizerOrEmbedded(name string) (*tokenizer.Tokenizer, error) {
	if name == "" {
		return corpus.Tokenizer(), nil
	}
	t, _, err := readTokenizer(name)
	return t, err
}

type tokenizerTrainCommand struct {
	Data      string   `aliases:"data-path" placeholder:"FILE" help:"Text to learn from, .jsonl or .txt. Default: the embedded corpus."`
	VocabSize int      `default:"6400" help:"Tokens of the vocabulary."`
	Special   []string `default:"<|endoftext|>,<|im_start|>,<|im_end|>" help:"Special tokens: filling, beginning and end come first."`
	Output    string   `short:"o" default:"tokenizer.json" placeholder:"FILE" help:"Where to write it."`
}

// Run learns a vocabulary and writes it.
func (c *tokenizerTrainCommand) Run(p *program) error {
	text := corpusSource()
	if c.Data != "" {
		var err error
		if text, err = fileSource(c.Data, data.Texts); err != nil {
			return err
		}
	}
	r, _, err := text.open()
	if err != nil {
		return err
	}
	defer r.Close()
	documents, failed := untilError(data.Documents(text.name, &interruptible{p, r}, text.format))
	t, err := tokenizer.Train(documents, c.VocabSize, c.Special)
	if *failed != nil {
		return *failed
	}
	if err != nil {
		return err
	}
	if t.VocabSize() < c.VocabSize {
		p.say("%s has only enough different words for %d tokens", text.name, t.VocabSize())
	}
	if err := p.saveAtomically(c.Output, t.WriteJSON); err != nil {
		return err
	}
	p.say("%s: %d tokens", c.Output, t.VocabSize())
	return nil
}

// untilError is the sequence up to its first error, which failed then points to.
func untilError(all iter.Seq2[string, error]) (documents iter.Seq[string], failed *error) {
	failed = new(error)
	return func(yield func(string) bool) {
		for document, err := range all {
			if err != nil {
				*failed = err
				return
			}
			if !yield(document) {
				return
			}
		}
	}, failed
}

type tokenizerEncodeCommand struct {
	Tokenizer string `aliases:"tokenizer-path" placeholder:"FILE" help:"A tokenizer.json. Default: the embedded one."`
	Text      string `arg:"" help:"The text; - reads standard input."`
}

// Run prints ids.
func (c *tokenizerEncodeCommand) Run(p *program) error {
	t, err := tokenizerOrEmbedded(c.Tokenizer)
	if err != nil {
		return err
	}
	text := c.Text
	if text == "-" {
		all, err := io.ReadAll(p.stdin)
		if err != nil {
			return fmt.Errorf("reading standard input: %w", err)
		}
		text = string(all)
	}
	_, err = fmt.Fprintln(p.stdout, strings.Trim(fmt.Sprint(t.Encode(text)), "[]"))
	return err
}

type tokenizerDecodeCommand struct {
	Tokenizer string `aliases:"tokenizer-path" placeholder:"FILE" help:"A tokenizer.json. Default: the embedded one."`
	IDs       []int  `arg:"" name:"ids" help:"Token ids."`
}

// Run prints the text.
func (c *tokenizerDecodeCommand) Run(p *program) error {
	t, err := tokenizerOrEmbedded(c.Tokenizer)
	if err != nil {
		return err
	}
	for _, id := range c.IDs {
		if id < 0 || id >= t.VocabSize() {
			return fmt.Errorf("there is no token %d: this vocabulary has 0 to %d", id, t.VocabSize()-1)
		}
	}
	_, err = fmt.Fprintln(p.stdout, t.Decode(c.IDs, false))
	return err
}
