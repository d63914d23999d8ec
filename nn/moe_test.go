//go:build !js

package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// shared is a small model with the first generation's mixture, switched with the second's.
func shared() config.Model {
	c := testConfig()
	c.MoE = &config.MoE{NumExperts: 4, NumExpertsPerTok: 2, NumSharedExperts: 1, MoEIntermediateSize: 52, NormTopKProb: "multi", Aux: "sequence", AuxCoef: 0.01}
	return c
}

func switched() config.Model {
	c := testConfig()
	c.QKNorm = true
	c.MoE = &config.MoE{NumExperts: 4, NumExpertsPerTok: 1, MoEIntermediateSize: 52, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}
	return c
}

// microStep is the state and the gradients after a batch.
func microStep(t *testing.T, m *Model, b *data.Batch) (State, map[string][]float32) {
	t.Helper()
	tr := training(t, m, b.B, b.T)
	tr.MicroStep(b, 1/float64(b.Pairs), true, false, 0)
	s, err := tr.Now()
	if err != nil {
		t.Fatal(err)
	}
	gradients := map[string][]float32{}
	for _, p := range m.Config.Parameters() {
		if gradients[p.Name], err = tr.Gradient(p.Name); err != nil {
			t.Fatal(err)
		}
	}
	return s, gradients
}

// Equal experts, whoever is chosen, make the model with one feed-forward of their weights: the same loss, the same gradients
// of all else, and their own add up to its. With a shared expert that is zero, too.
func TestEqualExpertsAreOneFeedForward(t *testing.T) {
	for name, c := range map[string]config.Model{"shared": shared(), "switched": switched()} {
		t.Run(name, func(t *testing.T) { testEqualExperts(t, c) })
	}
}

