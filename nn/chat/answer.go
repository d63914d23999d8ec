package chat

import (
	"encoding/json"
	"strings"
)

// Part is what a piece of an answer adds to it.
type Part struct {
	Reasoning, Content string
	ToolCalls          []ToolCall
}

// Parser takes an answer apart while it is being written: what was thought, what is said, and calls of tools. A tag that
// came in pieces is held back until it is whole; newlines that only set tags off are left out.
type Parser struct {
	rest    string // not given out yet
	inside  section
	started bool // something of this section was given out
}

type section int

const (
	inContent section = iota
	inThink
	inToolCall
)

// NewParser begins an answer to a prompt, whose end may have opened a think block.
func NewParser(prompt string) *Parser {
	p := &Parser{}
	if strings.HasSuffix(strings.TrimRight(prompt, "\n"), "<think>") {
		p.inside = inThink
	}
	return p
}

// ParseAnswer takes a whole answer apart.
func ParseAnswer(prompt, answer string) Message {
	p := NewParser(prompt)
	first, last := p.Next(answer), p.Flush()
	m := Message{Role: Assistant, Content: first.Content + last.Content, ToolCalls: append(first.ToolCalls, last.ToolCalls...)}
	if reasoning := first.Reasoning + last.Reasoning; reasoning != "" {
		m.ReasoningContent = &reasoning
	}
	return m
}

// tags open or close the sections: from is where a tag counts.
var tags = []struct {
	from section
	text string
	to   section
}{
	{inContent, "<think>", inThink},
	{inContent, "<tool_call>", inToolCall},
	{inThink, "</think>", inContent},
	{inToolCall, "</tool_call>", inContent},
}

// Next takes the next piece of the answer.
func (p *Parser) Next(piece string) (part Part) {
	p.rest += piece
	for {
		at, length, to := p.findTag()
		if at < 0 {
			break
		}
		p.emit(&part, strings.TrimRight(p.rest[:at], "\n"))
		p.rest, p.inside, p.started = p.rest[at+length:], to, false
	}
	if p.inside != inToolCall { // which is given out as a whole
		keep := len(p.rest) - p.held()
		p.emit(&part, p.rest[:keep])
		p.rest = p.rest[keep:]
	}
	return part
}

// Flush ends the answer. A call of a tool that was cut short becomes content.
func (p *Parser) Flush() (part Part) {
	if p.inside == inToolCall {
		p.inside, p.rest = inContent, "<tool_call>"+p.rest
	}
	p.emit(&part, strings.TrimRight(p.rest, "\n"))
	p.rest = ""
	return part
}

// emit gives text out as part of the section.
func (p *Parser) emit(part *Part, text string) {
	if p.inside == inToolCall {
		var call ToolCall
		if json.Unmarshal([]byte(strings.TrimSpace(text)), &call) == nil {
			part.ToolCalls = append(part.ToolCalls, call)
		} else {
			part.Content += "<tool_call>" + text + "\n</tool_call>"
		}
		return
	}
	if !p.started {
		text = strings.TrimLeft(text, "\n")
	}
	p.started = p.started || text != ""
	if p.inside == inThink {
		part.Reasoning += text
	} else {
		part.Content += text
	}
}

// findTag finds the first tag that counts; at is -1 if there is none.
func (p *Parser) findTag() (at, length int, to section) {
	at = -1
	for _, tag := range tags {
		if tag.from != p.inside {
			continue
		}
		if i := strings.Index(p.rest, tag.text); i >= 0 && (at < 0 || i < at) {
			at, length, to = i, len(tag.text), tag.to
		}
	}
	return at, length, to
}

// held is how many bytes at the end of rest may belong to a tag or to newlines before one.
func (p *Parser) held() int {
	end := len(p.rest)
	for _, tag := range tags {
		if tag.from != p.inside {
			continue
		}
		for n := min(len(tag.text)-1, len(p.rest)); n > 0; n-- {
			if strings.HasSuffix(p.rest, tag.text[:n]) {
				end = min(end, len(p.rest)-n)
				break
			}
		}
	}
	return len(p.rest) - len(strings.TrimRight(p.rest[:end], "\n"))
}
