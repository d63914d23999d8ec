//go:build !js

package main

import (
	"bytes"
	"fmt"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

type pretrainCommand struct {
	runFlags  `embed:""`
	Tokenizer string     `aliases:"tokenizer-path" placeholder:"FILE" help:"A tokenizer.json with byte-level BPE. Default: the embedded one, of 512 tokens."`
	Preset    string     `default:"tiny" help:"The model; info lists them."`
	Model     modelFlags `embed:""`
}

// Run trains a model from scratch.
func (c *pretrainCommand) Run(p *program, settings *kong.Context) error {
	return p.train(c.stage(), &c.runFlags, settings)
}

func (c *pretrainCommand) stage() stage {
	return stage{
		command: "pretrain", name: c.Preset, embedded: corpusSource(), rate: 2e-3, demoRate: 2e-3, demoSteps: demoSteps,
		prompts: []string{"Lily has", "小明有", "Tom hides", "一只"},
		open:    c.open, filled: func(r *training) { c.Model.fill(r.model) },
	}
}

// demoSteps is how many steps of the demo take about a minute. It depends on nothing but the kind of adapter, so that
// two runs on one machine are the same.
func demoSteps(adapter host.Info) int {
	if adapter.CPU {
		return 220
	}
	return 2000
}

// open takes the tokenizer that is named, that of the resumed run, or the embedded one, and the model that fits it.
func (c *pretrainCommand) open(r *training) (err error) {
	switch {
	case c.Tokenizer != "":
		r.tok, r.tokJSON, err = readTokenizer(c.Tokenizer)
		if err == nil && r.resumed != nil && r.tok.Hash() != r.resumed.reader.Header.TokenizerHash {
			err = fmt.Errorf("%s is another tokenizer than the run's: leave --tokenizer out, the checkpoint holds its own", c.Tokenizer)
		}
	case r.resumed != nil:
		err = r.takeTokenizer(r.resumed)
	default:
		r.tok = corpus.Tokenizer()
		var text bytes.Buffer
		err = r.tok.WriteJSON(&text)
		r.tokJSON = text.Bytes()
	}
	if err != nil {
		return err
	}
	r.called = c.Preset + ": "
	if r.resumed != nil {
		r.model = r.resumed.reader.Header.Model
		return nil
	}
	if r.model, err = c.Model.model(c.Preset, r.tok.VocabSize()); err != nil {
		return err
	}
	if preset, _ := config.Preset(c.Preset); preset.VocabSize != r.model.VocabSize {
		r.remark = fmt.Sprintf("the preset's vocabulary is %d; a model has its tokenizer's", preset.VocabSize)
	}
	return nil
}

// takeTokenizer takes the tokenizer of a checkpoint.
func (r *training) takeTokenizer(from *openedCheckpoint) (err error) {
	r.tokJSON = from.reader.Header.Tokenizer
	if r.tok, err = tokenizer.Load(bytes.NewReader(r.tokJSON)); err != nil {
		return fmt.Errorf("%s: its %w", from.file, err)
	}
	return nil
}
