//go:build !js

package main

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

type dataPrepareCommand struct {
	Data      string `required:"" aliases:"data-path" placeholder:"FILE" help:"Text, .jsonl or .txt, or conversations or pairs of them, .jsonl; sft and dpo say how."`
	Tokenizer string `aliases:"tokenizer-path" placeholder:"FILE" help:"A tokenizer.json. Default: the embedded one."`
}

// Run makes the shard, or finds it.
func (c *dataPrepareCommand) Run(p *program) error {
	tok, err := tokenizerOrEmbedded(c.Tokenizer)
	if err != nil {
		return err
	}
	text, err := fileSource(c.Data, kindOf(c.Data))
	if err != nil {
		return err
	}
	var format *chatFormat
	if text.kind != data.Texts {
		if format, err = findChatFormat("", tok); err != nil {
			return err
		}
	}
	s, err := p.prepare(text, tok, format)
	if err != nil {
		return err
	}
	defer s.close()
	if !s.Prepared {
		p.say("%s has not changed since it was prepared", c.Data)
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d documents (%d empty ones left out), %d tokens\n", s.Path, s.Documents, s.EmptyDocuments, s.Tokens)
	return err
}
