package jinja

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
)

// shared is the folder with the published tokenizers; MINIMIND_SHARED names another than the one beside the repository.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("MINIMIND_SHARED")
	if dir == "" {
		dir = "../../../../shared"
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		t.Fatalf("the published tokenizers are missing (MINIMIND_SHARED names their folder): %v", err)
	}
	return filepath.Join(dir, "data")
}

var templates = map[string]chat.ChatML{"tokenizer-minimind2": chat.MiniMind2(), "tokenizer-minimind3": chat.MiniMind3()}

// options are every way to end a conversation.
var options = []chat.Options{{}, {AddGenerationPrompt: true}, {AddGenerationPrompt: true, Thinking: chat.ThinkingOn},
	{AddGenerationPrompt: true, Thinking: chat.ThinkingOff}}

// more are conversations in whose corners templates could differ.
const more = `[
{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "\n\nb\n"}]},
{"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "a"}, {"role": "system", "content": "b"}]},
{"messages": [{"role": "assistant", "content": "x", "reasoning_content": "\nr\n\n"}, {"role": "assistant", "content": "x</think>y", "reasoning_content": ""}]},
{"messages": [{"role": "assistant", "content": "<think>a<think>\nb\n\n</think>c</think>\nd\n"}, {"role": "assistant", "content": "no <think> end"}]},
{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "call", "tool_calls": [{"name": "f", "arguments": "{\"x\":1}"}, {"function": {"name": "g", "arguments": {"b": [1, 2.50, 1e-7, null], "a": "\u5317/<'\\"}}}]},
 {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}, {"role": "user", "content": "b"}, {"role": "tool", "content": "3"}]},
{"messages": [{"role": "assistant", "content": "\n", "tool_calls": [{"name": "f", "arguments": {}}]}], "tools": [{"b": {"z": 1, "a": true}, "a": "é\n\t"}, {}]},
{"messages": [{"role": "tool", "content": "1"}]}
]`

// The Go templates and the published Jinja write the same, and what the published cases say.
func TestPublishedTemplates(t *testing.T) {
	for name, want := range templates {
		file, err := os.Open(filepath.Join(shared(t), name, "tokenizer_config.json"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		template, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		cases, err := os.ReadFile(filepath.Join(shared(t), name, "chat_cases.json"))
		if err != nil {
			t.Fatal(err)
		}
		var all, extra []json.RawMessage
		if err := json.Unmarshal(cases, &all); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(more), &extra); err != nil {
			t.Fatal(err)
		}
		for i, raw := range append(all, extra...) {
			var c chat.Conversation
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			for _, o := range options {
				got, err := template.Render(c, o)
				if err != nil {
					t.Fatalf("%s %d: %v", name, i, err)
				}
				if text, err := want.Render(c, o); err != nil || got != text {
					t.Errorf("%s %d %+v: %v\nJinja\n%s\nGo\n%s", name, i, o, err, got, text)
				}
			}
			var published struct {
				Text                string
				AddGenerationPrompt bool `json:"add_generation_prompt"`
			}
			if err := json.Unmarshal(raw, &published); err != nil {
				t.Fatal(err)
			}
			if got, _ := template.Render(c, chat.Options{AddGenerationPrompt: published.AddGenerationPrompt}); i < len(all) && got != published.Text {
				t.Errorf("%s %d:\n%s\nwant\n%s", name, i, got, published.Text)
			}
		}
	}
}

// What the Go templates are for other programs writes the same as they.
func TestJinjaOfBuiltTemplates(t *testing.T) {
	plain := chat.ChatML{Start: "<s>", End: "</s>"}
	for name, built := range map[string]chat.ChatML{"first": chat.MiniMind2(), "second": chat.MiniMind3(), "plain": plain, "quotes": {Start: "'", End: `\'`, DefaultSystem: "a\n'b'"}} {
		template, err := New(built.Jinja())
		if err != nil {
			t.Fatal(err)
		}
		var all, published []chat.Conversation
		if err := json.Unmarshal([]byte(more), &all); err != nil {
			t.Fatal(err)
		}
		for folder := range templates {
			cases, err := os.ReadFile(filepath.Join(shared(t), folder, "chat_cases.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(cases, &published); err != nil {
				t.Fatal(err)
			}
			all = append(all, published...)
		}
		for i, c := range all {
			for _, o := range options {
				got, err := template.Render(c, o)
				if err != nil {
					t.Fatalf("%s %d: %v", name, i, err)
				}
				if want, err := built.Render(c, o); err != nil || got != want {
					t.Errorf("%s %d %+v: %v\nJinja\n%s\nGo\n%s", name, i, o, err, got, want)
				}
			}
		}
	}
}

var question = chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: "hi"}}}

func TestOtherTemplates(t *testing.T) {
	for source, want := range map[string]string{
		"{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m.content | trim }}\n{% endfor %}": "<s>[user] hi\n",
		"{{ {'b': 1, 'a': ['x']} | tojson(indent=2) }}":                                                "{\n  \"b\": 1,\n  \"a\": [\n    \"x\"\n  ]\n}",
		"{% if tools is none or not tools %}no tools{% endif %}":                                       "no tools",
	} {
		config, _ := json.Marshal(map[string]any{"chat_template": source, "bos_token": map[string]string{"content": "<s>"}})
		template, err := Load(strings.NewReader(string(config)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := template.Render(question, chat.Options{}); err != nil || got != want {
			t.Errorf("%s writes %q, %v, want %q", source, got, err, want)
		}
	}
	named := `{"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]}`
	template, err := Load(strings.NewReader(named))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := template.Render(question, chat.Options{}); got != "d" {
		t.Errorf("of named templates: %q, %v", got, err)
	}
}

// Errors name the line of the template.
func TestErrors(t *testing.T) {
	for source, want := range map[string]string{
		"a\n{% if x %}\nb":                      "line 3 of the chat template:",
		"a\n{{ 'b' }\n":                         "line 2 of the chat template:",
		"a\n{% if %}\nb\n{% endif %}":           "line 2 of the chat template:",
		"{% unknown %}":                         "line 1 of the chat template:",
		"a\n\n{{ messages[0].content | nope }}": "line 3 of the chat template:",
		"a\n{% for m in messages %}\n{{ raise_exception('only Klingon: no') }}\n{% endfor %}": "line 3 of the chat template: the template refuses: only Klingon: no",
		"a\n{% include '/etc/passwd' %}":             "line 2 of the chat template:",
		"{\"chat_template\": null}":                  "no chat_template in this tokenizer_config.json",
		"{\"chat_template\": \"{% if %}\"}":          "line 1 of the chat template:",
		"{\"chat_template\": 3}":                     "neither a string nor a list",
		"{\"chat_template\": [{\"name\": \"rag\"}]}": "no template called default",
		"{\"chat_": "not a tokenizer_config.json",
	} {
		template, err := Load(strings.NewReader(source))
		if err == nil {
			_, err = template.Render(question, chat.Options{})
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", source, err, want)
		} else {
			t.Log(err)
		}
	}
}
