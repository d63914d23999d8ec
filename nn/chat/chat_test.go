package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// shared is the folder with the published tokenizers; MINIMIND_SHARED names another than the one beside the repository.
func shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("MINIMIND_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err != nil {
		t.Fatalf("the published tokenizers are missing (MINIMIND_SHARED names their folder): %v", err)
	}
	return filepath.Join(dir, "data")
}

func load(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	file, err := os.Open(filepath.Join(shared(t), name, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tok, err := tokenizer.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func format(t testing.TB, tok *tokenizer.Tokenizer) *Format {
	t.Helper()
	f, err := For(tok)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var published = []string{"tokenizer-minimind2", "tokenizer-minimind3"}

// Text, tokens and masks are those of the published tokenizers.
func TestPublishedCases(t *testing.T) {
	for _, name := range published {
		file, err := os.ReadFile(filepath.Join(shared(t), name, "chat_cases.json"))
		if err != nil {
			t.Fatal(err)
		}
		var cases []json.RawMessage
		if err := json.Unmarshal(file, &cases); err != nil || len(cases) < 7 {
			t.Fatalf("%s: %d cases, %v", name, len(cases), err)
		}
		f := format(t, load(t, name))
		for i, raw := range cases {
			var conversation Conversation
			var c struct {
				AddGenerationPrompt bool `json:"add_generation_prompt"`
				Text                string
				IDs                 []int `json:"ids"`
				LossMask            []int `json:"loss_mask"`
			}
			if err := errors.Join(json.Unmarshal(raw, &conversation), json.Unmarshal(raw, &c)); err != nil {
				t.Fatalf("%s %d: %v", name, i, err)
			}
			text, err := f.Template.Render(conversation, Options{AddGenerationPrompt: c.AddGenerationPrompt})
			if err != nil || text != c.Text {
				t.Errorf("%s %d: %v\n%s\nwant\n%s", name, i, err, text, c.Text)
			}
			ids := f.Tokenizer.Encode(text)
			if !slices.Equal(ids, c.IDs) {
				t.Errorf("%s %d: tokens %v, want %v", name, i, ids, c.IDs)
			}
			if c.LossMask == nil {
				continue
			}
			for k, m := range f.Mask(ids) {
				if m != (c.LossMask[k] == 1) {
					t.Errorf("%s %d: mask of token %d is %v", name, i, k, m)
				}
			}
		}
	}
}

func TestFor(t *testing.T) {
	conversation := Conversation{Messages: []Message{{Role: User, Content: "2 + 3 = ?"}, {Role: Assistant, Content: "2 + 3 = 5."}}}
	for _, c := range []struct {
		tok  *tokenizer.Tokenizer
		want string
	}{
		{load(t, published[0]), "<|im_start|>system\nYou are a helpful assistant<|im_end|>\n<|im_start|>user\n2 + 3 = ?<|im_end|>\n<|im_start|>assistant\n2 + 3 = 5.<|im_end|>\n"},
		{load(t, published[1]), "<|im_start|>user\n2 + 3 = ?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n2 + 3 = 5.<|im_end|>\n"},
		{corpus.Tokenizer(), "<|im_start|>user\n2 + 3 = ?<|im_end|>\n<|im_start|>assistant\n2 + 3 = 5.<|im_end|>\n"},
		{trained(t, "<unk>", "<s>", "</s>"), "<s>user\n2 + 3 = ?</s>\n<s>assistant\n2 + 3 = 5.</s>\n"},
	} {
		f := format(t, c.tok)
		ids, mask, err := f.Encode(conversation)
		if got := c.tok.Decode(ids, false); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", f.Template, got, err, c.want)
		}
		var learnt []int
		for i, m := range mask {
			if m {
				learnt = append(learnt, ids[i])
			}
		}
		_, answer, _ := strings.Cut(c.want, "assistant\n")
		if _, after, ok := strings.Cut(answer, "assistant\n"); ok {
			answer = after // the first is the system prompt's
		}
		if got := c.tok.Decode(learnt, false); got != answer || ids[len(ids)-2] != f.Stop() {
			t.Errorf("%s: learns %q, want %q", f.Template, got, answer)
		}
	}
	if _, err := For(trained(t)); err == nil || !strings.Contains(err.Error(), "has no tokens <|im_start|> and <|im_end|>") {
		t.Errorf("a tokenizer without marks: %v", err)
	}
}

func trained(t *testing.T, specials ...string) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Train(func(yield func(string) bool) { yield("a text") }, 256+len(specials), specials)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// An answer that begins with newlines is learnt, although a token may hold them and the header's newline together.
func TestMaskOfAnswersBeginning(t *testing.T) {
	for _, name := range published {
		f := format(t, load(t, name))
		for _, content := range []string{"\n\n\n\nyes", "yes", ""} {
			_, mask, err := f.Encode(Conversation{Messages: []Message{{Role: User, Content: "?"}, {Role: Assistant, Content: content}}})
			if err != nil || count(mask) < 2 || !mask[len(mask)-1] || !mask[len(mask)-2] {
				t.Errorf("%s %q: mask %v, %v", name, content, mask, err)
			}
		}
		ids, mask, _ := f.Encode(Conversation{Messages: []Message{{Role: User, Content: "?"}, {Role: Assistant, Content: "a long answer"}}})
		if got, want := count(f.Mask(ids[:len(ids)-3])), count(mask)-3; got != want {
			t.Errorf("%s: %d tokens of an answer that is cut, want %d", name, got, want)
		}
	}
}

func TestThinking(t *testing.T) {
	question := Conversation{Messages: []Message{{Role: User, Content: "?"}}}
	for i, ends := range [][3]string{{"assistant\n", "assistant\n", "assistant\n<think>\n\n</think>\n\n"},
		{"assistant\n<think>\n\n</think>\n\n", "assistant\n<think>\n", "assistant\n<think>\n\n</think>\n\n"}} {
		f := format(t, load(t, published[i]))
		for thinking, end := range ends {
			text, ids, err := f.Prompt(question, Thinking(thinking))
			if err != nil || !strings.HasSuffix(text, end) || f.Tokenizer.Decode(ids, false) != text {
				t.Errorf("%s, thinking %d: %q, %v", published[i], thinking, text, err)
			}
		}
	}
}

// count says how many tokens a mask holds.
func count(mask []bool) (n int) {
	for _, m := range mask {
		if m {
			n++
		}
	}
	return n
}
