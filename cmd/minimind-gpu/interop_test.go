//go:build interop && !js

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"text/tabwriter"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// interopCase is a model that other programs are to load.
type interopCase struct {
	name      string
	model     config.Model
	tokenizer string      // of the published ones; empty: the corpus's
	trained   bool        // with the corpus, for a while; else fresh
	lora      config.LoRA // of rank 0: none
}

// interopCases are the published sizes, fresh, and small models that have what these have not.
func interopCases(t *testing.T) []interopCase {
	const first, second = "tokenizer-minimind2", "tokenizer-minimind3"
	preset := func(name string) config.Model {
		m, err := config.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	small := func(m config.Model, change func(*config.Model)) config.Model {
		m.HiddenSize, m.NumHiddenLayers, m.NumAttentionHeads, m.NumKeyValueHeads, m.HeadDim, m.IntermediateSize = 64, 3, 4, 2, 16, 160
		change(&m)
		return m
	}
	var none config.LoRA
	return []interopCase{
		{"tiny, trained", preset("tiny"), "", true, none},
		{"untied head", small(preset("minimind2-small"), func(m *config.Model) { m.TieWordEmbeddings = false }), first, false,
			config.LoRA{Rank: 8, Alpha: 12, Targets: "q_proj,v_proj,down_proj"}},
		{"YaRN", small(preset("minimind2-small"), func(m *config.Model) {
			m.RopeScaling = &config.RopeScaling{Type: "yarn", Factor: 16, OriginalMaxPositionEmbeddings: 16, BetaFast: 32, BetaSlow: 1, AttentionFactor: 1}
		}), first, false, none},
		{"2 of 6 experts", small(preset("minimind3-moe"), func(m *config.Model) {
			m.MoE = &config.MoE{NumExperts: 6, NumExpertsPerTok: 2, MoEIntermediateSize: 96, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}
		}), second, false, none},
		{"minimind2-small", preset("minimind2-small"), first, false, none},
		{"minimind3", preset("minimind3"), second, false, none},
		{"minimind3-moe", preset("minimind3-moe"), second, false, none},
	}
}

// otherSays is what testdata/interop/other.py writes.
type otherSays struct {
	Versions           map[string]string
	Class              string
	Tied               bool
	TransformersIDs    []int            `json:"transformers_ids"`
	TransformersTokens [][]int          `json:"transformers_tokens"`
	Special            []int            `json:"special"`
	Chats              []string         `json:"chats"`
	LlamaCppIDs        map[string][]int `json:"llama_cpp_ids"`
	LlamaCppTokens     [][]int          `json:"llama_cpp_tokens"`
	LlamaCppText       string           `json:"llama_cpp_text"`
	LlamaCppSpecial    []int            `json:"llama_cpp_special"`
	LlamaCppChats      []string         `json:"llama_cpp_chats"`
}

const (
	interopRow    = 48   // tokens whose logits are compared
	interopNew    = 64   // tokens that are generated greedily
	interopBound  = 1e-4 // of any logit
	interopPrompt = "从前有一只小猫, and it said: \"hello\" 123 times!\n\n    The end? 它的名字叫小明，it's 7 years old. <|im_end|>"
)

// TestInterop exports models and asks transformers and llama.cpp what they make of them: the same tokens, chats, logits
// and texts. `make interop` installs these, and MINIMIND_PYTHON names the Python that has them.
func TestInterop(t *testing.T) {
	python := os.Getenv("MINIMIND_PYTHON")
	if python == "" {
		t.Fatal("run this by `make interop`: MINIMIND_PYTHON names no Python that has transformers and llama.cpp")
	}
	device, err := host.Open(host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	fmt.Printf("adapter: %s\n", device.Info)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "model\tparameters\tclass\ttransformers\tllama.cpp F32\tF16\tQ8_0")
	for i, c := range interopCases(t) {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			ckpt, tok := c.checkpoint(t, device, dir)
			versions := c.compare(t, device, python, dir, ckpt, tok, table)
			if i == 0 {
				fmt.Printf("other programs: %v\n", versions)
			}
		})
	}
}

