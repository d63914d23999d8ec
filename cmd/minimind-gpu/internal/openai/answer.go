//go:build !js

package openai

import (
	"context"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Why a choice ended, as OpenAI's API says it, besides generate's stop and length.
const finishToolCalls = "tool_calls"

// piece is what an event adds to a choice.
type piece struct {
	chat.Part
	tokens []generate.Token // with log-probabilities, if they were asked for; a token comes with its text
	finish string           // "" while the choice goes on
}

// answer makes pieces of one choice's tokens.
type answer struct {
	decoder *tokenizer.Decoder
	stop    stopper
	parser  *chat.Parser // nil: all is content
	cancel  context.CancelFunc
	written int // tokens
	calls   int // of tools
	done    bool

	logProbs bool
	pending  []generate.Token // whose text has not been given out
	starts   []int            // of their texts
	length   int              // of the text so far, in bytes
}

// next takes an event.
func (a *answer) next(e event) (p piece) {
	text := ""
	if e.token != nil {
		a.written++
		piece := a.decoder.Next(e.token.ID)
		a.keep(*e.token)
		a.length += len(piece)
		text = a.stop.next(piece)
	}
	finish := string(e.end)
	if a.stop.ended {
		finish = string(generate.EndStop)
	} else if finish != "" {
		text += a.stop.next(a.decoder.Flush()) + a.stop.flush()
	}
	p.tokens = a.release(finish != "" && !a.stop.ended)
	p.Part = a.parse(text, finish != "")
	if a.calls += len(p.ToolCalls); a.calls > 0 && finish != "" {
		finish = finishToolCalls
	}
	if p.finish = finish; finish != "" {
		a.done = true
		a.cancel()
	}
	return p
}

func (a *answer) parse(text string, end bool) (part chat.Part) {
	if a.parser == nil {
		return chat.Part{Content: text}
	}
	part = a.parser.Next(text)
	if end {
		last := a.parser.Flush()
		part.Reasoning += last.Reasoning
		part.Content += last.Content
		part.ToolCalls = append(part.ToolCalls, last.ToolCalls...)
	}
	return part
}

func (a *answer) keep(t generate.Token) {
	if a.logProbs {
		a.pending, a.starts = append(a.pending, t), append(a.starts, a.length)
	}
}

// release gives the tokens whose text has begun to be given out; at the text's end, all.
func (a *answer) release(all bool) []generate.Token {
	n := 0
	for n < len(a.pending) && (all || a.starts[n] < a.stop.given) {
		n++
	}
	released := a.pending[:n:n]
	a.pending, a.starts = a.pending[n:], a.starts[n:]
	return released
}
