package evaluate

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// testModel is a fresh model, whose weights are large enough for its predictions to differ.
func testModel(t *testing.T) *nn.Model {
	t.Helper()
	c, err := config.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c.HiddenSize, c.HeadDim, c.IntermediateSize = 32, 8, 64
	m, err := nn.NewModel(hosttest.Device(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	m.Init(5)
	embedding, err := m.Parameter("model.embed_tokens.weight")
	if err != nil {
		t.Fatal(err)
	}
	for i := range embedding {
		embedding[i] *= 4
	}
	if err := m.SetParameter("model.embed_tokens.weight", embedding); err != nil {
		t.Fatal(err)
	}
	return m
}

// logProbs computes log p of ids[1:] one after another from the model's logits, in float64.
func logProbs(t *testing.T, m *nn.Model, ids []int) []float64 {
	t.Helper()
	T := len(ids) - 1
	e, err := nn.NewLogits(m, 1, T)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	b := data.NewBatch(1, T)
	for n := range T {
		b.Inputs[n], b.Targets[n], b.Mask[n] = uint32(ids[n]), uint32(ids[n+1]), 1
	}
	if _, err := e.Run(b, 1); err != nil {
		t.Fatal(err)
	}
	logits, err := e.Values()
	if err != nil {
		t.Fatal(err)
	}
	V := m.Config.VocabSize
	var out []float64
	for n := range T {
		sum := 0.0
		for _, l := range logits[n*V : (n+1)*V] {
			sum += math.Exp(float64(l))
		}
		out = append(out, float64(logits[n*V+ids[n+1]])-math.Log(sum))
	}
	return out
}

func set(t *testing.T, documents ...string) *data.Set {
	t.Helper()
	var file bytes.Buffer
	if _, err := data.Prepare("t", strings.NewReader(strings.Join(documents, "\n\n")), data.Text, corpus.Tokenizer(), &file, nil); err != nil {
		t.Fatal(err)
	}
	shard, err := data.OpenShard(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	all, _ := data.Split(shard, 0, 0)
	return all
}

// encode is a document as a shard holds it.
func encode(text string) []int {
	tok := corpus.Tokenizer()
	return append(append([]int{tok.BOS()}, tok.Encode(text)...), tok.EOS())
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-4*math.Abs(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// The loss is that of logits, the end mark counts as a token and not as bytes.
func TestLoss(t *testing.T) {
	m := testModel(t)
	texts := []string{"Tom has a red ball.", "小明有一朵花。"}
	sum, tokens, length := 0.0, 0, 0
	for _, text := range texts {
		for _, p := range logProbs(t, m, encode(text)) {
			sum -= p
			tokens++
		}
		length += len(text)
	}
	stream, err := set(t, texts...).Stream(data.Layout{T: 64}, data.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Loss(t.Context(), m, corpus.Tokenizer(), stream, 64, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loss", got.Loss, sum/float64(tokens))
	near(t, "perplexity", got.Perplexity, math.Exp(sum/float64(tokens)))
	near(t, "bits per byte", got.BitsPerByte, sum/math.Ln2/float64(length))
	if got.Tokens != int64(tokens) || got.Bytes != int64(length) {
		t.Errorf("%d tokens and %d bytes, want %d and %d", got.Tokens, got.Bytes, tokens, length)
	}
}

// As one running text a row's documents see one another; YaRN changes the loss of the model as it is, and leaves the
// model alone.
func TestLengths(t *testing.T) {
	m := testModel(t)
	texts := []string{"Tom has a red ball.", "Lily has it now."}
	stream, err := set(t, texts...).Stream(data.Layout{T: 64}, data.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	b := data.NewBatch(2, 64)
	if err := (OneText{stream}).Next(b); err != nil {
		t.Fatal(err)
	}
	first, second := len(encode(texts[0]))-1, len(encode(texts[1]))-1
	if b.Start[first+second-1] != 0 || b.Start[first+second] != uint32(first+second) || b.Pairs != first+second {
		t.Errorf("documents begin at %v", b.Start)
	}
	long := set(t, strings.Join([]string{corpus.Document(1, 1), corpus.Document(1, 2), corpus.Document(1, 3)}, " "))
	open := func(T int) (Rows, error) { return long.Stream(data.Layout{T: T}, data.Cursor{}) }
	lengths, err := Lengths(t.Context(), m, corpus.Tokenizer(), open, []int{16, 32}, config.YaRN(16, 8), 64, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(lengths) != 2 || lengths[0].Plain.Tokens != lengths[1].YaRN.Tokens || lengths[0].Plain == lengths[1].Plain || lengths[1].Plain.Loss == lengths[1].YaRN.Loss {
		t.Errorf("%+v", lengths)
	}
	if m.Config.RopeScaling != nil {
		t.Error("the model stays stretched")
	}
}

// The chosen answer is the one whose tokens are likeliest after the prompt.
func TestChoices(t *testing.T) {
	m := testModel(t)
	var questions []Question
	for i := range 6 {
		q := Question{Line: i + 2, Text: corpus.Document(1, i), Choices: []string{"one", "two", "three"}}
		best, chosen := math.Inf(-1), 0
		for k := range q.Choices {
			prompt, follow, _ := encodeChoice(q, letter(k))
			sum := 0.0
			for _, p := range logProbs(t, m, append(prompt, follow...))[len(prompt)-1:] {
				sum += p
			}
			if sum > best {
				best, chosen = sum, k
			}
		}
		if q.Answer = chosen; i%2 == 1 {
			q.Answer = (chosen + 1) % 3
		}
		questions = append(questions, q)
	}
	got, err := Choices(t.Context(), m, questions, encodeChoice, func(int) {})
	if err != nil || got.Right != 3 || got.Questions != 6 {
		t.Errorf("%+v, %v; want 3 right", got, err)
	}
}

// encodeChoice lets answers be of several tokens.
func encodeChoice(q Question, answer string) (prompt, follow []int, err error) {
	tok := corpus.Tokenizer()
	return append([]int{tok.BOS()}, tok.Encode(q.Prompt())...), tok.Encode(answer + " is it"), nil
}

func TestScore(t *testing.T) {
	for _, c := range []struct {
		right, n  int
		low, high float64 // published intervals of Wilson
	}{{0, 10, 0, 0.2775}, {8, 10, 0.4902, 0.9433}, {356, 1346, 0.2416, 0.2887}} {
		questions := make([]Question, c.n)
		for i := range questions {
			questions[i].Choices = make([]string, 4)
		}
		s := newScore(c.right, questions)
		if math.Abs(s.Low-c.low) > 5e-5 || math.Abs(s.High-c.high) > 5e-5 || math.Abs(s.Chance-0.25) > 1e-9 {
			t.Errorf("%d of %d: %+v, want %v to %v", c.right, c.n, s, c.low, c.high)
		}
	}
}

func TestReadQuestions(t *testing.T) {
	got, err := ReadQuestions(strings.NewReader("\ufeffid,question,A,B,C,D,answer,explanation\n" +
		"0,\"two\nlines, and a comma\",a,b,c,d,B,none\n1,fewer,yes,no,,, A ,\n"))
	if err != nil || len(got) != 2 || got[0].Text != "two\nlines, and a comma" || got[0].Answer != 1 || got[1].Line != 4 || got[1].Answer != 0 || len(got[1].Choices) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if p := got[1].Prompt(); p != "fewer\nA. yes\nB. no\n答案：" {
		t.Errorf("prompt %q", p)
	}
	for file, want := range map[string]string{
		"":                                      "the file is empty",
		"question,A,B,answer\n":                 "no questions follow",
		"a,b\n1,2\n":                            `line 1: the columns are ["a" "b"]`,
		"question,A,B,answer\nq,a,b,C\n":        `line 2: the answer is "C", which is none of the choices A to B`,
		"question,A,B,answer\nq,a,b,A\nq,a,b\n": "line 3: wrong number of fields",
		"question,A,B,answer\n\"q,a,b,A\n":      "line 2: ",
	} {
		if _, err := ReadQuestions(strings.NewReader(file)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
}

// What cannot be is said.
func TestErrors(t *testing.T) {
	m := testModel(t)
	m.Config.MaxPositionEmbeddings = 20
	q := Question{Line: 7, Text: strings.Repeat("a ball ", 20), Choices: []string{"a", "b"}}
	if _, err := Choices(t.Context(), m, []Question{q}, encodeChoice, func(int) {}); err == nil || !strings.Contains(err.Error(), "line 7: the question has") {
		t.Errorf("a long question: %v", err)
	}
	if _, err := Loss(t.Context(), m, corpus.Tokenizer(), &nothing{}, 4, 0, nil); err == nil || fmt.Sprint(err) != "nothing in this data counts: there is nothing to predict" {
		t.Errorf("nothing to predict: %v", err)
	}
}

// nothing is one batch of which nothing counts.
type nothing struct{ epoch int64 }

func (n *nothing) Next(*data.Batch) error { n.epoch++; return nil }
func (n *nothing) Cursor() data.Cursor    { return data.Cursor{Epoch: n.epoch} }
