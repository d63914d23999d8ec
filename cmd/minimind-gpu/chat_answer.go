//go:build !js

package main

import (
	"fmt"
	"io"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
)

// answerWriter prints an answer as it comes, and keeps it. What is thought is dimmed, or in tags where there is no
// terminal.
type answerWriter struct {
	w        io.Writer
	dim      bool
	thinking bool // what was printed last was thought
	kept     chat.Part
	err      error
}

func (a *answerWriter) print(format string, args ...any) {
	if _, err := fmt.Fprintf(a.w, format, args...); a.err == nil {
		a.err = err
	}
}

func (a *answerWriter) write(part chat.Part) {
	if part.Reasoning != "" {
		a.think(true)
		a.print("%s", part.Reasoning)
	}
	if part.Content != "" {
		a.think(false)
		a.print("%s", part.Content)
	}
	for _, call := range part.ToolCalls {
		a.think(false)
		a.print("[calls %s(%s)]", call.Name, call.ArgumentsText())
	}
	a.kept.Reasoning += part.Reasoning
	a.kept.Content += part.Content
	a.kept.ToolCalls = append(a.kept.ToolCalls, part.ToolCalls...)
}

// think begins or ends what is thought.
func (a *answerWriter) think(on bool) {
	switch {
	case on == a.thinking:
	case on && a.dim:
		a.print("\x1b[2m")
	case on:
		a.print("<think>\n")
	case a.dim:
		a.print("\x1b[0m\n\n")
	default:
		a.print("\n</think>\n\n")
	}
	a.thinking = on
}

func (a *answerWriter) end() {
	if a.thinking && a.dim {
		a.print("\x1b[0m")
		a.thinking = false
	}
	a.think(false)
	if a.dim {
		a.print("\n")
	}
	a.print("\n")
}

// message is the answer as the conversation goes on with it.
func (a *answerWriter) message() chat.Message {
	m := chat.Message{Role: chat.Assistant, Content: a.kept.Content, ToolCalls: a.kept.ToolCalls}
	if a.kept.Reasoning != "" {
		m.ReasoningContent = &a.kept.Reasoning
	}
	return m
}
