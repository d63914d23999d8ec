package corpus

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// The default files of conversations, as runs learn from them when no others are given. Their hashes name them in
// checkpoints.

// Conversations are 20,000 conversations, a JSON object a line: {"conversations": [{"role", "content"}, ...]}. One in
// ten has two questions; a few think first, in a think block, or call a tool.
func Conversations() []byte {
	return lines(20_000, func(i int) any { return Conversation(1, i) })
}

// Preferences are 10,000 pairs of answers to one question, of which one is right: {"chosen": [...], "rejected": [...]}.
func Preferences() []byte {
	return lines(10_000, func(i int) any { return Preference(1, i) })
}

// Reasoning is 10,000 conversations, each with a think block.
func Reasoning() []byte {
	return lines(10_000, func(i int) any {
		r := newRandom(2, i)
		return Talk{Messages: ask(thinking(&r))}
	})
}

func lines(n int, line func(i int) any) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	for i := range n {
		if err := e.Encode(line(i)); err != nil {
			panic(err) // the types below cannot be wrong
		}
	}
	return text.Bytes()
}

// Talk is a line of conversations.
type Talk struct {
	Messages []Turn `json:"conversations"`
	Tools    []any  `json:"tools,omitempty"`
}

// Turn is a message.
type Turn struct {
	Role      string `json:"role"`
	Content   string `json:"content"`
	ToolCalls []call `json:"tool_calls,omitempty"`
}

type call struct {
	Name      string         `json:"name"`
	Arguments map[string]int `json:"arguments"`
}

// Pair is a line of preferences.
type Pair struct {
	Chosen   []Turn `json:"chosen"`
	Rejected []Turn `json:"rejected"`
}

// Conversation returns conversation number index of a seed.
func Conversation(seed uint64, index int) Talk {
	r := newRandom(seed, index)
	switch kind := r.below(200); {
	case kind == 0:
		return withTool(&r)
	case kind < 6:
		return Talk{Messages: ask(thinking(&r))}
	case kind < 26:
		return Talk{Messages: append(ask(drawQuestion(&r, false)), ask(drawQuestion(&r, false))...)}
	}
	return Talk{Messages: ask(drawQuestion(&r, false))}
}

// Preference returns pair number index of a seed.
func Preference(seed uint64, index int) Pair {
	r := newRandom(seed, index)
	q := drawQuestion(&r, false)
	wrong := q
	wrong.Answer = q.Wrong
	return Pair{Chosen: ask(q), Rejected: ask(wrong)}
}

// thinking is a question whose answer begins with a thought.
func thinking(r *random) Question {
	for {
		if q := drawQuestion(r, false); q.Thought != "" {
			q.Answer = "<think>\n" + q.Thought + "\n</think>\n\n" + q.Answer
			return q
		}
	}
}

func ask(q Question) []Turn {
	return []Turn{{Role: "user", Content: q.Text}, {Role: "assistant", Content: q.Answer}}
}

// withTool asks for a sum that a tool computes.
func withTool(r *random) Talk {
	left, right := 11+r.below(80), 11+r.below(80)
	number := map[string]any{"type": "integer"}
	tool := map[string]any{"type": "function", "function": map[string]any{"name": "add", "description": "a + b", "parameters": map[string]any{
		"type": "object", "properties": map[string]any{"a": number, "b": number}, "required": []string{"a", "b"}}}}
	said := strconv.Itoa(left) + " + " + strconv.Itoa(right) + " = "
	return Talk{Tools: []any{tool}, Messages: []Turn{
		{Role: "user", Content: said + "?"},
		{Role: "assistant", ToolCalls: []call{{"add", map[string]int{"a": left, "b": right}}}},
		{Role: "tool", Content: strconv.Itoa(left + right)},
		{Role: "assistant", Content: said + strconv.Itoa(left+right) + "."},
	}}
}