// checkpoint makes the model.
func (c interopCase) checkpoint(t *testing.T, device *host.Device, dir string) (path string, tok *tokenizer.Tokenizer) {
	if c.trained {
		run := filepath.Join(dir, "run")
		minimind(t, "pretrain", "--preset", "tiny", "--max-steps", "40", "--out", run).want(t, 0)
		_, path, err := findCheckpoint(run)
		if err != nil {
			t.Fatal(err)
		}
		return path, corpus.Tokenizer()
	}
	text, err := os.ReadFile(filepath.Join(sharedFolder(), "data", c.tokenizer, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	if tok, err = tokenizer.Load(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	m, err := nn.NewModel(device, c.model)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	m.Init(7)
	path = filepath.Join(dir, "model.ckpt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := m.SaveMerged(f, tok.Hash(), text); err != nil {
		t.Fatal(err)
	}
	return path, tok
}

func sharedFolder() string {
	if root := os.Getenv("MINIMIND_SHARED"); root != "" {
		return root
	}
	return "../../../shared"
}

// compare exports the checkpoint, lets the others read it, and holds what they say against what we say.
func (c interopCase) compare(t *testing.T, device *host.Device, python, dir, ckpt string, tok *tokenizer.Tokenizer, table *tabwriter.Writer) map[string]string {
	minimind(t, "export", "--checkpoint", ckpt, "--format", "hf", "--out", filepath.Join(dir, "hf")).want(t, 0)
	for _, d := range []string{"f32", "f16", "q8_0"} {
		minimind(t, "export", "--checkpoint", ckpt, "--format", "gguf", "--dtype", d, "--out", filepath.Join(dir, d+".gguf")).want(t, 0)
	}
	ids := tok.Encode("<|im_start|>" + interopPrompt + interopPrompt)[:interopRow]
	texts := []string{interopPrompt, " \t\n  a\r\n\r\n   b", "I'll we've DON'T it's'S", "x=3.14159; // ½ ２３ ٣", "é è ñ 🙂👩‍🚀 \u00a0\u3000。"}
	var chats []json.RawMessage
	var published []struct{ Text string }
	if c.tokenizer != "" {
		text, err := os.ReadFile(filepath.Join(sharedFolder(), "data", c.tokenizer, "chat_cases.json"))
		if err == nil {
			err = json.Unmarshal(text, &chats)
		}
		if err == nil {
			err = json.Unmarshal(text, &published)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"ids": ids, "new": interopNew, "texts": texts, "chats": append([]json.RawMessage{}, chats...)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "case.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	var adapted []float32
	if c.lora.Rank > 0 {
		adapted = c.adapt(t, device, dir, ckpt, ids)
	}
	if out, err := exec.Command(python, "testdata/interop/other.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var others otherSays
	if text, err = os.ReadFile(filepath.Join(dir, "other.json")); err == nil {
		err = json.Unmarshal(text, &others)
	}
	if err != nil {
		t.Fatal(err)
	}

	logits, greedy := ours(t, device, ckpt, ids)
	worst := map[string]float64{"transformers": difference(t, logits, filepath.Join(dir, "transformers.f32"))}
	likely := logProbabilities(logits, len(ids))
	for d := range others.LlamaCppIDs {
		worst[d] = difference(t, likely, filepath.Join(dir, d+".f32"))
	}
	if d := worst["transformers"]; !(d <= interopBound) {
		t.Errorf("transformers' logits are up to %g off ours", d)
	}
	if adapted != nil {
		if d := difference(t, adapted, filepath.Join(dir, "peft.f32")); !(d <= interopBound) {
			t.Errorf("PEFT's logits are up to %g off ours", d)
		} else {
			fmt.Printf("%s: PEFT's logits are up to %.1e off ours, adapters change them by up to %.1e\n", c.name, d, furthest(adapted, logits))
		}
	}
	if !slices.Equal(others.TransformersIDs, greedy) {
		t.Errorf("transformers generates\n%v, we\n%v", others.TransformersIDs, greedy)
	}
	if others.Tied != c.model.TieWordEmbeddings {
		t.Errorf("transformers ties the head: %t", others.Tied)
	}
	if d := worst["f32"]; !(d <= interopBound) {
		t.Errorf("llama.cpp's log-probabilities are up to %g off ours", d)
	}
	if !slices.Equal(others.LlamaCppIDs["f32"], greedy) || others.LlamaCppText != tok.Decode(greedy, true) {
		t.Errorf("llama.cpp generates\n%v %q, we\n%v %q", others.LlamaCppIDs["f32"], others.LlamaCppText, greedy, tok.Decode(greedy, true))
	}
	if special := []int{tok.BOS(), tok.EOS()}; !slices.Equal(others.LlamaCppSpecial, special) {
		t.Errorf("llama.cpp's special tokens are %v, want %v", others.LlamaCppSpecial, special)
	}
	for i, text := range texts {
		want := tok.Encode(text)
		if !slices.Equal(others.TransformersTokens[i], want) {
			t.Errorf("transformers' tokens of %q are %v, ours %v", text, others.TransformersTokens[i], want)
		}
		if !slices.Equal(others.LlamaCppTokens[i], want) {
			t.Errorf("llama.cpp's tokens of %q are %v, ours %v", text, others.LlamaCppTokens[i], want)
		}
	}
	if special := []int{tok.BOS(), tok.EOS(), tok.Pad()}; !slices.Equal(others.Special, special) {
		t.Errorf("transformers' special tokens are %v, want %v", others.Special, special)
	}
	for i, want := range published {
		if others.Chats[i] != want.Text {
			t.Errorf("transformers writes chat %d as %q, want %q", i, others.Chats[i], want.Text)
		}
		if others.LlamaCppChats[i] != want.Text {
			t.Errorf("the GGUF's template writes chat %d as %q, want %q", i, others.LlamaCppChats[i], want.Text)
		}
	}
	c.importResaved(t, dir, ckpt)

	fmt.Fprintf(table, "%s\t%d\t%s\t%.1e\t%.1e\t%.1e\t%.1e\n", c.name, c.model.NumParameters(), others.Class, worst["transformers"], worst["f32"], worst["f16"], worst["q8_0"])
	return others.Versions
}

// adapt exports adapters of the model, and returns the logits with them.
func (c interopCase) adapt(t *testing.T, device *host.Device, dir, ckpt string, ids []int) []float32 {
	m := loadModel(t, device, ckpt)
	defer m.Release()
	adapters, err := nn.NewAdapters(m, c.lora, 3)
	if err != nil {
		t.Fatal(err)
	}
	draw := rand.New(rand.NewPCG(1, 1))
	list := c.model.AdapterParameters(c.lora)
	for _, p := range list { // B begins as zero
		values := make([]float32, p.Elements())
		for i := range values {
			values[i] = float32(draw.NormFloat64() / 8)
		}
		if err := m.SetParameter(p.Name, values); err != nil {
			t.Fatal(err)
		}
	}
	header := &checkpoint.Header{Model: c.model, Tokenizer: []byte("{}"), State: checkpoint.State{BestValidationLoss: math.Inf(1)},
		Tensors: checkpoint.TensorsOf(list, checkpoint.GroupAdapter)}
	if header.Adapter, err = adapters.Header(); err != nil {
		t.Fatal(err)
	}
	if header.Tokenizer, err = os.ReadFile(filepath.Join(dir, "hf", "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "adapters.ckpt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := checkpoint.NewWriter(f, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		values, err := m.Parameter(p.Name)
		if err == nil {
			err = w.Tensor(host.AsBytes(values))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	minimind(t, "export", "--checkpoint", path, "--format", "hf", "--out", filepath.Join(dir, "adapters")).want(t, 0)
	return logitsOf(t, m, ids)
}

// ours are the logits of the tokens (interopRow, V), and the tokens that follow greedily.
func ours(t *testing.T, device *host.Device, ckpt string, ids []int) (logits []float32, greedy []int) {
	m := loadModel(t, device, ckpt)
	defer m.Release()
	logits = logitsOf(t, m, ids)
	g, err := generate.New(m, len(ids)+interopNew)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Release()
	if greedy, _, err = g.Greedy(ids, interopNew); err != nil {
		t.Fatal(err)
	}
	return logits, greedy
}

func loadModel(t *testing.T, device *host.Device, ckpt string) *nn.Model {
	r, f, err := openCheckpoint(ckpt)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := nn.LoadModel(device, r)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func logitsOf(t *testing.T, m *nn.Model, ids []int) []float32 {
	e, err := nn.NewLogits(m, 1, len(ids))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	b := data.NewBatch(1, len(ids))
	for i, id := range ids {
		b.Inputs[i] = uint32(id)
	}
	if _, err := e.Run(b, 1); err != nil {
		t.Fatal(err)
	}
	logits, err := e.Values()
	if err != nil {
		t.Fatal(err)
	}
	return logits
}

// logProbabilities are those that rows of logits stand for.
func logProbabilities(logits []float32, rows int) []float32 {
	out, V := make([]float32, 0, len(logits)), len(logits)/rows
	for row := range slices.Chunk(logits, V) {
		largest, sum := float64(slices.Max(row)), 0.0
		for _, x := range row {
			sum += math.Exp(float64(x) - largest)
		}
		for _, x := range row {
			out = append(out, float32(float64(x)-largest-math.Log(sum)))
		}
	}
	return out
}

// difference is the largest between numbers and those of a file.
func difference(t *testing.T, logits []float32, path string) float64 {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(content) != 4*len(logits) {
		t.Fatalf("%s has %d bytes for %d numbers", path, len(content), len(logits))
	}
	others := make([]float32, len(logits))
	for i := range others {
		others[i] = math.Float32frombits(binary.LittleEndian.Uint32(content[4*i:]))
	}
	return furthest(logits, others)
}

// furthest is the largest difference; NaN, if there is one.
func furthest(a, b []float32) float64 {
	worst := 0.0
	for i := range a {
		if off := math.Abs(float64(a[i]) - float64(b[i])); !(off <= worst) {
			worst = off
		}
	}
	return worst
}

// importResaved imports what transformers saved of the model: the same weights.
func (c interopCase) importResaved(t *testing.T, dir, ckpt string) {
	out := filepath.Join(dir, "resaved.ckpt")
	minimind(t, "import", filepath.Join(dir, "resaved"), "--tokenizer", filepath.Join(dir, "hf", "tokenizer.json"), "--out", out).want(t, 0)
	sums := map[string][]byte{}
	for _, path := range []string{ckpt, out} {
		r, f, err := openCheckpoint(path)
		if err != nil {
			t.Fatal(err)
		}
		model, err := json.Marshal(r.Header.Model)
		if err != nil {
			t.Fatal(err)
		}
		sums[path] = append(sums[path], model...)
		for _, info := range r.Header.Tensors {
			values := make([]byte, info.Bytes)
			if _, err := r.Next(values); err != nil {
				t.Fatal(err)
			}
			if info.Group == checkpoint.GroupParameter {
				sums[path] = append(sums[path], checksum(values)...)
			}
		}
		f.Close()
	}
	if !bytes.Equal(sums[ckpt], sums[out]) {
		t.Error("what transformers saves comes back as another model")
	}
}

func checksum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}
