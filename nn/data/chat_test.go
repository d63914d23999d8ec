package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
)

// testChat is the embedded tokenizer's.
func testChat(t testing.TB, tags ...string) Chat {
	t.Helper()
	f, err := chat.For(corpus.Tokenizer())
	if err != nil {
		t.Fatal(err)
	}
	return Chat{Format: f, Tags: tags}
}

func prepareChat(t testing.TB, kind Kind, c Chat, lines ...string) (*Shard, error) {
	t.Helper()
	var file bytes.Buffer
	if _, err := PrepareChat("chat.jsonl", strings.NewReader(strings.Join(lines, "\n")), kind, c, &file, nil); err != nil {
		return nil, err
	}
	shard, err := openBytes(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return shard, shard.Verify()
}

func mustPrepareChat(t testing.TB, kind Kind, c Chat, lines ...string) *Shard {
	t.Helper()
	shard, err := prepareChat(t, kind, c, lines...)
	if err != nil {
		t.Fatal(err)
	}
	return shard
}

// talk is a line with turns of the user and the assistant in turn.
func talk(turns ...string) string {
	return `{"conversations": ` + messages(turns...) + `}`
}

func messages(turns ...string) string {
	var list []chat.Message
	for i, turn := range turns {
		list = append(list, chat.Message{Role: []string{chat.User, chat.Assistant}[i%2], Content: turn})
	}
	text, _ := json.Marshal(list)
	return string(text)
}

// learntText is what a row learns, with its weights above 1.
func learntText(b *Batch, row int) string {
	var text strings.Builder
	for n := row * b.T; n < (row+1)*b.T; n++ {
		if b.Mask[n] > 1 {
			fmt.Fprintf(&text, "%gx", b.Mask[n])
		}
		if b.Mask[n] > 0 {
			text.WriteString(corpus.Tokenizer().Decode([]int{int(b.Targets[n])}, false))
		}
	}
	return text.String()
}

// Of a conversation the assistant's turns are learnt, with their end marks and the newlines after them.
func TestConversationsLearnTheAnswers(t *testing.T) {
	shard := mustPrepareChat(t, Conversations, testChat(t), talk("one", "Tom", "two", "Lily"), talk("three", "Ming"))
	set, _ := Split(shard, 0, 0)
	b := NewBatch(2, 200)
	next(t, openStream(t, set, Layout{T: 200, Pad: true}, Cursor{}), b)
	for row, want := range []string{"Tom<|im_end|>\nLily<|im_end|>\n", "Ming<|im_end|>\n"} {
		if got := learntText(b, row); got != want {
			t.Errorf("row %d learns %q, want %q", row, got, want)
		}
	}
	all := corpus.Tokenizer().Encode("Tom<|im_end|>\nLily<|im_end|>\nMing<|im_end|>\n")
	if b.Pairs != len(all) {
		t.Errorf("%d pairs count, want %d", b.Pairs, len(all))
	}
	next(t, openStream(t, set, Layout{T: 200}, Cursor{}), b)
	if got := learntText(b, 0); len(got) != len("Tom<|im_end|>\nLily<|im_end|>\nMing<|im_end|>\n") || b.Mask[200] != 0 {
		t.Errorf("a packed row learns %q, and the next %q", got, learntText(b, 1))
	}
}

// Tags in answers weigh more, and only there.
func TestTagsWeigh(t *testing.T) {
	shard := mustPrepareChat(t, Conversations, testChat(t, "<think>", "</think>"), talk("<think>", "<think>\nTom</think>"))
	if shard.Chat == testChat(t).String() {
		t.Error("tags do not change what the shard was made by")
	}
	set, _ := Split(shard, 0, 0)
	b := NewBatch(1, 200)
	next(t, openStream(t, set, Layout{T: 200, TagWeight: 10}, Cursor{}), b)
	got := learntText(b, 0)
	if plain := strings.ReplaceAll(got, "10x", ""); plain != "<think>\nTom</think><|im_end|>\n" {
		t.Errorf("it learns %q", plain)
	}
	if !strings.HasPrefix(got, "10x<") || !strings.Contains(got, "\nTom10x<") || strings.Contains(got, "10x<|im_end|>") || strings.Count(got, "10x") < 4 {
		t.Errorf("tags weigh %q", got)
	}
	next(t, openStream(t, set, Layout{T: 200}, Cursor{}), b)
	if got := learntText(b, 0); strings.Contains(got, "x") {
		t.Errorf("without a weight: %q", got)
	}
}

// The first half of a batch are the chosen, the second the rejected; a pair is never parted.
func TestPreferences(t *testing.T) {
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf(`{"chosen": %s, "rejected": %s}`, messages(fmt.Sprint(i, "?"), fmt.Sprint("yes ", i)), messages(fmt.Sprint(i, "?"), fmt.Sprint("no ", i))))
	}
	shard := mustPrepareChat(t, Preferences, testChat(t), lines...)
	train, held := Split(shard, 0.2, 3)
	if train.Documents()+held.Documents() != 40 || held.Documents() == 0 {
		t.Fatalf("%d and %d pairs", train.Documents(), held.Documents())
	}
	seen := map[string]bool{}
	for _, set := range []*Set{train, held} {
		stream := openStream(t, set, Layout{T: 60, Shuffle: true, Seed: 1}, Cursor{})
		if got := stream.RowsPerEpoch(); got != int64(2*set.Documents()) {
			t.Errorf("RowsPerEpoch = %d of %d pairs", got, set.Documents())
		}
		b := NewBatch(6, 60)
		for stream.Cursor().Epoch == 0 {
			next(t, stream, b)
			for i := range 3 {
				chosen, rejected := learntText(b, i), learntText(b, 3+i)
				if chosen == "" && rejected == "" && stream.Cursor().Epoch == 1 {
					continue
				}
				if !strings.HasPrefix(chosen, "yes") || strings.Replace(chosen, "yes", "no", 1) != rejected || seen[chosen] {
					t.Fatalf("pair %q and %q", chosen, rejected)
				}
				seen[chosen] = true
			}
		}
	}
	if len(seen) != 40 {
		t.Errorf("%d pairs seen, want 40", len(seen))
	}
}

