package generate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

func testBatch(t *testing.T, m *nn.Model, b Batch) *Generator {
	t.Helper()
	g, err := NewBatch(m, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Release)
	return g
}

// job is a text to be written, when it joins, and, if that is not 0, after how many tokens it leaves.
type job struct {
	prompt  []int
	options Options
	joins   int
	leaves  int
}

// together decodes jobs in one batch, each joining at its step if there is room, else when there is.
func together(t *testing.T, g *Generator, jobs []job) [][]Token {
	t.Helper()
	out := make([][]Token, len(jobs))
	index := map[*Sequence]int{}
	for step, joined := 0, 0; joined < len(jobs) || len(index) > 0; step++ {
		for joined < len(jobs) && g.Free() > 0 && jobs[joined].joins <= step {
			text, err := g.Join(jobs[joined].prompt, jobs[joined].options)
			if err != nil {
				t.Fatal(err)
			}
			index[text] = joined
			joined++
		}
		texts, err := g.Step()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			i := index[text]
			if text.End != EndStop {
				out[i] = append(out[i], text.Token)
			}
			if jobs[i].leaves > 0 && len(out[i]) == jobs[i].leaves {
				g.Leave(text)
				text.End = EndStop
			}
			if text.End != "" {
				delete(index, text)
			}
		}
	}
	return out
}

// TestTogetherAsAlone has texts of all kinds join and leave a batch: each has the tokens, and to the bit the
// log-probabilities, that it has alone.
func TestTogetherAsAlone(t *testing.T) { testTogetherAsAlone(t, testModel(t, nil), true) }

func testTogetherAsAlone(t *testing.T, m *nn.Model, half bool) {
	t.Helper()
	const context, texts = 100, 3
	var jobs []job
	for i, n := range []int{1, 40, 2, 33, 95, 7} {
		p := prompt(n + i)[i:]
		o := Options{MaxNewTokens: 4 + i, Temperature: 1, TopP: 0.95, RepetitionPenalty: 1.1, Seed: uint64(i), Stop: -1, LogProbs: true, Alternatives: 2}
		if i%3 == 2 {
			o.Greedy, o.TopP = true, 0
		}
		jobs = append(jobs, job{prompt: p, options: o, joins: i / 2})
	}
	jobs[3].leaves = 2
	among := together(t, testBatch(t, m, Batch{Context: context, Texts: texts, HalfCache: half}), jobs)
	single := testBatch(t, m, Batch{Context: context, Texts: 1, HalfCache: half})
	for i, j := range jobs {
		j.joins = 0
		alone := together(t, single, []job{j})[0]
		if len(alone) == 0 && j.options.Stop < 0 {
			t.Errorf("text %d is empty", i)
		}
		same := slices.EqualFunc(among[i], alone, func(a, b Token) bool {
			return a.Alternative == b.Alternative && slices.Equal(a.Top, b.Top)
		})
		if !same {
			t.Errorf("half %t, text %d: among others %v, alone %v", half, i, among[i], alone)
		}
	}
	if n := len(among[4]); n != context-95+1 {
		t.Errorf("%d tokens after a prompt of 95 in a context of %d", n, context)
	}
}

// TestHalfCache holds the logits of a cache of halves against those of float32.
func TestHalfCache(t *testing.T) {
	m, whole := testGenerator(t, 80)
	half := testBatch(t, m, Batch{Context: 80, Texts: 1, HalfCache: true})
	ids, want, err := whole.Greedy(prompt(60), 1)
	if err != nil {
		t.Fatal(err)
	}
	got, logits, err := half.Greedy(prompt(60), 1)
	if err != nil {
		t.Fatal(err)
	}
	difference, norm := 0.0, 0.0
	for i := range want {
		difference += math.Pow(float64(logits[i]-want[i]), 2)
		norm += math.Pow(float64(want[i]), 2)
	}
	if off := math.Sqrt(difference / norm); !(off > 0 && off < 1e-3) || !slices.Equal(ids, got) {
		t.Errorf("logits are %.2g off, tokens %v, want %v", off, got, ids)
	}
}

