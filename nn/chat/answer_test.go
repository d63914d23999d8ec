package chat

import (
	"strings"
	"testing"
)

func TestParser(t *testing.T) {
	const call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>"
	for _, c := range []struct {
		prompt, answer           string
		reasoning, content, tool string
	}{
		{"", "Hello!", "", "Hello!", ""},
		{"", "a < b\n\nand <thin air>\n", "", "a < b\n\nand <thin air>", ""},
		{"", "<think>\nplan\nmore\n</think>\n\nHello", "plan\nmore", "Hello", ""},
		{"assistant\n<think>\n", "plan\n</think>\n\nHello", "plan", "Hello", ""},
		{"assistant\n<think>\n", "plan that is cut", "plan that is cut", "", ""},
		{"assistant\n<think>\n\n</think>\n\n", "Hello", "", "Hello", ""},
		{"", call, "", "", "add {\"a\": 1}"},
		{"", "I ask.\n" + call + "\n" + call, "", "I ask.", "add {\"a\": 1},add {\"a\": 1}"},
		{"", "<think>\nx\n</think>\n\n" + call, "x", "", "add {\"a\": 1}"},
		{"", "<tool_call>\n{\"name\": \"add\", \"argu", "", "<tool_call>\n{\"name\": \"add\", \"argu", ""},
		{"", "<tool_call>\nnot JSON\n</tool_call>\nand on", "", "<tool_call>\nnot JSON\n</tool_call>and on", ""},
		{"", "<think></think>Hello", "", "Hello", ""},
	} {
		check := func(how string, m Message) {
			t.Helper()
			reasoning := ""
			if m.ReasoningContent != nil {
				reasoning = *m.ReasoningContent
			}
			var calls []string
			for _, c := range m.ToolCalls {
				calls = append(calls, c.Name+" "+string(c.Arguments))
			}
			if reasoning != c.reasoning || m.Content != c.content || strings.Join(calls, ",") != c.tool {
				t.Errorf("%q %s: thought %q, said %q, called %q", c.answer, how, reasoning, m.Content, calls)
			}
		}
		check("at once", ParseAnswer(c.prompt, c.answer))
		p := NewParser(c.prompt)
		var reasoning string
		m := Message{}
		for i := range len(c.answer) + 1 { // byte by byte
			part := p.Flush
			if i < len(c.answer) {
				part = func() Part { return p.Next(c.answer[i : i+1]) }
			}
			got := part()
			reasoning += got.Reasoning
			m.Content += got.Content
			m.ToolCalls = append(m.ToolCalls, got.ToolCalls...)
		}
		m.ReasoningContent = &reasoning
		check("in pieces", m)
	}
}

// Text that can belong to no tag is given out at once.
func TestParserHoldsBackNoMoreThanItMust(t *testing.T) {
	p := NewParser("")
	for _, c := range [][2]string{{"Hello", "Hello"}, {" you <", " you "}, {"b> x\n", "<b> x"}, {"y", "\ny"}, {"<thi", ""}, {"s", "<this"}} {
		if got := p.Next(c[0]); got.Content != c[1] {
			t.Errorf("after %q: %q, want %q", c[0], got.Content, c[1])
		}
	}
}
