package nn

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

var lora = config.LoRA{Rank: 4, Alpha: 6, Targets: "q_proj,o_proj,up_proj"}

func testAdapters(t *testing.T, m *Model, l config.LoRA) *Adapters {
	t.Helper()
	a, err := NewAdapters(m, l, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Config.AdapterParameters(l) { // B too, so that every gradient is there
		if err := m.SetParameter(p.Name, randoms(uint64(i), int(p.Elements()), 0.2)); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func logits(t *testing.T, m *Model, b *data.Batch) []float32 {
	t.Helper()
	e, err := NewLogits(m, b.B, b.T)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	if _, err := e.Run(b, 0); err != nil {
		t.Fatal(err)
	}
	v, err := e.Values()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Fresh adapters change nothing; adapters that are merged give the logits that they gave beside the weights.
func TestAdapters(t *testing.T) {
	m, b := testModel(t, testConfig()), testBatch(2, 13, 97)
	base := logits(t, m, b)
	fresh, err := NewAdapters(m, lora, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logits(t, m, b), base) {
		t.Error("fresh adapters change the logits")
	}
	fresh.Release()
	a := testAdapters(t, m, lora)
	want := logits(t, m, b)
	if d := distance(want, base); d < 0.01 {
		t.Fatalf("these adapters change the logits by %.1e only", d)
	}
	saved := savedModel(t, m)
	if err := a.Merge(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved, savedModel(t, m)) {
		t.Error("the model was saved with other weights than merging gives")
	}
	if m.Adapters() != nil || m.byName[config.AdapterA("model.layers.0.self_attn.q_proj")] != nil {
		t.Error("the merged adapters are still there")
	}
	if d := distance(logits(t, m, b), want); d > 1e-6 {
		t.Errorf("merged, the logits differ by %.1e", d)
	}
}

// savedModel is a checkpoint of the model with its adapters merged.
func savedModel(t *testing.T, m *Model) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := m.SaveMerged(&file, "", nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// The adapters' gradients, by central differences.
func TestAdapterGradients(t *testing.T) {
	c := testConfig()
	c.QKNorm = true
	m, b := testModel(t, c), testBatch(2, 13, 97, 6, 7)
	testAdapters(t, m, lora)
	slopesOfLoss(t, m, CrossEntropy{}, b, 1/float64(b.Pairs), c.AdapterParameters(lora))
}

// What is frozen has no gradient, no moments and no dispatch that would compute them; nor has what lies below the first
// adapter.
func TestFrozenWeightsCostNothing(t *testing.T) {
	m := testModel(t, testConfig())
	whole := training(t, m, 2, 8)
	full := dispatches(whole)
	whole.Release()
	l := config.LoRA{Rank: 4, Targets: "q_proj,o_proj"}
	testAdapters(t, m, l)
	before := ledger(t)
	tr, err := NewTraining(m, CrossEntropy{}, adamW, 2, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Release()
	got := dispatches(tr)
	for kernel, want := range map[string]int{
		"embedding_backward": 0, "rmsnorm_backward_weight": 0, "swiglu_backward": 2,
		"matmul_backward_weight":   8,                             // A and B of q and o in two layers
		"attention_backward_query": 2,                             // of both layers
		"attention_backward_key":   1,                             // of the second only: no key of the first learns
		"matmul_backward_input":    1 + (3 + 3 + 1) + (3 + 3 + 5), // head; layer 0: feed-forward, o with A and B, q's B; layer 1: all
	} {
		if got[kernel] != want {
			t.Errorf("%d dispatches of %s, want %d (all parameters: %d)", got[kernel], kernel, want, full[kernel])
		}
	}
	after := ledger(t)
	var adapters int64
	for _, p := range m.Config.AdapterParameters(l) {
		adapters += (4*p.Elements() + 255) / 256 * 256
	}
	if g, s := after["gradients"]-before["gradients"], after["moments"]-before["moments"]; g != adapters || s != 2*adapters {
		t.Errorf("%d bytes of gradients and %d of moments, want %d and %d", g, s, adapters, 2*adapters)
	}
	if _, err := tr.Gradient("model.norm.weight"); err == nil {
		t.Error("a frozen weight has a gradient")
	}
}

func dispatches(tr *Training) map[string]int {
	n := map[string]int{}
	for _, c := range tr.micro.Calls {
		n[c.Kernel.Name]++
	}
	return n
}

func ledger(t *testing.T) map[string]int64 {
	entries, _, _ := hosttest.Device(t).Ledger()
	bytes := map[string]int64{}
	for _, e := range entries {
		bytes[e.Purpose] = e.Bytes
	}
	return bytes
}

// savedAdapters is a checkpoint of the model's adapters alone.
func savedAdapters(t *testing.T, m *Model) []byte {
	t.Helper()
	header, err := m.Adapters().Header()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := checkpoint.NewWriter(&file, &checkpoint.Header{Model: m.Config, Adapter: header,
		Tensors: checkpoint.TensorsOf(m.Config.AdapterParameters(header.LoRA), checkpoint.GroupAdapter)})
	if err != nil {
		t.Fatal(err)
	}
	if err := saveTensors(m.Device, w, m.adapters.set.values); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func reader(t *testing.T, file []byte) *checkpoint.Reader {
	t.Helper()
	r, err := checkpoint.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Adapters are loaded onto the base that they were trained on, and onto no other.
func TestLoadAdapters(t *testing.T) {
	m, b := testModel(t, testConfig()), testBatch(1, 9, 97)
	a := testAdapters(t, m, lora)
	want := logits(t, m, b)
	file := savedAdapters(t, m)
	a.Release()

	if _, err := LoadAdapters(m, reader(t, file)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(logits(t, m, b), want) {
		t.Error("the loaded adapters give other logits")
	}
	if _, err := LoadAdapters(m, reader(t, file)); err == nil || !strings.Contains(err.Error(), "has adapters already") {
		t.Errorf("a second time: %v", err)
	}
	m.Adapters().Release()
	if err := m.SetParameter("model.norm.weight", make([]float32, 32)); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadAdapters(m, reader(t, file)); err == nil || !strings.Contains(err.Error(), "were trained on other weights") {
		t.Errorf("onto other weights: %v", err)
	}
	c := testConfig()
	c.HiddenSize = 64
	if _, err := LoadAdapters(testModel(t, c), reader(t, file)); err == nil || !strings.Contains(err.Error(), "for another model, of 2 layers of width 32 and 97 tokens, and this one has 2 layers of width 64") {
		t.Errorf("onto another model: %v", err)
	}
	if _, err := LoadModel(m.Device, reader(t, file)); err == nil || !strings.Contains(err.Error(), "holds adapters only") {
		t.Errorf("as a model: %v", err)
	}
	whole := &checkpoint.Header{Model: m.Config}
	if err := m.CheckBase(whole); err == nil || !strings.Contains(err.Error(), "holds no adapters") {
		t.Errorf("a whole model as adapters: %v", err)
	}
	if keys := slices.Sorted(maps.Keys(m.byName)); len(keys) != len(m.base.list) {
		t.Errorf("%d parameters after all, want %d", len(keys), len(m.base.list))
	}
}