func testEqualExperts(t *testing.T, c config.Model) {
	mixture := *c.MoE
	mixture.AuxCoef = 0 // the router then learns nothing: whom it chooses does not matter
	c.MoE = nil
	dense := testModel(t, c)
	c.MoE = &mixture
	m := testModel(t, c)
	for _, p := range c.Parameters() {
		layer, rest, _ := strings.Cut(p.Name, ".mlp.")
		var v []float32
		var err error
		switch {
		case strings.HasPrefix(rest, "experts."):
			v, err = dense.Parameter(layer + ".mlp." + strings.SplitN(rest, ".", 3)[2])
		case strings.HasPrefix(rest, "shared_experts."):
			v = make([]float32, p.Elements())
		case rest == "gate.weight":
			continue
		default:
			v, err = dense.Parameter(p.Name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := m.SetParameter(p.Name, v); err != nil {
			t.Fatal(err)
		}
	}
	b := testBatch(1, 70, 97, 30, 40)
	want, wantGradients := microStep(t, dense, b)
	got, gradients := microStep(t, m, b)
	if math.Abs(got.Loss-want.Loss) > 1e-6*want.Loss || got.Aux != 0 {
		t.Errorf("loss %v and balance loss %v, want %v and 0", got.Loss, got.Aux, want.Loss)
	}
	for name, w := range wantGradients {
		g := gradients[name]
		if layer, rest, of := strings.Cut(name, ".mlp."); of {
			g = make([]float32, len(w))
			for e := range mixture.NumExperts {
				for i, x := range gradients[fmt.Sprintf("%s.mlp.experts.%d.%s", layer, e, rest)] {
					g[i] += x
				}
			}
		}
		if d := distance(g, w); d > 2e-5 {
			t.Errorf("gradient of %s differs by %.1e", name, d)
		}
	}
	for name, g := range gradients {
		if strings.HasSuffix(name, ".mlp.gate.weight") {
			for _, x := range g {
				if math.Abs(float64(x)) > 1e-7 {
					t.Fatalf("%s has a gradient of %v", name, x)
				}
			}
		}
	}
}

// A fresh model chooses about evenly, every choice is counted, and two runs have the same bits.
func TestBalance(t *testing.T) {
	for name, c := range map[string]config.Model{"shared": shared(), "switched": switched()} {
		t.Run(name, func(t *testing.T) {
			m := testModel(t, c)
			b := testBatch(2, 40, 97)
			s, gradients := microStep(t, m, b)
			// An even load is worth coef a layer. So is any load of an indifferent router, and more is that of a decided one.
			floor := float64(c.NumHiddenLayers) * c.MoE.AuxCoef
			if s.Aux < 0.95*floor || s.Aux > 1.5*floor {
				t.Errorf("balance loss %v, want from %v on", s.Aux, floor)
			}
			if len(s.Choices) != c.NumHiddenLayers*4 {
				t.Fatalf("%d counts", len(s.Choices))
			}
			for l := range c.NumHiddenLayers {
				total := uint32(0)
				for _, n := range s.Choices[4*l : 4*l+4] {
					total += n
				}
				if want := uint32(80 * c.MoE.NumExpertsPerTok); total != want {
					t.Errorf("%d choices in layer %d, want %d", total, l, want)
				}
			}
			choices := slices.Clone(s.Choices)
			again, gradientsAgain := microStep(t, m, b)
			if again.Loss != s.Loss || again.Aux != s.Aux || !slices.Equal(again.Choices, choices) {
				t.Errorf("%+v and then %+v", s, again)
			}
			for name := range gradients {
				if !slices.Equal(gradients[name], gradientsAgain[name]) {
					t.Errorf("the gradient of %s has other bits", name)
				}
			}
		})
	}
}

// When all tokens choose one expert, the others learn nothing from it and are not damaged by it.
func TestOneExpertForAll(t *testing.T) {
	c := switched()
	m := testModel(t, c)
	for l := range c.NumHiddenLayers {
		if err := m.SetParameter(fmt.Sprintf("model.layers.%d.mlp.gate.weight", l), make([]float32, 4*c.HiddenSize)); err != nil {
			t.Fatal(err)
		}
	}
	s, gradients := microStep(t, m, testBatch(2, 90, 97)) // a tie of all: expert 0
	if want := []uint32{180, 0, 0, 0, 180, 0, 0, 0}; !slices.Equal(s.Choices, want) {
		t.Fatalf("choices %v, want %v", s.Choices, want)
	}
	if want := 2 * c.MoE.AuxCoef; math.Abs(s.Aux-want) > 1e-6*want {
		t.Errorf("balance loss %v of an indifferent router, want %v", s.Aux, want)
	}
	for name, g := range gradients {
		_, rest, of := strings.Cut(name, ".mlp.experts.")
		learns := slices.ContainsFunc(g, func(x float32) bool { return x != 0 })
		if of && learns != strings.HasPrefix(rest, "0.") {
			t.Errorf("%s: a gradient that is not zero: %t", name, learns)
		}
	}
}

// Micro-batches add up their balance losses by their shares.
func TestBalanceOfMicroBatches(t *testing.T) {
	m := testModel(t, switched())
	b := testBatch(1, 33, 97)
	whole, _ := microStep(t, m, b)
	tr := training(t, m, 1, 33)
	tr.MicroStep(b, 1.0/(4*33), true, false, 0)
	tr.MicroStep(b, 3.0/(4*33), false, false, 0)
	s, err := tr.Now()
	if err != nil || math.Abs(s.Aux-whole.Aux) > 1e-6*whole.Aux {
		t.Errorf("balance loss %v, want %v, %v", s.Aux, whole.Aux, err)
	}
}

// Adapters learn through frozen experts and routers: the gradient of one in the first layer is the loss's slope.
func TestAdaptersBelowExperts(t *testing.T) {
	c := shared()
	c.MoE.AuxCoef = 0
	m, b := testModel(t, c), testBatch(2, 13, 97)
	defer testAdapters(t, m, config.LoRA{Rank: 4, Targets: "o_proj"}).Release()
	_, gradients := mean(t, m, b)
	name := config.AdapterA("model.layers.0.self_attn.o_proj")
	value, err := m.Parameter(name)
	if err != nil {
		t.Fatal(err)
	}
	norm := 0.0
	for _, x := range gradients[name] {
		norm += float64(x) * float64(x)
	}
	norm = math.Sqrt(norm)
	e, err := NewEvaluation(m, CrossEntropy{}, b.B, b.T)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	const h = 1e-2
	var losses [2]float64
	for i, sign := range []float64{1, -1} {
		moved := slices.Clone(value)
		for j := range moved {
			moved[j] += float32(sign * h * float64(gradients[name][j]) / norm)
		}
		if err := m.SetParameter(name, moved); err != nil {
			t.Fatal(err)
		}
		s, err := e.Run(b, 1/float64(b.Pairs))
		if err != nil {
			t.Fatal(err)
		}
		losses[i] = s.Loss
	}
	if slope := (losses[0] - losses[1]) / (2 * h); math.Abs(slope-norm) > 2e-2*norm {
		t.Errorf("slope %v, gradient's norm %v", slope, norm)
	}
}

// The published models fit an adapter that shows kernels 128 MiB, with a layer's experts side by side; wider ones are
// refused with what would fit.
func TestExpertsOfSmallAdapters(t *testing.T) {
	small := host.Info{Name: "small", Limits: host.Limits{StorageBinding: 128 << 20, Buffer: 256 << 20, StorageBuffers: 8, WorkgroupSize: 256, WorkgroupMemory: 16384, GroupsPerDispatch: 65535}}
	for _, preset := range []string{"minimind2-moe", "minimind3-moe"} {
		c, err := config.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewModel(host.Planner(small), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewTraining(m, CrossEntropy{}, adamW, 8, 512); err != nil {
			t.Error(err)
		}
		if _, err = NewTraining(m, CrossEntropy{}, adamW, 64, 512); err == nil || !strings.Contains(err.Error(), "would fit") {
			t.Error(err)
		}
		c.MoE.MoEIntermediateSize *= 3
		_, err = NewModel(host.Planner(small), c)
		if err == nil || !strings.Contains(err.Error(), "the 4 experts of a layer are") || !strings.Contains(err.Error(), "moe_intermediate_size of") {
			t.Fatal(err)
		}
		_, advice, _ := strings.Cut(err.Error(), "moe_intermediate_size of ")
		fmt.Sscanf(advice, "%d", &c.MoE.MoEIntermediateSize)
		if _, err = NewModel(host.Planner(small), c); err != nil {
			t.Errorf("the advice does not fit: %v", err)
		}
		c.MoE.MoEIntermediateSize += 4
		if _, err = NewModel(host.Planner(small), c); err == nil {
			t.Error("more than was advised fits, too")
		}
	}
}

// The most tokens that are allowed are the most whose rows fit.
func TestExpertTokens(t *testing.T) {
	c := shared()
	for limit := int64(1 << 16); limit < 1<<20; limit += 9999 {
		tokens := expertTokens(c, limit)
		rows := func(tokens int64) int64 {
			return 4 * 52 * shaders.ExpertTile * int64(shaders.ExpertTiles(uint32(2*tokens), 4))
		}
		if rows(tokens) > limit || rows(tokens+1) <= limit {
			t.Errorf("%d tokens in %d bytes: their rows take %d, one more %d", tokens, limit, rows(tokens), rows(tokens+1))
		}
	}
}
