//go:build !js

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// line is a prompt of a file and what became of it.
type line struct {
	Prompt string       `json:"prompt"`
	Text   string       `json:"text"` // what follows the prompt
	End    generate.End `json:"end"`

	prompt, answer []int
}

// continueFile decodes the prompts of a file, several at a time, and prints a line of JSON for each, in their order.
func (c *generateCommand) continueFile(p *program, s *speaker) error {
	lines, longest, err := c.readLines(p, s)
	if err != nil || len(lines) == 0 {
		return err
	}
	most := s.model.Config.MaxPositionEmbeddings
	g, err := generate.NewBatch(s.model, generate.Batch{Context: min(longest+min(c.MaxNewTokens, most), most), Texts: min(c.Parallel, len(lines))})
	if err != nil {
		return err
	}
	defer g.Release()
	out := json.NewEncoder(p.stdout)
	out.SetEscapeHTML(false)
	options := c.options()
	options.Stop = s.tok.EOS()
	running := map[*generate.Sequence]*line{}
	for joined, printed := 0, 0; printed < len(lines); {
		for joined < len(lines) && g.Free() > 0 {
			l := lines[joined]
			joined++
			if c.MaxNewTokens == 0 {
				l.End = generate.EndLength
				continue
			}
			sequence, err := g.Join(l.prompt, options)
			if err != nil {
				return err
			}
			running[sequence] = l
		}
		advanced, err := g.Step()
		if p.ctx.Err() != nil {
			p.say("interrupted after %d of %d prompts", printed, len(lines))
			return errInterrupted
		}
		if err != nil {
			return err
		}
		for _, sequence := range advanced {
			l := running[sequence]
			if sequence.End != generate.EndStop {
				l.answer = append(l.answer, sequence.Token.ID)
			}
			l.End = sequence.End
		}
		for ; printed < len(lines) && lines[printed].End != ""; printed++ {
			lines[printed].Text = s.tok.Decode(lines[printed].answer, true)
			if err := out.Encode(lines[printed]); err != nil {
				return err
			}
		}
	}
	return nil
}

// readLines reads the prompts, and says how many tokens the longest has.
func (c *generateCommand) readLines(p *program, s *speaker) (lines []*line, longest int, err error) {
	in := p.stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, 0, fmt.Errorf("--file: %w", err)
		}
		defer f.Close()
		in = f
	}
	most := s.model.Config.MaxPositionEmbeddings
	reader := bufio.NewReader(in)
	for number := 1; ; number++ {
		text, err := reader.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, 0, fmt.Errorf("%s: %w", c.File, err)
		}
		if err == io.EOF && text == "" {
			return lines, longest, nil
		}
		text = strings.TrimRight(text, "\r\n")
		prompt := generate.Begin(s.tok, text)
		if len(prompt) == 0 || len(prompt) > most {
			return nil, 0, fmt.Errorf("%s, line %d: a prompt of %d tokens; it must have from 1 to %d, the model's context", c.File, number, len(prompt), most)
		}
		longest = max(longest, len(prompt))
		lines = append(lines, &line{Prompt: text, prompt: prompt})
	}
}
