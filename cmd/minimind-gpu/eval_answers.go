//go:build !js

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/evaluate"
)

// answered is the result of --answers.
type answered struct {
	Right     int                 `json:"right"`
	Questions int                 `json:"questions"`
	Exchanges []evaluate.Exchange `json:"exchanges"`
}

func (c *evalCommand) answers(p *program, s *speaker) (any, error) {
	format, err := findChatFormat(c.ChatTemplate, s.tok, s.dir)
	if err != nil {
		return nil, err
	}
	questions, err := c.exchanges()
	if err != nil {
		return nil, err
	}
	result := answered{Questions: len(questions)}
	result.Right, err = evaluate.Answers(p.ctx, s.model, format.Format, questions, func(_ int, e evaluate.Exchange) {
		result.Exchanges = append(result.Exchanges, e)
		if c.JSON {
			return
		}
		verdict := "right"
		if !e.Right {
			verdict = "wrong: " + e.Answer
		}
		fmt.Fprintf(p.stdout, "> %s\n%s   (%s)\n", e.Question, e.Said, verdict)
	})
	return result, err
}

// exchanges are the first questions of conversations with their answers, or those of the corpus.
func (c *evalCommand) exchanges() (all []evaluate.Exchange, err error) {
	if c.Data == "" {
		for i := range c.Answers {
			q := corpus.HeldOut(1, i)
			all = append(all, evaluate.Exchange{Question: q.Text, Answer: q.Answer})
		}
		return all, nil
	}
	f, err := os.Open(c.Data)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for number := 1; len(all) < c.Answers; number++ {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var talk chat.Conversation
			if err := json.Unmarshal(line, &talk); err != nil {
				return nil, fmt.Errorf("%s: line %d: %w", c.Data, number, err)
			}
			if m := talk.Messages; len(m) > 1 && m[0].Role == chat.User && m[1].Role == chat.Assistant {
				all = append(all, evaluate.Exchange{Question: m[0].Content, Answer: m[1].Content})
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no line begins with a question of the user and an answer of the assistant", c.Data)
	}
	return all, nil
}
