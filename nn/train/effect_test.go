package train

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// These tests train for seconds and assert that a stage has the effect that it is for.

// versus prefers a Chinese document to an English one, in pairs from a first one on.
type versus struct {
	rows  [2][][]int // tokens of the chosen and of the rejected
	epoch int64
	at    int64
}

func newVersus(seed uint64, n int) *versus {
	v, tok := &versus{}, corpus.Tokenizer()
	for i := 0; len(v.rows[0]) < n || len(v.rows[1]) < n; i++ {
		document := corpus.Document(seed, i)
		side := 1
		if document[0] >= 0x80 {
			side = 0
		}
		v.rows[side] = append(v.rows[side], append([]int{tok.BOS()}, tok.Encode(document)...))
	}
	v.rows[0], v.rows[1] = v.rows[0][:n], v.rows[1][:n]
	return v
}

func (v *versus) RowsPerEpoch() int64 { return int64(2 * len(v.rows[0])) }
func (v *versus) Cursor() data.Cursor { return data.Cursor{Epoch: v.epoch, Document: v.at} }
func (v *versus) Seek(at data.Cursor) error {
	v.epoch, v.at = at.Epoch, at.Document
	return nil
}

func (v *versus) Next(b *data.Batch) error {
	b.Pairs = 0
	for i := range b.B / 2 {
		for side := range 2 {
			row := (side*b.B/2 + i) * b.T
			for t := range b.T {
				n := row + t
				b.Inputs[n], b.Targets[n], b.Mask[n], b.Start[n] = 0, 0, 0, uint32(row)
				if v.at < int64(len(v.rows[side])) && t+1 < len(v.rows[side][v.at]) {
					b.Inputs[n], b.Targets[n], b.Mask[n] = uint32(v.rows[side][v.at][t]), uint32(v.rows[side][v.at][t+1]), 1
					b.Pairs++
				}
			}
		}
		v.at++
	}
	if v.at >= int64(len(v.rows[0])) {
		v.epoch, v.at = v.epoch+1, 0
	}
	return nil
}

// preferred is the share of pairs of which the model finds the chosen row likelier, token for token.
func preferred(t *testing.T, m *nn.Model, pairs *versus, T int) float64 {
	t.Helper()
	const rows = 8
	e, err := nn.NewEvaluation(m, nn.CrossEntropy{}, rows, T)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	wins, all := 0, 0
	for b := data.NewBatch(rows, T); pairs.epoch == 0; {
		if err := pairs.Next(b); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Run(b, 1); err != nil {
			t.Fatal(err)
		}
		values, err := e.Values()
		if err != nil {
			t.Fatal(err)
		}
		likely := nn.DPO{Mean: true}.RowLogProbs(b, values)
		for i := range rows / 2 {
			all++
			if likely[i] > likely[rows/2+i] {
				wins++
			}
		}
	}
	return float64(wins) / float64(all)
}

// DPO raises the share of held-out pairs in which the model prefers what it should. Other stages begin with the base's
// weights, too: the first loss shows it.
func TestDPOPrefers(t *testing.T) {
	c, saved := testConfig(), pretrained(t, 40)
	base := open(t, saved)
	m, err := nn.LoadModel(hosttest.Device(t), base)
	if err != nil {
		t.Fatal(err)
	}
	before := preferred(t, m, newVersus(2, 40), c.MaxSeqLen)
	m.Release()
	tuned, _ := run(t, stage{name: "sft", config: func(c *Config) { c.MaxSteps = 1 }, data: func(*Data) {}}.mustBegin(t, saved, nil), 0)
	if loss := tuned[0].Loss; loss > math.Log(512)-0.5 {
		t.Errorf("the first loss of fine-tuning is %.3f, as if from fresh weights", loss)
	}

	c.Stage, c.MaxSteps, c.BatchSize, c.AccumulationSteps, c.LearningRate, c.DPO.Beta = "dpo", 20, 4, 1, 5e-4, 0.1
	d := testData(t, c, 50, checkpoint.Cursor{})
	d.Train, d.Validation, d.From = newVersus(1, 64), newVersus(3, 12), open(t, saved)
	shares := []float64{}
	d.Progress = func(share float64) error { shares = append(shares, share); return nil }
	trainer, err := New(hosttest.Device(t), base.Header.Model, c, d)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Release()
	if n := len(shares); n == 0 || shares[n-1] != 1 {
		t.Errorf("the references' progress was %v", shares)
	}
	steps, _ := run(t, trainer, 0)
	after := preferred(t, trainer.Model(), newVersus(2, 40), c.MaxSeqLen)
	if after < 0.9 || after < before+0.2 {
		t.Errorf("what should be preferred is so in %.2f of the pairs, after %.2f before", after, before)
	}
	first, last := steps[0], steps[len(steps)-1]
	if math.Abs(first.Loss-math.Ln2) > 1e-5 {
		t.Errorf("the first loss is %v, want ln 2", first.Loss)
	}
	if v := last.Validation; v == nil || v.Loss > 0.6 || v.Preference.Accuracy < 0.9 || v.Preference.Margin() < 0.2 || v.Perplexity != 0 {
		t.Errorf("the last validation is %+v, %+v", v, v.Preference)
	}
}