// TestCacheBytes holds what the 26M model's cache takes against 2 x 8 layers x 2 heads x 64 numbers a token, and the
// ledger against it.
func TestCacheBytes(t *testing.T) {
	small, err := config.Preset("minimind2-small")
	if err != nil {
		t.Fatal(err)
	}
	if whole, half := nn.CacheBytes(small, false), nn.CacheBytes(small, true); whole != 8192 || half != 4096 {
		t.Errorf("%d B a token in float32, %d in halves, want 8192 and 4096", whole, half)
	}
	m := testModel(t, nil)
	cache := func() int64 {
		entries, _, _ := m.Device.Ledger()
		for _, e := range entries {
			if e.Purpose == "key/value cache" {
				return e.Bytes
			}
		}
		return 0
	}
	before := cache()
	testBatch(t, m, Batch{Context: 127, Texts: 4, HalfCache: true})
	rows, row := int64(4*127+1), nn.CacheBytes(m.Config, true) // and the spare row
	if took := cache() - before; took < rows*row || took > rows*row+int64(2*m.Config.NumHiddenLayers)*host.Alignment {
		t.Errorf("the cache takes %d B, want %d rows of %d", took, rows, row)
	}
}

// TestCacheTooLarge asks for more than the adapter has: it says what would fit, and the device is still good.
func TestCacheTooLarge(t *testing.T) {
	m := testModel(t, nil)
	_, err := NewBatch(m, Batch{Context: 1 << 24, Texts: 4})
	if err == nil || !strings.Contains(err.Error(), "4 texts of 16777216 tokens are too many") {
		t.Fatalf("error %v", err)
	}
	var fits int
	if _, err := fmt.Sscanf(err.Error()[strings.LastIndex(err.Error(), ":"):], ": a context of %d", &fits); err != nil {
		t.Fatal(err)
	}
	if most := m.CacheReach(4, promptRows, false); most != fits || most < 4096 || m.Device.Err() != nil {
		t.Errorf("a context of %d would fit, and %d; the device: %v", most, fits, m.Device.Err())
	}
}

// TestTooManyTexts has logits that no buffer holds: nothing is left on the device.
func TestTooManyTexts(t *testing.T) {
	info := hosttest.Device(t).Info
	info.Limits.StorageBinding, info.Limits.Buffer = 256<<10, 256<<10
	c, err := config.Preset("tiny")
	if err != nil {
		t.Fatal(err)
	}
	dev := host.Planner(info)
	m, err := nn.NewModel(dev, c)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := dev.Ledger()
	if _, err := NewBatch(m, Batch{Context: 3, Texts: 256}); err == nil || !strings.Contains(err.Error(), "try a shorter context or fewer texts") {
		t.Error(err)
	}
	if after, _, _ := dev.Ledger(); !slices.Equal(after, before) {
		t.Errorf("the ledger had %v and has %v", before, after)
	}
}

func TestWarm(t *testing.T) {
	m, g := testGenerator(t, 40)
	want := collect(t, g, prompt(5), Options{MaxNewTokens: 6, Greedy: true, Stop: -1})
	warm := testBatch(t, m, Batch{Context: 40, Texts: 2})
	if err := warm.Warm(); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, warm, prompt(5), Options{MaxNewTokens: 6, Greedy: true, Stop: -1}); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// sorted is top-k and top-p as the papers say it: by a whole sorted list.
func sorted(logits []float32, o Options) []float64 {
	order := make([]int, len(logits))
	p := make([]float64, len(logits))
	for i := range order {
		order[i], p[i] = i, math.Exp(float64(logits[i])/o.Temperature)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if logits[a] > logits[b] {
			return -1
		} else if logits[a] < logits[b] {
			return 1
		}
		return 0
	})
	keep := len(order)
	if o.TopK > 0 {
		for keep = min(o.TopK, keep); keep < len(order) && logits[order[keep]] == logits[order[keep-1]]; keep++ {
		}
	}
	normalize := func(n int) {
		sum := 0.0
		for _, i := range order[:n] {
			sum += p[i]
		}
		for rank, i := range order {
			if p[i] /= sum; rank >= n {
				p[i] = 0
			}
		}
	}
	normalize(keep)
	if o.TopP > 0 {
		n, before := 0, 0.0
		for ; n < keep && (n == 0 || before <= o.TopP); n++ {
			before += p[order[n]]
		}
		normalize(n)
	}
	return p
}

