package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

var adamW = AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, GradClip: 1}

func testConfig() config.Model {
	return config.Model{VocabSize: 97, HiddenSize: 32, NumHiddenLayers: 2, NumAttentionHeads: 4, NumKeyValueHeads: 2, HeadDim: 8,
		IntermediateSize: 52, RMSNormEps: 1e-5, RopeTheta: 1e6, MaxPositionEmbeddings: 1024, TieWordEmbeddings: true}
}

func testModel(t *testing.T, c config.Model) *Model {
	t.Helper()
	m, err := NewModel(hosttest.Device(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	m.Init(7)
	return m
}

// testBatch is B rows of T random tokens; lengths, if any, cut the first row into documents.
func testBatch(B, T, V int, lengths ...int) *data.Batch {
	b, random := data.NewBatch(B, T), rand.New(rand.NewPCG(1, 2))
	for n := range b.Inputs {
		b.Inputs[n], b.Targets[n], b.Mask[n], b.Start[n] = uint32(random.IntN(V)), uint32(random.IntN(V)), 1, uint32(n/T*T)
	}
	start := 0
	for _, l := range lengths {
		for n := start; n < start+l; n++ {
			b.Start[n] = uint32(start)
		}
		start += l
	}
	b.Pairs = B * T
	return b
}

func training(t *testing.T, m *Model, B, T int) *Training {
	t.Helper()
	tr, err := NewTraining(m, CrossEntropy{}, adamW, B, T)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Release)
	return tr
}

// loss of a batch and the gradient of every parameter that trains.
func lossAndGradients(t *testing.T, m *Model, o Objective, b *data.Batch, scale float64) (float64, map[string][]float32) {
	t.Helper()
	tr, err := NewTraining(m, o, adamW, b.B, b.T)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Release()
	tr.MicroStep(b, scale, true, false, 0)
	s, err := tr.Now()
	if err != nil {
		t.Fatal(err)
	}
	gradients := map[string][]float32{}
	for _, p := range m.trained().list {
		if gradients[p.Name], err = tr.Gradient(p.Name); err != nil {
			t.Fatal(err)
		}
	}
	return s.Loss, gradients
}

// mean is the cross-entropy of a batch and its gradients.
func mean(t *testing.T, m *Model, b *data.Batch) (float64, map[string][]float32) {
	t.Helper()
	return lossAndGradients(t, m, CrossEntropy{}, b, 1/float64(b.Pairs))
}

// randoms are n numbers, normal with the given standard deviation.
func randoms(seed uint64, n int, deviation float64) []float32 {
	random, v := rand.New(rand.NewPCG(seed, 5)), make([]float32, n)
	for i := range v {
		v[i] = float32(deviation * random.NormFloat64())
	}
	return v
}

func distance(got, want []float32) float64 {
	var d, w float64
	for i := range want {
		d += (float64(got[i]) - float64(want[i])) * (float64(got[i]) - float64(want[i]))
		w += float64(want[i]) * float64(want[i])
	}
	return math.Sqrt(d) / max(math.Sqrt(w), 1e-30)
}

// The first loss of a fresh model is ln V + 1/6, whatever its width: the logits' variance is 1/3.
func TestInitialLoss(t *testing.T) {
	c := testConfig()
	c.VocabSize, c.HiddenSize, c.IntermediateSize = 1000, 64, 176
	m, b := testModel(t, c), testBatch(2, 64, c.VocabSize)
	e, err := NewEvaluation(m, CrossEntropy{}, b.B, b.T)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	got, err := e.Run(b, 1/float64(b.Pairs))
	if want := math.Log(1000) + 1.0/6; err != nil || math.Abs(got.Loss-want) > 0.1 {
		t.Errorf("initial loss %.3f, want near %.3f (%v)", got.Loss, want, err)
	}
}

// Documents packed into a row give the loss and the gradients that they give in rows of their own.
func TestPackedDocumentsDoNotSeeEachOther(t *testing.T) {
	m := testModel(t, testConfig())
	packed := testBatch(1, 30, 97, 11, 19)
	apart := data.NewBatch(2, 19)
	for n := range apart.Start {
		apart.Start[n] = uint32(n / 19 * 19)
	}
	for n := range 30 {
		at := n
		if n >= 11 {
			at = 19 + n - 11
		}
		apart.Inputs[at], apart.Targets[at], apart.Mask[at] = packed.Inputs[n], packed.Targets[n], 1
	}
	apart.Pairs = 30
	wantLoss, want := mean(t, m, apart)
	gotLoss, got := mean(t, m, packed)
	if math.Abs(gotLoss-wantLoss) > 1e-6*wantLoss {
		t.Errorf("loss %v, want %v", gotLoss, wantLoss)
	}
	for name := range want {
		if d := distance(got[name], want[name]); d > 1e-5 {
			t.Errorf("gradient of %s differs by %.1e", name, d)
		}
	}
	// and a model that let them see each other would differ:
	mixed := testBatch(1, 30, 97)
	if loss, _ := mean(t, m, mixed); math.Abs(loss-gotLoss) < 1e-4 {
		t.Errorf("one document of 30 tokens gives the loss of two, %v", loss)
	}
}

// The gradient of the loss, by central differences along a random direction of each parameter.
func TestGradientsByCentralDifferences(t *testing.T) {
	c := testConfig()
	c.QKNorm, c.TieWordEmbeddings = true, false
	b := testBatch(2, 13, 97, 6, 7)
	slopesOfLoss(t, testModel(t, c), CrossEntropy{}, b, 1/float64(b.Pairs), c.Parameters())
}

// slopesOfLoss holds an objective's gradients against central differences of its loss.
func slopesOfLoss(t *testing.T, m *Model, o Objective, b *data.Batch, scale float64, parameters []config.Parameter) {
	t.Helper()
	_, gradients := lossAndGradients(t, m, o, b, scale)
	e, err := NewEvaluation(m, o, b.B, b.T)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	for i, p := range parameters {
		value, err := m.Parameter(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		g := gradients[p.Name]
		norm := 0.0
		for _, x := range g {
			norm += float64(x) * float64(x)
		}
		norm = math.Sqrt(norm)
		const h = 2e-2 // along the gradient itself, of length 1
		at := func(sign float64) float64 {
			moved := make([]float32, len(value))
			for j := range value {
				moved[j] = value[j] + float32(sign*h*float64(g[j])/norm)
			}
			if err := m.SetParameter(p.Name, moved); err != nil {
				t.Fatal(err)
			}
			s, err := e.Run(b, scale)
			if err != nil {
				t.Fatal(err)
			}
			return s.Loss
		}
		got := (at(1) - at(-1)) / (2 * h)
		if math.Abs(got-norm) > 2e-2*norm+1e-4 {
			t.Errorf("parameter %d, %s: slope %.5f, gradient's norm %.5f", i, p.Name, got, norm)
		}
		if err := m.SetParameter(p.Name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// smallHead lets chunks of the head have 64 rows only.
func smallHead(t *testing.T, V int) {
	before := headBytes
	headBytes = 4 * V * 64
	t.Cleanup(func() { headBytes = before })
}

// A head that is gone through in chunks gives the loss and gradients of one that is not.
func TestHeadInChunks(t *testing.T) {
	m, b := testModel(t, testConfig()), testBatch(3, 45, 97)
	wantLoss, want := mean(t, m, b)
	smallHead(t, 97)
	gotLoss, got := mean(t, m, b)
	if math.Abs(gotLoss-wantLoss) > 1e-6*wantLoss {
		t.Errorf("loss %v, want %v", gotLoss, wantLoss)
	}
	for name := range want {
		if d := distance(got[name], want[name]); d > 1e-5 {
			t.Errorf("gradient of %s differs by %.1e", name, d)
		}
	}
}

// A step whose gradient is not finite changes nothing but the counter.
func TestNonFiniteStepIsSkipped(t *testing.T) {
	m := testModel(t, testConfig())
	tr := training(t, m, 1, 8)
	b := testBatch(1, 8, 97)
	tr.MicroStep(b, 0.125, true, true, 1e-3)
	before, err := m.Parameter("model.norm.weight")
	if err != nil {
		t.Fatal(err)
	}
	tr.MicroStep(b, math.Inf(1), true, true, 1e-3)
	after, err := m.Parameter("model.norm.weight")
	if err != nil {
		t.Fatal(err)
	}
	tr.State(true)
	s, _ := tr.State(true)
	if s.Applied != 1 || s.Skipped != 1 {
		t.Errorf("%d steps applied and %d skipped, want 1 and 1", s.Applied, s.Skipped)
	}
	for i := range before {
		if before[i] != after[i] {
			t.Fatalf("element %d changed from %v to %v in a skipped step", i, before[i], after[i])
		}
	}
}

// Micro-batches of weight 1/(pairs * n) add up to the step of one batch.
func TestAccumulation(t *testing.T) {
	whole := testBatch(2, 9, 97)
	half := func(from int) *data.Batch {
		b := testBatch(1, 9, 97)
		copy(b.Inputs, whole.Inputs[from:])
		copy(b.Targets, whole.Targets[from:])
		return b
	}
	m := testModel(t, testConfig())
	_, want := mean(t, m, whole)
	tr := training(t, m, 1, 9)
	tr.MicroStep(half(0), 1.0/18, true, false, 0)
	tr.MicroStep(half(9), 1.0/18, false, false, 0)
	for name := range want {
		got, err := tr.Gradient(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(got, want[name]); d > 1e-5 {
			t.Errorf("gradient of %s differs by %.1e", name, d)
		}
	}
}
