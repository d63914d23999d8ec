// Package jinja runs chat templates that are written in Jinja, as a tokenizer_config.json of Hugging Face holds them.
// It gives what transformers' apply_chat_template gives. It is apart from package chat for its size: the page does
// without it.
package jinja

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/parser"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
)

// Template is a compiled template; it is a chat.Template.
type Template struct {
	compiled *exec.Template
	hash     string
	globals  map[string]any // the special tokens of a tokenizer_config.json
}

// name is the template's in its loader, which has no other: a template reads no files.
const name = "/chat_template"

func init() { gonja.SetLoggerOutput(io.Discard) }

// New compiles a template. The error names its line.
func New(source string) (*Template, error) {
	compiled, err := compile(source)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	return &Template{compiled: compiled, hash: fmt.Sprintf("%x", sha256.Sum256([]byte(source)))}, nil
}

// String names the template by its hash.
func (t *Template) String() string { return "Jinja " + t.hash[:16] }

func compile(source string) (*exec.Template, error) {
	loader, err := loaders.NewMemoryLoader(map[string]string{name: source})
	if err != nil {
		return nil, err
	}
	settings := config.New()
	settings.TrimBlocks, settings.LeftStripBlocks = true, true
	standard := gonja.DefaultEnvironment
	environment := &exec.Environment{
		Context: exec.EmptyContext().Update(standard.Context).Update(exec.NewContext(map[string]any{
			"raise_exception": raise,
			"strftime_now":    func(layout string) string { return strftime(time.Now(), layout) },
		})),
		Filters:           exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(standard.Filters),
		Tests:             standard.Tests,
		ControlStructures: standard.ControlStructures,
		Methods:           standard.Methods,
	}
	if err := environment.Filters.Replace("tojson", toJSON); err != nil {
		return nil, err
	}
	return exec.NewTemplate(name, settings, loader, environment)
}

// Load reads a template: the chat_template of a tokenizer_config.json, or a file that is the template itself. Of
// several templates in a tokenizer_config.json it takes the one called default.
func Load(r io.Reader) (*Template, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("larger than %d MiB, which no chat template needs", maxBytes>>20)
	}
	if !objectStart.Match(text) {
		return New(string(text))
	}
	var file map[string]json.RawMessage
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("not a tokenizer_config.json: %w", err)
	}
	source, err := templateOf(file["chat_template"])
	if err != nil {
		return nil, err
	}
	t, err := New(source)
	if err != nil {
		return nil, err
	}
	t.globals = map[string]any{}
	for _, token := range []string{"bos_token", "eos_token", "unk_token", "pad_token"} {
		var content struct{ Content string }
		if json.Unmarshal(file[token], &content.Content) == nil || json.Unmarshal(file[token], &content) == nil {
			t.globals[token] = content.Content
		}
	}
	return t, nil
}

const maxBytes = 4 << 20

// objectStart begins a JSON object, and no template.
var objectStart = regexp.MustCompile(`^\s*\{\s*"`)

// templateOf takes the template out of the field chat_template: a string, or a list of named ones.
func templateOf(field json.RawMessage) (string, error) {
	if len(field) == 0 || string(field) == "null" {
		return "", errors.New("no chat_template in this tokenizer_config.json")
	}
	var source string
	if json.Unmarshal(field, &source) == nil {
		return source, nil
	}
	var named []struct{ Name, Template string }
	if err := json.Unmarshal(field, &named); err != nil {
		return "", errors.New("chat_template is neither a string nor a list of templates")
	}
	for _, n := range named {
		if n.Name == "default" {
			return n.Template, nil
		}
	}
	return "", errors.New("chat_template has no template called default")
}

// Render writes the conversation. The error names the template's line.
func (t *Template) Render(c chat.Conversation, o chat.Options) (text string, err error) {
	values := map[string]any{"messages": nil, "tools": nil, "add_generation_prompt": o.AddGenerationPrompt}
	for name, value := range t.globals {
		values[name] = value
	}
	if values["messages"], err = messages(c.Messages); err != nil {
		return "", err
	}
	if len(c.Tools) > 0 {
		var tools []any
		for i, raw := range c.Tools {
			tool, err := parse(raw)
			if err != nil {
				return "", fmt.Errorf("tool %d: %w", i+1, err)
			}
			tools = append(tools, tool)
		}
		values["tools"] = tools
	}
	if o.Thinking != chat.ThinkingDefault { // the generations of MiniMind have two names for it
		values["enable_thinking"], values["open_thinking"] = o.Thinking == chat.ThinkingOn, o.Thinking == chat.ThinkingOn
	}
	defer func() { // the engine panics at some operations on wrong types
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("the chat template fails: %v", thrown)
		}
	}()
	text, err = t.compiled.ExecuteToString(exec.NewContext(values))
	if err != nil {
		return "", runError(err)
	}
	return text, nil
}

// messages are what the template sees of them: no member that a message does not have.
func messages(list []chat.Message) ([]any, error) {
	out := make([]any, len(list))
	for i, m := range list {
		message := dict("role", m.Role, "content", m.Content)
		if m.ReasoningContent != nil {
			set(message, "reasoning_content", *m.ReasoningContent)
		}
		var calls []any
		for _, call := range m.ToolCalls {
			arguments, err := parse(call.Arguments)
			if err != nil {
				return nil, fmt.Errorf("message %d: the arguments of tool %q: %w", i+1, call.Name, err)
			}
			calls = append(calls, dict("type", "function", "function", dict("name", call.Name, "arguments", arguments)))
		}
		if calls != nil {
			set(message, "tool_calls", calls)
		}
		out[i] = message
	}
	return out, nil
}

// refused marks what a template says with raise_exception: the engine keeps an error's text, not its type.
const refused = "the template refuses: "

func raise(message string) (string, error) { return "", errors.New(refused + message) }

// syntaxError says where a template cannot be read. The engine does not always know; then it is the line with which the
// error first appears.
func syntaxError(source string, err error) error {
	syntax, ok := errors.AsType[*parser.SyntaxError](err)
	message, line := engineMessage(err, "': "), 0
	if ok {
		message, line = syntax.Message, syntax.Line
		if syntax.Raw != "" {
			message += fmt.Sprintf(", near %q", syntax.Raw)
		}
	}
	lines := strings.SplitAfter(source, "\n")
	for n := 1; line == 0; n++ {
		if _, early := compile(strings.Join(lines[:n], "")); n == len(lines) || early != nil && engineMessage(early, "': ") == engineMessage(err, "': ") {
			line = n
		}
	}
	return fmt.Errorf("line %d of the chat template: %s", line, message)
}

var places = regexp.MustCompile(` at line (\d+): `)

// runError says where in a template an error came up: the innermost place that the engine names.
func runError(err error) error {
	text := err.Error()
	_, said, refuses := strings.Cut(text, refused)
	message := engineMessage(err, ": ")
	if refuses {
		message, text = refused+said, strings.TrimSuffix(text, said)
	}
	found := places.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		return fmt.Errorf("the chat template: %s", message)
	}
	return fmt.Errorf("line %s of the chat template: %s", found[len(found)-1][1], message)
}

// engineMessage is what an error of the engine says after its last separator.
func engineMessage(err error, separator string) string {
	text := err.Error()
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[at+len(separator):]
	}
	return text
}