func TestProbabilities(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for trial := range 200 {
		logits := make([]float32, 1+r.IntN(300))
		for i := range logits {
			logits[i] = float32(3 * r.NormFloat64())
			if trial%3 == 0 {
				logits[i] = float32(r.IntN(5)) // ties
			}
		}
		o := Options{Temperature: 0.3 + r.Float64(), TopK: r.IntN(40), TopP: float64(r.IntN(3)) * 0.43217}
		got, want := Probabilities(logits, nil, nil, o), sorted(logits, o)
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-12 {
				t.Fatalf("%+v: token %d of %d has probability %v, want %v", o, i, len(logits), got[i], want[i])
			}
		}
	}
}

// TestAdjustments has penalties and biases decide what is likeliest, and what it is drawn with.
func TestAdjustments(t *testing.T) {
	logits := []float32{2, 1.5, 1, -1, 0.5} // of which 0 and 3 are in the prompt; 1 has been written once, 2 twice
	prompt, written := []int{0, 3}, []int{2, 1, 2}
	for _, c := range []struct {
		o    Options
		want []float64
		best int
	}{
		{Options{}, []float64{2, 1.5, 1, -1, 0.5}, 0},
		{Options{RepetitionPenalty: 4}, []float64{0.5, 0.375, 0.25, -4, 0.5}, 0}, // 0 is the first of two
		{Options{PresencePenalty: 1}, []float64{2, 0.5, 0, -1, 0.5}, 0},
		{Options{FrequencyPenalty: -1}, []float64{2, 2.5, 3, -1, 0.5}, 2},
		{Options{PresencePenalty: 0.25, FrequencyPenalty: 0.5, RepetitionPenalty: 2}, []float64{1, 0, -0.75, -2, 0.5}, 0},
		{Options{LogitBias: map[int]float64{3: 100, 0: -100}}, []float64{-98, 1.5, 1, 99, 0.5}, 3},
		{Options{RepetitionPenalty: 4, LogitBias: map[int]float64{4: 1}}, []float64{0.5, 0.375, 0.25, -4, 1.5}, 4},
		{Options{TopP: Nucleus(0)}, []float64{0, math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1)}, 0},
	} {
		sum, p := 0.0, Probabilities(logits, prompt, written, c.o)
		for _, x := range c.want {
			sum += math.Exp(x)
		}
		for i, x := range c.want {
			if want := math.Exp(x) / sum; math.Abs(p[i]-want) > 1e-12 {
				t.Errorf("%+v: token %d has probability %v, want %v", c.o, i, p[i], want)
			}
		}
		c.o.Greedy = true
		s := newSampler(c.o, prompt, len(logits))
		for _, id := range written {
			s.text.write(id)
		}
		if got := s.choose(logits); got != c.best {
			t.Errorf("%+v: greedily %d, want %d", c.o, got, c.best)
		}
	}
}

func TestLogProbs(t *testing.T) {
	got := logProbs([]float32{1, 3, 3, 0}, 0, 3)
	total := math.Log(math.Exp(1) + 2*math.Exp(3) + 1)
	want := Token{Alternative{0, 1 - total}, []Alternative{{1, 3 - total}, {2, 3 - total}, {0, 1 - total}}}
	for i, a := range append(got.Top, got.Alternative) {
		w := append(want.Top, want.Alternative)[i]
		if a.ID != w.ID || math.Abs(a.LogProb-w.LogProb) > 1e-12 {
			t.Errorf("%v, want %v", a, w)
		}
	}
}

func BenchmarkChoose(b *testing.B) {
	logits := make([]float32, 6400)
	r := rand.New(rand.NewPCG(3, 3))
	for i := range logits {
		logits[i] = float32(3 * r.NormFloat64())
	}
	s := newSampler(Options{Temperature: 0.85, TopP: 0.85, Seed: 1}, nil, len(logits))
	for b.Loop() {
		s.choose(logits)
	}
}
