package chat

import (
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
)

func TestPromptWithin(t *testing.T) {
	f, err := For(corpus.Tokenizer())
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a ball ", 10)
	c := Conversation{Messages: []Message{{Role: System, Content: "Be kind"}, {Role: User, Content: "one " + long}, {Role: Assistant, Content: "yes"},
		{Role: Tool, Content: "7"}, {Role: Assistant, Content: "seven"}, {Role: User, Content: "two " + long}, {Role: Assistant, Content: "no"}, {Role: User, Content: "three"}}}
	_, whole, _, _, err := f.PromptWithin(c, ThinkingDefault, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		limit, dropped, left int
		fits                 bool
	}{{len(whole), 0, 8, true}, {len(whole) - 1, 4, 4, true}, {60, 6, 2, true}, {5, 6, 2, false}} {
		text, ids, left, dropped, err := f.PromptWithin(c, ThinkingDefault, want.limit)
		if err != nil || dropped != want.dropped || len(left.Messages) != want.left || len(ids) <= want.limit != want.fits {
			t.Errorf("within %d tokens: %d, %d messages dropped, %d left, error %v", want.limit, len(ids), dropped, len(left.Messages), err)
		}
		if !strings.Contains(text, "Be kind") || !strings.Contains(text, "three") {
			t.Errorf("within %d tokens: %q", want.limit, text)
		}
	}
	if c.Messages[1].Role != User || len(c.Messages) != 8 {
		t.Error("the conversation given was changed")
	}
}
