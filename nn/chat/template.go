package chat

import (
	"errors"
	"fmt"
	"strings"
)

// ChatML writes each turn as start mark, role, newline, content, end mark, newline; tools and their results as
// MiniMind and Qwen do. Its fields are what the generations of MiniMind differ in.
type ChatML struct {
	Start, End    string // marks of a turn: <|im_start|> and <|im_end|>
	DefaultSystem string // content of the system turn of a conversation that has none; empty: no such turn
	// Think gives every assistant's turn a think block, empty if nothing was thought, and begins each answer with an
	// empty one unless thinking is on. Otherwise think blocks are part of the content, if there are any.
	Think bool
}

// MiniMind2 is the template of the first generation, of October 2025 and later.
func MiniMind2() ChatML {
	return ChatML{Start: "<|im_start|>", End: "<|im_end|>", DefaultSystem: "You are a helpful assistant"}
}

// MiniMind3 is the template of the second generation.
func MiniMind3() ChatML { return ChatML{Start: "<|im_start|>", End: "<|im_end|>", Think: true} }

const (
	toolsBefore = "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
		"You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
	toolsAfter = "\n</tools>\n\nFor each function call, return a json object with function name and arguments within " +
		"<tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>"
)

// Render writes the conversation. The error says which message or tool cannot be written.
func (t ChatML) Render(c Conversation, o Options) (string, error) {
	if err := c.check(); err != nil {
		return "", err
	}
	w := &turnWriter{template: t}
	messages := c.Messages
	system := t.DefaultSystem
	hasSystem := messages[0].Role == System
	if hasSystem {
		system = messages[0].Content
		messages = messages[1:]
	}
	switch {
	case len(c.Tools) > 0:
		if hasSystem {
			w.begin(System, system, "\n\n")
		} else {
			w.begin(System)
		}
		if err := w.tools(c); err != nil {
			return "", err
		}
		w.end()
	case hasSystem || system != "":
		w.begin(System, system)
		w.end()
	}
	for i, m := range messages {
		switch m.Role {
		case System, User:
			w.begin(m.Role, m.Content)
			w.end()
		case Assistant:
			w.assistant(m)
		case Tool: // neighbours share one turn, the user's
			if i == 0 || messages[i-1].Role != Tool {
				w.WriteString(t.Start + User)
			}
			w.WriteString("\n<tool_response>\n" + m.Content + "\n</tool_response>")
			if i == len(messages)-1 || messages[i+1].Role != Tool {
				w.end()
			}
		}
	}
	if o.AddGenerationPrompt {
		w.begin(Assistant)
		switch {
		case t.Think && o.Thinking == ThinkingOn:
			w.WriteString("<think>\n")
		case t.Think || o.Thinking == ThinkingOff:
			w.WriteString(EmptyThink)
		}
	}
	return w.String(), nil
}

// check says what no template can write.
func (c Conversation) check() error {
	if len(c.Messages) == 0 {
		return errors.New("no messages")
	}
	for i, m := range c.Messages {
		switch m.Role {
		case System, User, Assistant, Tool:
		default:
			return fmt.Errorf("message %d has the role %q; roles are system, user, assistant and tool", i+1, m.Role)
		}
	}
	return nil
}

// turnWriter writes turns of a ChatML template.
type turnWriter struct {
	strings.Builder
	template ChatML
}

func (w *turnWriter) begin(role string, content ...string) {
	w.WriteString(w.template.Start + role + "\n" + strings.Join(content, ""))
}

func (w *turnWriter) end() { w.WriteString(w.template.End + "\n") }

func (w *turnWriter) tools(c Conversation) error {
	w.WriteString(toolsBefore)
	for i, tool := range c.Tools {
		text, err := PythonJSON(tool)
		if err != nil {
			return fmt.Errorf("tool %d: %w", i+1, err)
		}
		w.WriteString("\n" + text)
	}
	w.WriteString(toolsAfter)
	return nil
}

func (w *turnWriter) assistant(m Message) {
	w.begin(Assistant)
	content := m.Content
	if w.template.Think {
		reasoning := ""
		if m.ReasoningContent != nil {
			reasoning = *m.ReasoningContent
		} else if before, _, ok := strings.Cut(content, "</think>"); ok {
			reasoning = afterLast(before, "<think>")
			content = strings.TrimLeft(afterLast(content, "</think>"), "\n")
		}
		w.WriteString("<think>\n" + strings.Trim(reasoning, "\n") + "\n</think>\n\n" + strings.TrimLeft(content, "\n"))
	} else {
		w.WriteString(content)
	}
	for i, call := range m.ToolCalls {
		if i > 0 || content != "" {
			w.WriteString("\n")
		}
		w.WriteString(`<tool_call>` + "\n" + `{"name": "` + call.Name + `", "arguments": ` + call.ArgumentsText() + "}\n</tool_call>")
	}
	w.end()
}

// afterLast is what follows the last sep in s; all of s if there is none.
func afterLast(s, sep string) string {
	if at := strings.LastIndex(s, sep); at >= 0 {
		return s[at+len(sep):]
	}
	return s
}
