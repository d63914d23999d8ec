package train

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/chat"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// asked tells the questions of this test from the corpus's others: who eats the apple of a story, in Chinese, which is the
// shorter.
func asked(question string) bool { return strings.Contains(question, "谁吃了") }

// conversations are a shard of conversations with one such question.
func conversations(t *testing.T, f *chat.Format, n int) (*data.Set, string) {
	t.Helper()
	var lines bytes.Buffer
	for i := 0; n > 0; i++ {
		if c := corpus.Conversation(1, i); len(c.Messages) == 2 && asked(c.Messages[0].Content) {
			if err := json.NewEncoder(&lines).Encode(c); err != nil {
				t.Fatal(err)
			}
			n--
		}
	}
	var file bytes.Buffer
	info, err := data.PrepareChat("conversations", &lines, data.Conversations, data.Chat{Format: f}, &file, nil)
	if err != nil {
		t.Fatal(err)
	}
	shard, err := data.OpenShard(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	all, _ := data.Split(shard, 0, 0)
	return all, info.Source()
}

// answered is the share of n held-out questions that the model answers exactly.
func answered(t *testing.T, m *nn.Model, f *chat.Format, n int) float64 {
	t.Helper()
	g, err := generate.New(m, 96)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Release()
	right, all := 0, 0
	for i := 0; all < n; i++ {
		q := corpus.HeldOut(1, i)
		if !asked(q.Text) {
			continue
		}
		all++
		_, prompt, err := f.Prompt(chat.Conversation{Messages: []chat.Message{{Role: chat.User, Content: q.Text}}}, chat.ThinkingDefault)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for piece, err := range g.TextFrom(context.Background(), f.Tokenizer, prompt, generate.Options{MaxNewTokens: 20, Greedy: true}) {
			if err != nil {
				t.Fatal(err)
			}
			text.WriteString(piece)
		}
		if text.String() == q.Answer {
			right++
		}
	}
	return float64(right) / float64(all)
}

// Fine-tuned on conversations, a pretrained model answers questions that it has never seen, which it did not before.
func TestSFTAnswers(t *testing.T) {
	f, err := chat.For(corpus.Tokenizer())
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig()
	c.MaxSteps, c.BatchSize, c.AccumulationSteps, c.LearningRate, c.MaxSeqLen = 30, 2, 1, 5e-3, 52
	_, base := learn(t, tinyModel(), c, slices.Collect(corpus.Documents(1, 2000)), nil, nil)

	set, source := conversations(t, f, 1500)
	c.Stage, c.MaxSteps = "sft", 260
	d := Data{Tokenizer: f.Tokenizer, Source: source, From: open(t, base)}
	if d.Train, err = set.Stream(data.Layout{T: c.MaxSeqLen, Shuffle: true, Seed: 1}, data.Cursor{}); err != nil {
		t.Fatal(err)
	}
	trainer, err := New(hosttest.Device(t), tinyModel(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Release()
	before := answered(t, trainer.Model(), f, 20)
	run(t, trainer, 0)
	if after := answered(t, trainer.Model(), f, 40); before > 0.1 || after < 0.75 {
		t.Errorf("of held-out questions %.2f are answered exactly, %.2f before", after, before)
	}
}
