//go:build !js

package nn

import (
	"math"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// testPairs is n pairs of rows with masks, one of the pairs without a rejected answer, and references near the model's.
func testPairs(t *testing.T, m *Model, o DPO, n, T int) *data.Batch {
	t.Helper()
	b := testBatch(2*n, T, m.Config.VocabSize)
	for i := range b.Mask {
		if i%T < 2 || i/T == 2*n-1 && n > 1 {
			b.Mask[i] = 0
			b.Pairs--
		} else if i%5 == 0 {
			b.Mask[i] = 3
		}
	}
	e, err := NewEvaluation(m, CrossEntropy{}, b.B, T)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	if _, err := e.Run(b, 1); err != nil {
		t.Fatal(err)
	}
	tokens, err := e.Values()
	if err != nil {
		t.Fatal(err)
	}
	b.Reference = o.RowLogProbs(b, tokens)
	return b
}

// Against its own start a model prefers nothing: the loss is ln 2, whatever the pairs; and the weights are pulled apart.
func TestDPOBeginsAtLn2(t *testing.T) {
	for _, o := range []DPO{{Beta: 0.1}, {Beta: 0.5, Mean: true}} {
		m := testModel(t, testConfig())
		b := testPairs(t, m, o, 3, 11)
		if o.Count(b) != 2 {
			t.Fatalf("%d pairs count, want 2", o.Count(b))
		}
		tr, err := NewTraining(m, o, adamW, b.B, b.T)
		if err != nil {
			t.Fatal(err)
		}
		var first, last State
		for i := range 5 {
			tr.MicroStep(b, 0.5, true, true, 1e-2)
			if last, _ = tr.State(true); i == 0 {
				first = last
			}
		}
		if math.Abs(first.Loss-math.Ln2) > 1e-6 || math.Abs(first.Preference.Margin()) > 1e-5 {
			t.Errorf("%+v: the first step's state is %+v", o, first)
		}
		if p := last.Preference; last.Loss > 0.6 || p.Accuracy != 1 || p.Margin() < 0.1 {
			t.Errorf("%+v: the fifth step's state is %+v", o, last)
		}
		tr.Release()
	}
}

// The gradient of DPO's loss, by central differences, with chunks of the head that the rows do not divide.
func TestDPOGradients(t *testing.T) {
	o, m := DPO{Beta: 2, Mean: true}, testModel(t, testConfig())
	b := testPairs(t, m, o, 3, 11)
	for i := range b.Reference {
		b.Reference[i] += float32(math.Sin(float64(i))) / 2
	}
	smallHead(t, 97)
	slopesOfLoss(t, m, o, b, 0.5, m.Config.Parameters())
}
