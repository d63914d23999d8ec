package gguf

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// known are the models that llama.cpp knows.
var known = []string{"llama", "untied", "yarn", "qwen3", "qwen3_moe", "qwen3_moe_of_two"}

func open(file []byte) (*interchange.Model, error) {
	return Open(bytes.NewReader(file), int64(len(file)), nil)
}

func reader(t testing.TB, ckpt []byte) *checkpoint.Reader {
	t.Helper()
	r, err := checkpoint.NewReader(bytes.NewReader(ckpt), int64(len(ckpt)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func toGGUF(t testing.TB, ckpt []byte, d interchange.DType) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := Write(&file, reader(t, ckpt), corpus.Tokenizer(), d); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func toCheckpoint(t testing.TB, file []byte) []byte {
	t.Helper()
	m, err := open(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := m.WriteCheckpoint(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestRoundTrip takes models out and in again: the checkpoint comes back byte for byte, as F16 and BF16 when its values
// fit these. Only what GGUF does not tell is the published models'.
func TestRoundTrip(t *testing.T) {
	for _, name := range known {
		c := interchangetest.Models()[name]
		if c.MoE != nil {
			told := *c.MoE
			told.NormTopKProb, told.AuxCoef = "always", 5e-4
			c.MoE = &told
		}
		for _, d := range []interchange.DType{interchange.F32, interchange.F16, interchange.BF16} {
			ckpt := interchangetest.Checkpoint(c, d == interchange.F32)
			if back := toCheckpoint(t, toGGUF(t, ckpt, d)); !bytes.Equal(back, ckpt) {
				t.Errorf("%s as %s comes back as another checkpoint", name, d)
			}
		}
	}
}

// TestQ8 takes a model out as Q8_0: what comes back is no further off than half a step of a block, norms are exact, and
// what was Q8_0 once goes on as it is.
func TestQ8(t *testing.T) {
	c := interchangetest.Models()["qwen3_moe"]
	c.HiddenSize = 60 // rows of 60 are no whole blocks, those of the feed-forward (96) are
	ckpt := interchangetest.Checkpoint(c, true)
	back := toCheckpoint(t, toGGUF(t, ckpt, interchange.Q8_0))
	want := map[string][]byte{}
	err := interchange.EachParameter(reader(t, ckpt), func(p config.Parameter, values []byte) error {
		want[p.Name] = bytes.Clone(values)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	quantized := 0
	err = interchange.EachParameter(reader(t, back), func(p config.Parameter, values []byte) error {
		whole := len(p.Shape) == 2 && p.Shape[1]%32 == 0
		if whole {
			quantized++
		}
		if (len(p.Shape) == 1 || strings.HasSuffix(p.Name, "mlp.gate.weight")) && !bytes.Equal(values, want[p.Name]) {
			t.Errorf("%s is not what it was", p.Name)
		}
		for block := 0; block < len(values); block += 4 * 32 {
			largest, off := 0.0, 0.0
			for at := block; at < min(block+4*32, len(values)); at += 4 {
				g, w := float(values[at:]), float(want[p.Name][at:])
				largest, off = max(largest, math.Abs(w)), max(off, math.Abs(g-w))
			}
			bound := largest / 2048 // an F16's rounding
			if whole {
				bound += largest / 127 / 2
			}
			if off > bound {
				t.Fatalf("%s is off by %v in the block at %d, bound %v", p.Name, off, block/4, bound)
			}
		}
		return nil
	})
	if err != nil || quantized != 2*(4+1) { // the experts' down and o_proj
		t.Fatalf("%d parameters are quantized, %v", quantized, err)
	}
	if again := toCheckpoint(t, toGGUF(t, back, interchange.Q8_0)); !bytes.Equal(again, back) {
		t.Error("quantizing twice is not quantizing once")
	}
}

// TestQ8OfLlamaCpp quantizes as llama.cpp's own library does, to the bit.
func TestQ8OfLlamaCpp(t *testing.T) {
	values, err1 := os.ReadFile("testdata/values.f32")
	want, err2 := os.ReadFile("testdata/values.q8_0")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	got, err := interchange.Q8_0.Encode(nil, values)
	if err != nil {
		t.Fatal(err)
	}
	for block := 0; block < len(want)/34; block++ {
		if g, w := got[block*34:][:34], want[block*34:][:34]; !bytes.Equal(g, w) {
			t.Errorf("block %d is\n%x, want\n%x", block, g, w)
		}
	}
}

func float(b []byte) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
}

// TestFileOfLlamaCpp imports what llama.cpp's own library wrote (testdata/make.py).
func TestFileOfLlamaCpp(t *testing.T) {
	file, err := os.ReadFile("testdata/llama_f16.gguf")
	if err != nil {
		t.Fatal(err)
	}
	c := config.Model{VocabSize: 512, HiddenSize: 16, NumHiddenLayers: 1, NumAttentionHeads: 4, NumKeyValueHeads: 2, HeadDim: 4,
		IntermediateSize: 24, RMSNormEps: 1e-5, RopeTheta: 1e6, MaxPositionEmbeddings: 64, TieWordEmbeddings: true}
	if !bytes.Equal(toCheckpoint(t, file), interchangetest.Fixture(c)) {
		t.Error("another checkpoint")
	}
}

// tokenizerSettings are what a file says of a tokenizer, for so many rows.
func tokenizerSettings(t *testing.T, tok *tokenizer.Tokenizer, rows int) settings {
	t.Helper()
	e := &encoder{}
	setTokenizer(e, tok, rows)
	d, s := decoderOf(e.Bytes()), settings{}
	for range e.count {
		name := d.string()
		s[name] = d.value()
	}
	if d.err != nil {
		t.Fatal(d.err)
	}
	return s
}

// TestPublishedTokenizers takes MiniMind's own tokenizers apart and puts them together.
func TestPublishedTokenizers(t *testing.T) {
	for _, name := range []string{"tokenizer-minimind2", "tokenizer-minimind3"} {
		tok := shared(t, name)
		back, err := tokenizerSettings(t, tok, tok.VocabSize()+2).tokenizer() // and two rows that no token has
		if err != nil {
			t.Fatal(err)
		}
		if back.Hash() != tok.Hash() {
			t.Errorf("%s comes back as another tokenizer", name)
		}
	}
}

func TestModelsThatLlamaCppDoesNotKnow(t *testing.T) {
	models := interchangetest.Models()
	never := models["qwen3_moe"]
	never.MoE = &config.MoE{NumExperts: 4, NumExpertsPerTok: 1, MoEIntermediateSize: 96, NormTopKProb: "multi", Aux: "batch"}
	betas, slow := models["yarn"], models["yarn"]
	betas.RopeScaling = &config.RopeScaling{Type: "yarn", Factor: 4, OriginalMaxPositionEmbeddings: 16, BetaFast: 16, BetaSlow: 1, AttentionFactor: 1}
	slow.RopeScaling, slow.RopeTheta = config.YaRN(4, 1<<17), 1e4
	for says, c := range map[string]config.Model{"shared experts": models["shared_moe"], "without QK-norm": models["llama_moe"],
		"beta_fast 16": betas, "does not turn slowly enough": slow, "norm_topk_prob": never} {
		err := Write(&bytes.Buffer{}, reader(t, interchangetest.Checkpoint(c, true)), corpus.Tokenizer(), interchange.F32)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
}

// stretch is YaRN as llama.cpp's own files have it.
func stretch(s settings, factor float64, original int64) {
	s["llama.rope.scaling.type"], s["llama.rope.scaling.factor"], s["llama.rope.scaling.original_context_length"] = "yarn", factor, original
}

// TestYaRN reads how much attention is scaled, with llama.cpp's default and with what cancels it.
func TestYaRN(t *testing.T) {
	const enlarged = 1.1386294361119891 // 0.1 ln 4 + 1
	for _, c := range []struct{ told, want float64 }{{0, enlarged}, {1, enlarged}, {float64(float32(1 / enlarged)), 1}, {float64(float32(1.2 / enlarged)), 1.2}, {2, 2.277259}} {
		s := settings{}
		if stretch(s, 4, 16); c.told != 0 {
			s["llama.rope.scaling.attn_factor"] = c.told
		}
		want := config.YaRN(4, 16)
		want.AttentionFactor = c.want
		if got, err := s.yarn("llama"); err != nil || *got != *want {
			t.Errorf("attn_factor %v is read as %+v, %v, want %+v", c.told, got, err, want)
		}
	}
}

// TestFilesOfOthersThatCannotBe changes single settings of a good file.
func TestFilesOfOthersThatCannotBe(t *testing.T) {
	c := interchangetest.Models()["llama"]
	for says, change := range map[string]func(s settings){
		`its architecture is "gemma"`:                        func(s settings) { s["general.architecture"] = "gemma" },
		"general.architecture is missing":                    func(s settings) { delete(s, "general.architecture") },
		"llama.embedding_length is missing":                  func(s settings) { delete(s, "llama.embedding_length") },
		"llama.block_count is of another type":               func(s settings) { s["llama.block_count"] = "2" },
		"llama.block_count is 4294967296":                    func(s settings) { s["llama.block_count"] = int64(1 << 32) },
		"it rotates 8 of a head's 16 values":                 func(s settings) { s["llama.rope.dimension_count"] = int64(8) },
		`stretched by "linear" (llama.rope.scaling.type)`:    func(s settings) { s["llama.rope.scaling.type"] = "linear" },
		"llama.rope.scaling.factor is missing":               func(s settings) { s["llama.rope.scaling.type"] = "yarn" },
		"does not turn slowly enough":                        func(s settings) { stretch(s, 4, 1<<17); s["llama.rope.freq_base"] = 1e4 },
		"rope_scaling":                                       func(s settings) { stretch(s, 0, 16) },
		"of mixtures only qwen3moe":                          func(s settings) { s["llama.expert_count"] = int64(8) },
		`"gpt2", which cuts text into words as "qwen2" does`: func(s settings) { s["tokenizer.ggml.pre"] = "qwen2" },
		"tokenizer.ggml.merges is missing":                   func(s settings) { delete(s, "tokenizer.ggml.merges") },
		"511 types of tokens":                                func(s settings) { s["tokenizer.ggml.token_type"] = make([]int64, 511) },
		"has two ids":                                        func(s settings) { s["tokenizer.ggml.tokens"].([]string)[300] = "a" },
		"head_dim is 0":                                      func(s settings) { s["llama.attention.key_length"] = int64(0); delete(s, "llama.rope.dimension_count") },
		"num_hidden_layers is 0":                             func(s settings) { s["llama.block_count"] = int64(0) },
	} {
		ckpt := toGGUF(t, interchangetest.Checkpoint(c, true), interchange.F32)
		f, err := parse(bytes.NewReader(ckpt), int64(len(ckpt)))
		if err != nil {
			t.Fatal(err)
		}
		change(f.settings)
		if _, err := f.model(nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
}

// header is a GGUF file's, written with the tests' own hands.
func header(tensors, settings uint64, rest ...any) []byte {
	e := &encoder{}
	e.WriteString(magic)
	e.uint32(3)
	e.uint64(tensors)
	e.uint64(settings)
	for _, r := range rest {
		switch v := r.(type) {
		case string:
			e.string(v)
		case uint32:
			e.uint32(v)
		case uint64:
			e.uint64(v)
		case []byte:
			e.Write(v)
		}
	}
	return e.Bytes()
}

func TestHostileFiles(t *testing.T) {
	const many = uint64(math.MaxUint64)
	one, two := uint32(1), uint32(2)
	f32, length := uint32(0), uint64(8)
	padded := func(file []byte, values int) []byte {
		return append(append(file, make([]byte, align(int64(len(file)))-int64(len(file)))...), make([]byte, values)...)
	}
	for says, file := range map[string][]byte{
		`it begins with "GGML"`:                                        []byte("GGML"),
		"its version is 1":                                             append([]byte(magic), 1, 0, 0, 0),
		"at byte 8: 8 bytes are announced":                             append([]byte(magic), 3, 0, 0, 0),
		"18446744073709551615 bytes are announced":                     header(0, 1, many),
		"at byte 24: 8 bytes are announced, and at most 0":             header(0, many),
		"unknown type 99":                                              header(0, 1, "a", uint32(99)),
		"an array of 18446744073709551615 elements":                    header(0, 1, "a", typeArray, typeUint8, many),
		"an array of 1048577 elements":                                 header(0, 1, "a", typeArray, typeString, uint64(maxArray+1)),
		"the unknown type 9":                                           header(0, 1, "a", typeArray, typeArray, uint64(1), typeUint8, uint64(0)),
		"the setting a is there twice":                                 header(0, 2, "a", typeUint32, one, "a", typeUint32, one),
		"general.alignment is 24":                                      header(0, 1, "general.alignment", typeUint32, uint32(24)),
		"general.alignment is 0":                                       header(0, 1, "general.alignment", typeUint32, uint32(0)),
		`"t" has 5 dimensions`:                                         header(1, 0, "t", uint32(5)),
		`"t" has a dimension of 18446744073709551615`:                  header(1, 0, "t", one, many, f32, uint64(0)),
		"t has the shape [0]":                                          header(1, 0, "t", one, uint64(0), f32, uint64(0)),
		"t has the shape [4294967295 4294967295]":                      header(1, 0, "t", two, uint64(math.MaxUint32), uint64(math.MaxUint32), f32, uint64(0)),
		`"t" is quantized as Q4_K`:                                     header(1, 0, "t", one, length, uint32(12), uint64(0)),
		"whose rows are not whole blocks of Q8_0":                      header(1, 0, "t", one, length, uint32(8), uint64(0)),
		`"t" lies at byte 18446744073709551615`:                        header(1, 0, "t", one, length, f32, many),
		"t lies at byte 4, which is no multiple":                       header(1, 0, "t", one, length, f32, uint64(4)),
		"t takes 32 bytes from byte 0, and the file's tensors have 31": padded(header(1, 0, "t", one, length, f32, uint64(0)), 31),
		"t takes 32 bytes from byte 9223372036854775776":               padded(header(1, 0, "t", one, length, f32, uint64(math.MaxInt64-31)), 64),
		"u lies at byte 0, where the tensor before it goes on to 32":   padded(header(2, 0, "t", one, length, f32, uint64(0), "u", one, length, f32, uint64(0)), 64),
		"t is there twice":                                             padded(header(2, 0, "t", one, length, f32, uint64(0), "t", one, length, f32, uint64(32)), 64),
		"token_embd.weight is missing":                                 header(0, 0),
	} {
		err := interchangetest.Bounded(t, len(file), func() error { _, err := open(file); return err })
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
}

func TestTruncatedFile(t *testing.T) {
	c := interchangetest.Models()["qwen3"]
	file := toGGUF(t, interchangetest.Checkpoint(c, true), interchange.F16)
	for n := 0; n < len(file); n += 97 {
		if _, err := open(file[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for a file", n, len(file))
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(header(1, 2, "general.architecture", typeString, "llama", "llama.block_count", typeUint32, uint32(2), "t", uint32(1), uint64(8), uint32(0), uint64(0), make([]byte, 64)))
	f.Add(header(1, 1, "tokenizer.ggml.tokens", typeArray, typeString, uint64(2), "a", "b", "token_embd.weight", uint32(2), uint64(4), uint64(2), uint32(1), uint64(0), make([]byte, 64)))
	file, err := os.ReadFile("testdata/llama_f16.gguf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	tok := corpus.Tokenizer()
	f.Fuzz(func(t *testing.T, file []byte) {
		parsed, err := parse(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		for _, tensor := range parsed.tensors { // what was accepted can be read
			size, err := tensor.Bytes()
			if err != nil || size > int64(len(file)) {
				t.Fatalf("%s takes %d bytes of a file of %d, %v", tensor.Name, size, len(file), err)
			}
		}
		parsed.settings.tokenizer()
		if m, err := parsed.model(tok); err == nil {
			m.WriteCheckpoint(&bytes.Buffer{})
		}
	})
}

// decoderOf reads from memory.
func decoderOf(b []byte) *decoder { return newDecoder(bytes.NewReader(b), int64(len(b))) }

// shared loads one of the published tokenizers, from the data folder beside the checkout.
func shared(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	root := os.Getenv("MINIMIND_SHARED")
	if root == "" {
		root = "../../../../shared"
	}
	text, err := os.ReadFile(filepath.Join(root, "data", name, "tokenizer.json"))
	if err != nil {
		t.Fatalf("%v\nThe tests need the shared folder beside the checkout, or MINIMIND_SHARED naming it.", err)
	}
	tok, err := tokenizer.Load(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
