package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ArgumentsText is the arguments as a template writes them: a string as it is, an object in Python's spacing.
func (c ToolCall) ArgumentsText() string {
	var text string
	if json.Unmarshal(c.Arguments, &text) == nil {
		return text
	}
	text, err := PythonJSON(c.Arguments)
	if err != nil {
		return string(c.Arguments) // not from UnmarshalJSON, which lets no such arguments in
	}
	return text
}

// UnmarshalJSON reads {"name", "arguments"}, alone or as the member "function" of an object, as OpenAI's API has it.
// Arguments must be an object or a string; the string may hold anything.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	type plain ToolCall
	var read struct {
		plain
		Function *plain `json:"function"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return fmt.Errorf("a tool call: %w", withoutGoNames(err))
	}
	*c = ToolCall(read.plain)
	if read.Function != nil {
		*c = ToolCall(*read.Function)
	}
	switch {
	case c.Name == "":
		return errors.New(`a tool call without a "name"`)
	case len(c.Arguments) == 0 || string(c.Arguments) == "null":
		return fmt.Errorf(`the call of tool %q has no "arguments"; an object without members is {}`, c.Name)
	case c.Arguments[0] != '{' && c.Arguments[0] != '"':
		return fmt.Errorf("the arguments of tool %q are %s, which is neither an object nor a string", c.Name, short(c.Arguments))
	}
	return nil
}

// UnmarshalJSON reads a message in the layouts of MiniMind's files and of OpenAI's API. tool_calls is a list, or a
// string that holds one; content is a string, null, or a list of parts of type text.
func (m *Message) UnmarshalJSON(data []byte) error {
	var read struct {
		Role             *string         `json:"role"`
		Content          json.RawMessage `json:"content"`
		ReasoningContent *string         `json:"reasoning_content"`
		ToolCalls        json.RawMessage `json:"tool_calls"`
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return withoutGoNames(err)
	}
	if read.Role == nil {
		var all map[string]json.RawMessage
		json.Unmarshal(data, &all) // it is an object: it was read before
		return fmt.Errorf(`a message without a "role"; its fields are %q`, slices.Sorted(maps.Keys(all)))
	}
	*m = Message{Role: *read.Role, ReasoningContent: read.ReasoningContent}
	var err error
	if m.Content, err = contentText(read.Content); err != nil {
		return err
	}
	return listOrString(read.ToolCalls, "tool_calls", &m.ToolCalls)
}

// contentText joins the parts of a content.
func contentText(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []struct{ Type, Text string }
	if json.Unmarshal(raw, &parts) != nil {
		return "", fmt.Errorf(`"content" is %s; it must be a string, or a list of parts of type text`, short(raw))
	}
	for _, part := range parts {
		if part.Type != "text" {
			return "", fmt.Errorf(`"content" has a part of type %q; only text is understood`, part.Type)
		}
		text += part.Text
	}
	return text, nil
}

// listOrString reads a list, or a string that holds one; nothing, null and "" are an empty list.
func listOrString[T any](raw json.RawMessage, field string, to *[]T) error {
	var text string
	if json.Unmarshal(raw, &text) == nil { // null, too
		raw = json.RawMessage(strings.TrimSpace(text))
	}
	if len(raw) == 0 {
		return nil
	}
	if raw[0] == '{' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	if err := json.Unmarshal(raw, to); err != nil {
		if isCutShort(err) {
			return fmt.Errorf("%q is JSON that is cut short: ...%s", field, tail(raw))
		}
		return fmt.Errorf("%q: %w", field, withoutGoNames(err))
	}
	return nil
}

// UnmarshalJSON reads the messages from "conversations", as MiniMind's files have them, or "messages". Tools are in
// "tools" beside them, or in "tools" or "functions" of a system message; each is a list, or a string that holds one.
func (c *Conversation) UnmarshalJSON(data []byte) error {
	var read struct {
		Conversations, Messages []json.RawMessage
		Tools                   json.RawMessage
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return withoutGoNames(err)
	}
	list := read.Conversations
	if list == nil {
		list = read.Messages
	}
	if list == nil {
		var all map[string]json.RawMessage
		json.Unmarshal(data, &all)
		return fmt.Errorf(`no field "conversations" or "messages"; the fields are %q`, slices.Sorted(maps.Keys(all)))
	}
	var err error
	*c, err = conversation(list, read.Tools)
	return err
}

// ParseMessages reads a list of messages, with the tools that a system message may bring.
func ParseMessages(list []json.RawMessage) (Conversation, error) { return conversation(list, nil) }

func conversation(list []json.RawMessage, tools json.RawMessage) (Conversation, error) {
	c := Conversation{Messages: make([]Message, len(list))}
	if err := listOrString(tools, "tools", &c.Tools); err != nil {
		return c, err
	}
	for i, raw := range list {
		if err := c.Messages[i].UnmarshalJSON(raw); err != nil {
			return c, fmt.Errorf("message %d: %w", i+1, err)
		}
		if c.Messages[i].Role != System {
			continue
		}
		var own struct{ Tools, Functions json.RawMessage }
		if err := json.Unmarshal(raw, &own); err != nil {
			return c, fmt.Errorf("message %d: %w", i+1, withoutGoNames(err))
		}
		if len(own.Tools) == 0 {
			own.Tools = own.Functions
		}
		if err := listOrString(own.Tools, "tools", &c.Tools); err != nil {
			return c, fmt.Errorf("message %d: %w", i+1, err)
		}
	}
	return c, c.check()
}

func isCutShort(err error) bool {
	wrong, ok := errors.AsType[*json.SyntaxError](err)
	return ok && wrong.Error() == "unexpected end of JSON input"
}

// withoutGoNames words encoding/json's error about a type for people who see the file, not the program.
func withoutGoNames(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return fmt.Errorf("a JSON %s where an object is wanted", wrong.Value)
		}
		return fmt.Errorf("%q is a JSON %s, which it must not be", wrong.Field, wrong.Value)
	}
	return err
}

// short is the beginning of some JSON, for an error.
func short(raw []byte) string {
	if len(raw) > 40 {
		return string(bytes.ToValidUTF8(raw[:40], nil)) + "..."
	}
	return string(raw)
}

// tail is the end of some JSON, for an error.
func tail(raw []byte) string {
	return string(bytes.ToValidUTF8(raw[max(len(raw)-40, 0):], nil))
}
