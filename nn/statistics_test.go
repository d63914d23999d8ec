package nn

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// What is measured on the device is what the parameters and gradients say when they are read and summed in float64.
func TestStatistics(t *testing.T) {
	c := testConfig()
	c.NumHiddenLayers = 3
	m := testModel(t, c)
	tr := training(t, m, 2, 9)
	tr.Noise, tr.Ratios = true, true
	values := func() (all [][]float32) {
		for _, p := range c.Parameters() {
			v, err := m.Parameter(p.Name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, v)
		}
		return all
	}
	for range 3 {
		before := values()
		tr.MicroStep(testBatch(2, 9, 97), 1.0/36, true, false, 0)
		squares := 0.0
		for _, p := range c.Parameters() {
			g, err := tr.Gradient(p.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range g {
				squares += float64(x) * float64(x)
			}
		}
		tr.MicroStep(testBatch(2, 9, 97, 5, 4), 1.0/36, false, true, 1e-2)
		s, _ := tr.State(true)
		after := values()
		if math.Abs(s.MicroSquares/squares-1) > 1e-5 {
			t.Errorf("squares of the first gradient %v, want %v", s.MicroSquares, squares)
		}
		ratio := func(part string) float64 {
			var update, weight float64
			for i, p := range c.Parameters() {
				if !strings.Contains(p.Name, part) {
					continue
				}
				for j := range after[i] {
					d := float64(after[i][j]) - float64(before[i][j])
					update += d * d
					weight += float64(after[i][j]) * float64(after[i][j])
				}
			}
			return math.Sqrt(update / weight)
		}
		got := append([]float64{s.UpdateRatio}, s.UpdateRatios...)
		want := []float64{ratio(""), ratio("layers.0."), ratio("layers.1."), ratio("layers.2.")}
		if len(got) != len(want) {
			t.Fatalf("ratios %v, want %v", got, want)
		}
		for i := range want {
			if math.Abs(got[i]/want[i]-1) > 1e-4 {
				t.Errorf("ratio %d is %v, want %v", i, got[i], want[i])
			}
		}
	}
	tr.Noise, tr.Ratios = false, false
	tr.MicroStep(testBatch(2, 9, 97), 1.0/18, true, true, 1e-2)
	if s, _ := tr.State(true); s.MicroSquares != 0 || s.UpdateRatio != 0 || s.UpdateRatios != nil || s.LargestActivation != nil {
		t.Errorf("what was not measured is told: %+v", s)
	}
}

// Where the branches add nothing, every layer's activations are the embedding's rows.
func TestProbe(t *testing.T) {
	c := testConfig()
	m := testModel(t, c)
	m.Probe = true
	for _, p := range c.Parameters() {
		if strings.Contains(p.Name, "o_proj") || strings.Contains(p.Name, "down_proj") {
			if err := m.SetParameter(p.Name, make([]float32, p.Elements())); err != nil {
				t.Fatal(err)
			}
		}
	}
	embedding, err := m.Parameter("model.embed_tokens.weight")
	if err != nil {
		t.Fatal(err)
	}
	tr := training(t, m, 1, 9)
	batches := []float64{0, 0}
	for i, first := range []bool{true, false} {
		b := testBatch(1, 9, 97)
		if !first {
			slices.Reverse(b.Inputs)
			b.Inputs[0] = 3
		}
		for _, token := range b.Inputs {
			for _, x := range embedding[int(token)*c.HiddenSize : (int(token)+1)*c.HiddenSize] {
				batches[i] = max(batches[i], math.Abs(float64(x)))
			}
		}
		tr.MicroStep(b, 1, first, !first, 0)
	}
	s, _ := tr.State(true)
	if want := max(batches[0], batches[1]); !slices.Equal(s.LargestActivation, []float64{want, want}) {
		t.Errorf("largest activations %v, want %v of %v", s.LargestActivation, want, batches)
	}
}

// Measuring changes no bit of a run.
func TestMeasuringChangesNothing(t *testing.T) {
	var want []float32
	for _, measured := range []bool{false, true} {
		m := testModel(t, testConfig())
		m.Probe = measured
		tr := training(t, m, 1, 8)
		tr.Noise, tr.Ratios = measured, measured
		for range 3 {
			tr.MicroStep(testBatch(1, 8, 97), 1.0/16, true, false, 0)
			tr.MicroStep(testBatch(1, 8, 97, 3, 5), 1.0/16, false, true, 1e-2)
			tr.State(true)
		}
		got, err := m.Parameter("model.embed_tokens.weight")
		if err != nil {
			t.Fatal(err)
		}
		if measured && !slices.Equal(got, want) {
			t.Error("measuring changed the run")
		}
		want = got
	}
}