// The references of rows hold in any batch, such as one that is filled up; of other rows there are none.
func TestReferencesOfRows(t *testing.T) {
	m, err := nn.LoadModel(hosttest.Device(t), open(t, pretrained(t, 1)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	o, T := nn.DPO{Beta: 0.1}, 24
	r, err := referencesOf(m, o, 4, T, func(float64) error { return nil }, firstPairs{newVersus(1, 4), math.MaxInt32})
	if err != nil {
		t.Fatal(err)
	}
	b := data.NewBatch(12, T)
	if err := newVersus(1, 4).Next(b); err != nil {
		t.Fatal(err)
	}
	if err := r.set(b); err != nil || o.Count(b) != 4 {
		t.Fatalf("%d pairs: %v", o.Count(b), err)
	}
	for row, v := range b.Reference {
		if (v < -1) != b.Counts(row) {
			t.Errorf("row %d has the reference %v", row, v)
		}
	}
	if err := newVersus(2, 4).Next(b); err != nil {
		t.Fatal(err)
	}
	if err := r.set(b); err == nil || !strings.Contains(err.Error(), "has not seen row 0") {
		t.Errorf("other rows: %v", err)
	}
	stop := errors.New("enough")
	if _, err := referencesOf(m, o, 4, T, func(float64) error { return stop }, firstPairs{newVersus(1, 4), math.MaxInt32}); err != stop {
		t.Errorf("stopped: %v", err)
	}
}

// learn trains a stage on documents, from a checkpoint or fresh weights, and returns its last validation loss and its
// last checkpoint.
func learn(t *testing.T, model config.Model, c Config, documents []string, from, teacher []byte) (loss float64, saved []byte) {
	t.Helper()
	c.ValidationInterval = c.MaxSteps
	d := textData(t, c, documents, checkpoint.Cursor{})
	if from != nil {
		d.From = open(t, from)
	}
	if teacher != nil {
		d.Teacher = open(t, teacher)
	}
	trainer, err := New(hosttest.Device(t), model, c, d)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Release()
	steps, saved := run(t, trainer, 0)
	return steps[len(steps)-1].Validation.Loss, saved
}

// experienced is a model that has learnt the corpus well for its size, which tests share: its validation loss, and its
// checkpoint.
func experienced(t *testing.T) (loss float64, saved []byte) {
	t.Helper()
	if experience.saved == nil {
		c := effectConfig()
		c.MaxSteps = 150
		experience.loss, experience.saved = learn(t, tinyModel(), c, slices.Collect(corpus.Documents(1, 400)), nil, nil)
	}
	return experience.loss, experience.saved
}

var experience struct {
	loss  float64
	saved []byte
}

// effectConfig is of runs that learn what they can in seconds.
func effectConfig() Config {
	c := testConfig()
	c.MaxSteps, c.BatchSize, c.AccumulationSteps, c.LearningRate = 60, 4, 1, 5e-3
	return c
}

// A student beside a teacher that knows more ends with a lower loss on held-out text than the same student alone.
func TestDistilledStudentIsBetter(t *testing.T) {
	small, documents := tinyModel(), slices.Collect(corpus.Documents(1, 400))
	small.HiddenSize, small.HeadDim, small.IntermediateSize, small.NumHiddenLayers = 16, 4, 32, 1
	guide, teacher := experienced(t)
	c := effectConfig()
	c.Seed = 5
	alone, _ := learn(t, small, c, documents, nil, nil)
	c.Stage, c.Distillation = "distill", nn.Distillation{Alpha: 0.5, Temperature: 1.5}
	taught, _ := learn(t, small, c, documents, nil, teacher)
	if guide > alone-1 || taught > alone-0.05 {
		t.Errorf("the student's validation loss is %.3f with a teacher (of %.3f) and %.3f without", taught, guide, alone)
	}
}

// From the same start and on the same kind of text, adapters on all linear layers come within 0.1 of the validation loss
// that training all parameters reaches, of the 0.4 that there are to gain.
func TestLoRAComesCloseToFullTraining(t *testing.T) {
	c := effectConfig()
	_, base := experienced(t)
	var chinese []string
	for document := range corpus.Documents(1, 800) {
		if document[0] >= 0x80 {
			chinese = append(chinese, document)
		}
	}
	c.Stage, c.MaxSteps, c.LearningRate = "sft", 1, 1e-9
	before, _ := learn(t, tinyModel(), c, chinese, base, nil)
	c.MaxSteps, c.LearningRate = 60, 1e-3
	full, _ := learn(t, tinyModel(), c, chinese, base, nil)
	c.Stage, c.LearningRate, c.LoRA = "lora", 2e-2, config.LoRA{Rank: 16, Targets: "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"}
	adapted, _ := learn(t, tinyModel(), c, chinese, base, nil)
	if adapted > full+0.1 || full > before-0.4 {
		t.Errorf("validation loss %.3f before, %.3f with all parameters, %.3f with adapters", before, full, adapted)
	}
}
