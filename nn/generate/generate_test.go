package generate

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

func testGenerator(t *testing.T, context int) (*nn.Model, *Generator) {
	t.Helper()
	m := testModel(t, nil)
	g, err := New(m, context)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Release)
	return m, g
}

// testModel is a fresh tiny model, with a mixture of experts, if any.
func testModel(t *testing.T, moe *config.MoE) *nn.Model {
	t.Helper()
	c, err := config.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c.MoE = moe
	m, err := nn.NewModel(hosttest.Device(t), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Release)
	m.Init(5)
	return m
}

// The mixtures of both generations.
var (
	shared   = &config.MoE{NumExperts: 4, NumExpertsPerTok: 2, NumSharedExperts: 1, MoEIntermediateSize: 72, NormTopKProb: "multi", Aux: "sequence"}
	switched = &config.MoE{NumExperts: 4, NumExpertsPerTok: 1, MoEIntermediateSize: 72, NormTopKProb: "always", Aux: "batch"}
)

func collect(t *testing.T, g *Generator, prompt []int, o Options) (ids []int) {
	t.Helper()
	for id, err := range g.Tokens(context.Background(), prompt, o) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func prompt(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = (i*37 + 5) % 512
	}
	return p
}

// The cache gives the logits of the whole sequence computed at once, whatever the prompt's length.
func TestCacheEqualsWholeSequence(t *testing.T) {
	m, g := testGenerator(t, 80)
	testCache(t, m, g, 1, promptRows+1, 71)
}

// So it is with mixtures of experts, however many rows an expert gets.
func TestCacheOfMixtures(t *testing.T) {
	for name, moe := range map[string]*config.MoE{"shared": shared, "switched": switched} {
		t.Run(name, func(t *testing.T) {
			m := testModel(t, moe)
			testCache(t, m, testBatch(t, m, Batch{Context: 40, Texts: 1}), 1, promptRows+1)
		})
	}
}

// And with adapters beside the weights; merged into these they write the same.
func TestCacheWithAdapters(t *testing.T) {
	m := testModel(t, nil)
	before, _, err := testBatch(t, m, Batch{Context: 40, Texts: 1}).Greedy(prompt(5), 5)
	if err != nil {
		t.Fatal(err)
	}
	l := config.LoRA{Rank: 4, Alpha: 8, Targets: "q_proj,v_proj,down_proj"}
	a, err := nn.NewAdapters(m, l, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Config.AdapterParameters(l) {
		v := make([]float32, p.Elements())
		for j := range v {
			v[j] = float32(math.Sin(float64(i+7*j))) / 4
		}
		if err := m.SetParameter(p.Name, v); err != nil {
			t.Fatal(err)
		}
	}
	g := testBatch(t, m, Batch{Context: 40, Texts: 1})
	testCache(t, m, g, 1, promptRows+1)
	beside, _, err := g.Greedy(prompt(5), 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Merge(); err != nil {
		t.Fatal(err)
	}
	merged, _, err := testBatch(t, m, Batch{Context: 40, Texts: 1}).Greedy(prompt(5), 5)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(beside, merged) || slices.Equal(beside, before) {
		t.Errorf("%v without adapters, %v with them beside the weights, %v merged", before, beside, merged)
	}
}

func testCache(t *testing.T, m *nn.Model, g *Generator, prompts ...int) {
	t.Helper()
	for _, n := range prompts {
		ids, logits, err := g.Greedy(prompt(n), 3)
		if err != nil {
			t.Fatal(err)
		}
		all := append(prompt(n), ids...)
		T := len(all)
		e, err := nn.NewLogits(m, 1, T)
		if err != nil {
			t.Fatal(err)
		}
		b := data.NewBatch(1, T)
		for i, id := range all {
			b.Inputs[i] = uint32(id)
		}
		if _, err := e.Run(b, 0); err != nil {
			t.Fatal(err)
		}
		whole, err := e.Values()
		e.Release()
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range whole[(n-1)*512 : (T-1)*512] {
			if math.Abs(float64(logits[i]-want)) > 1e-5 {
				t.Fatalf("prompt of %d: logit %d is %v, want %v", n, i, logits[i], want)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	_, g := testGenerator(t, 40)
	o := Options{MaxNewTokens: 8, Temperature: 1, TopK: 50, TopP: 0.95, RepetitionPenalty: 1.1, Seed: 9, Stop: -1}
	first := collect(t, g, prompt(4), o)
	if len(first) != 8 || !slices.Equal(first, collect(t, g, prompt(4), o)) {
		t.Errorf("one seed, two texts (or %d tokens)", len(first))
	}
	o.Seed = 10
	if slices.Equal(first, collect(t, g, prompt(4), o)) {
		t.Error("two seeds, one text")
	}
	greedy, _, err := g.Greedy(prompt(4), 5)
	if err != nil {
		t.Fatal(err)
	}
	if got := collect(t, g, prompt(4), Options{MaxNewTokens: 5, Greedy: true, Stop: -1}); !slices.Equal(got, greedy) {
		t.Errorf("greedy tokens %v, want %v", got, greedy)
	}
	stopped := greedy[:slices.Index(greedy, greedy[2])]
	if got := collect(t, g, prompt(4), Options{MaxNewTokens: 5, Greedy: true, Stop: greedy[2]}); !slices.Equal(got, stopped) {
		t.Errorf("up to the stop token %v, want %v", got, stopped)
	}
	if got := collect(t, g, prompt(38), Options{MaxNewTokens: 50, Greedy: true, Stop: -1}); len(got) != 3 {
		t.Errorf("%d tokens of a context of 40 after a prompt of 38, want 3: the last is not read again", len(got))
	}
}

func TestBadPrompts(t *testing.T) {
	_, g := testGenerator(t, 8)
	for want, p := range map[string][]int{"empty prompt": nil, "the context 8": prompt(9), "token 512 is not": {512}} {
		for _, err := range g.Tokens(context.Background(), p, Options{MaxNewTokens: 1}) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
}

// Draws follow the probabilities.
func TestDraw(t *testing.T) {
	s := newSampler(Options{Seed: 1}, nil, 4)
	p := []float64{0.5, 0, 0.3, 0.2}
	counts := make([]float64, 4)
	const n = 20000
	for range n {
		counts[s.draw(p)]++
	}
	for i := range p {
		if math.Abs(counts[i]/n-p[i]) > 0.015 {
			t.Errorf("token %d drawn %.3f of the time, probability %v", i, counts[i]/n, p[i])
		}
	}
}
