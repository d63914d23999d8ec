package corpus_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
)

// The default files never change: their hashes stand in checkpoints.
func TestConversationsAreFixed(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"Conversations": {corpus.Conversations(), "a7b467894ab852b5"},
		"Preferences":   {corpus.Preferences(), "14b1f7e46b9edd12"},
		"Reasoning":     {corpus.Reasoning(), "89a102bd38e4c5d2"},
	} {
		sum := sha256.Sum256(c.file)
		if got := hex.EncodeToString(sum[:8]); got != c.want {
			t.Errorf("%s has changed: %s, want %s", name, got, c.want)
		}
	}
}

// Every line is a conversation that chat reads, and the kinds have their shares.
func TestConversationsAreChats(t *testing.T) {
	lines, thoughts, tools, twice := 0, 0, 0, 0
	for line := range bytes.Lines(corpus.Conversations()) {
		var c chat.Conversation
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		lines++
		switch last := c.Messages[len(c.Messages)-1].Content; {
		case len(c.Tools) > 0:
			tools++
		case strings.HasPrefix(last, "<think>\n"):
			thoughts++
		case len(c.Messages) == 4:
			twice++
		}
	}
	if lines != 20_000 || tools < 50 || tools > 200 || thoughts < 300 || thoughts > 700 || twice < 1700 || twice > 2300 {
		t.Errorf("%d lines: %d with tools, %d that think, %d with two questions", lines, tools, thoughts, twice)
	}
	for line := range bytes.Lines(corpus.Reasoning()) {
		if !bytes.Contains(line, []byte(`\u003cthink`)) && !bytes.Contains(line, []byte(`"<think>\n`)) {
			t.Fatalf("no thought in %s", line)
		}
	}
}

// No conversation asks what HeldOut asks, and answers differ from wrong ones.
func TestHeldOutQuestionsAreNotLearnt(t *testing.T) {
	known := map[string]bool{}
	for i := range 5000 {
		for _, m := range corpus.Conversation(1, i).Messages {
			known[m.Content] = true
		}
		p := corpus.Preference(1, i)
		known[p.Chosen[0].Content] = true
		if p.Chosen[0].Content != p.Rejected[0].Content || p.Chosen[1].Content == p.Rejected[1].Content {
			t.Fatalf("pair %+v", p)
		}
	}
	asked := map[string]bool{}
	for i := range 1000 {
		q := corpus.HeldOut(3, i)
		if q != corpus.HeldOut(3, i) {
			t.Fatal("one index gives two questions")
		}
		if known[q.Text] || q.Answer == q.Wrong || strings.Contains(q.Text+q.Answer+q.Wrong+q.Thought, "{") {
			t.Errorf("held out: %+v", q)
		}
		asked[q.Text] = true
	}
	if len(asked) < 700 {
		t.Errorf("only %d different questions of 1000", len(asked))
	}
}