// Lines without an answer are left out and counted; others that cannot be used are errors with their line.
func TestPrepareChatOfBadLines(t *testing.T) {
	good := talk("hi", "Tom")
	shard := mustPrepareChat(t, Conversations, testChat(t), good, talk("only a question"), "", good)
	if shard.Documents != 2 || shard.EmptyDocuments != 1 {
		t.Errorf("%d conversations, %d left out; want 2 and 1", shard.Documents, shard.EmptyDocuments)
	}
	goodPair := fmt.Sprintf(`{"chosen": %s, "rejected": %s}`, messages("?", "yes"), messages("?", "no"))
	for _, c := range []struct {
		kind        Kind
		second      string
		wantFromSec string
	}{
		{Conversations, `{"text": "a story"}`, `no field "conversations" or "messages"; the fields are ["text"]`},
		{Conversations, `{"conversations": [{"role": "robot", "content": "a"}]}`, `message 1 has the role "robot"`},
		{Conversations, `{"conversations": [{"role": "assistant", "content": "", "tool_calls": "[{\"name\": \"f\", \"argu"}]}`, `message 1: "tool_calls" is JSON that is cut short`},
		{Conversations, `{"conversations": [{"role": "user", "con`, `the file ends in the middle of this record`},
		{Conversations, `{"conversations": []}`, "no messages"},
		{Conversations, goodPair, `no field "conversations" or "messages"; the fields are ["chosen" "rejected"]`},
		{Preferences, good, `no lists of messages in "chosen" and "rejected"`},
		{Preferences, `{"chosen": "yes", "rejected": "no"}`, "a JSON string where a list of messages is wanted"},
		{Preferences, fmt.Sprintf(`{"chosen": %s, "rejected": %s}`, messages("a?", "yes"), messages("b?", "no")), `"chosen" and "rejected" answer different prompts (message 1 differs)`},
		{Preferences, fmt.Sprintf(`{"chosen": %s, "rejected": %s}`, messages("a?", "yes", "b?", "yes"), messages("a?", "yes")), `answer different prompts (3 and 1 messages)`},
		{Preferences, fmt.Sprintf(`{"chosen": %s, "rejected": %s}`, messages("a?"), messages("a?", "yes")), `"chosen" ends in a turn of the user`},
	} {
		first := good
		if c.kind == Preferences {
			first = goodPair
		}
		_, err := prepareChat(t, c.kind, testChat(t), first, c.second)
		if err == nil || !strings.HasPrefix(err.Error(), "chat.jsonl: line 2: ") || !strings.Contains(err.Error(), c.wantFromSec) {
			t.Errorf("%s: %v, want %s", c.second, err, c.wantFromSec)
		}
	}
	if _, err := prepareChat(t, Conversations, testChat(t), talk("a"), talk("b")); err == nil || !strings.Contains(err.Error(), "no conversation in its") {
		t.Errorf("nothing to learn: %v", err)
	}
}

// A shard is the same however the work falls to the cores, and names what it was made by.
func TestPrepareChatIsDeterministic(t *testing.T) {
	var lines []string
	for i := range 3000 {
		lines = append(lines, talk(corpus.Document(1, i), corpus.Document(2, i)))
	}
	var files [2]bytes.Buffer
	for i := range files {
		info, err := PrepareChat("a", strings.NewReader(strings.Join(lines, "\n")), Conversations, testChat(t), &files[i], nil)
		if err != nil || info.Documents != 3000 || info.Chat != testChat(t).String() || info.SourceHash == "" {
			t.Fatal(info, err)
		}
	}
	if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
		t.Error("two shards of one file differ")
	}
}

// Whatever a file of conversations holds, it is an error or a shard that can be read.
func FuzzPrepareChat(f *testing.F) {
	f.Add(talk("a", "b")+"\n"+talk("c", "<think>\nd\n</think>\n\ne"), false)
	f.Add(`{"messages": [{"role": "system", "content": "", "tools": "[{}]"}, {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"a": 1e9}}]}]}`, false)
	f.Add(fmt.Sprintf(`{"chosen": %s, "rejected": %s}`, messages("?", "yes"), messages("?", "no")), true)
	c := testChat(f, "<think>")
	f.Fuzz(func(t *testing.T, lines string, pairs bool) {
		kind := Conversations
		if pairs {
			kind = Preferences
		}
		shard, err := prepareChat(t, kind, c, lines)
		if err != nil {
			return
		}
		set, _ := Split(shard, 0, 0)
		b := NewBatch(2, 40)
		if stream, err := set.Stream(Layout{T: 40, TagWeight: 2}, Cursor{}); err == nil {
			next(t, stream, b)
		}
	})
}
