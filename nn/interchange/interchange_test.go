package interchange

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
	"github.com/nlpodyssey/safetensors"
)

// memoryTensor is a tensor of the given float32 values that lies in memory.
func memoryTensor(name string, values []byte, shape ...int) *Tensor {
	return &Tensor{Name: name, Shape: shape, DType: F32, Data: bytes.NewReader(values)}
}

func openCheckpoint(t testing.TB, file []byte) *checkpoint.Reader {
	t.Helper()
	r, err := checkpoint.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func toSafetensors(t testing.TB, ckpt []byte, d DType) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := WriteSafetensors(&out, openCheckpoint(t, ckpt), d); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openSafetensors(t testing.TB, file []byte) *Safetensors {
	t.Helper()
	f, err := OpenSafetensors(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func toCheckpoint(t testing.TB, m *Model, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := m.WriteCheckpoint(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSafetensorsRoundTrip takes every kind of model out and in again: as F32 the checkpoint comes back byte for byte,
// and so it does as F16 and BF16 when the values fit these.
func TestSafetensorsRoundTrip(t *testing.T) {
	for name, c := range interchangetest.Models() {
		for _, d := range []DType{F32, F16, BF16} {
			ckpt := interchangetest.Checkpoint(c, d == F32)
			f := openSafetensors(t, toSafetensors(t, ckpt, d))
			m, ok, err := f.Model()
			if !ok {
				t.Fatal("the file does not say what it is")
			}
			back := toCheckpoint(t, m, err)
			if !bytes.Equal(back, ckpt) {
				t.Errorf("%s as %s comes back as another checkpoint", name, d)
			}
		}
	}
}

// TestSafetensorsAreOthers reads a file with another implementation, and writes one for ours.
func TestSafetensorsAreOthers(t *testing.T) {
	c := interchangetest.Models()["llama"]
	ckpt := interchangetest.Checkpoint(c, true)
	file := toSafetensors(t, ckpt, F32)
	theirs, err := safetensors.Deserialize(file)
	if err != nil {
		t.Fatal(err)
	}
	err = EachParameter(openCheckpoint(t, ckpt), func(p config.Parameter, values []byte) error {
		view, ok := theirs.Tensor(p.Name)
		if !ok || view.DType() != safetensors.F32 || fmt.Sprint(view.Shape()) != fmt.Sprint(p.Shape) || !bytes.Equal(view.Data(), values) {
			t.Errorf("%s is not the same", p.Name)
		}
		return nil
	})
	if err != nil || theirs.Len() != len(c.Parameters()) {
		t.Fatalf("%d tensors, %v", theirs.Len(), err)
	}
	if file[8+binary.LittleEndian.Uint64(file)-1] > ' ' || binary.LittleEndian.Uint64(file)%8 != 0 {
		t.Error("the values are not aligned to 8 bytes")
	}

	views := map[string]safetensors.TensorView{}
	for _, tensor := range theirs.Tensors() {
		views[tensor.Name] = tensor.TensorView
	}
	again, err := safetensors.Serialize(views, openSafetensors(t, file).Metadata)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := openSafetensors(t, again).Model()
	if !bytes.Equal(toCheckpoint(t, m, err), ckpt) {
		t.Error("their file is another checkpoint")
	}
}

// TestRounding takes values that fit no 16 bits: they come back rounded to the nearest.
func TestRounding(t *testing.T) {
	c := interchangetest.Models()["llama"]
	ckpt := interchangetest.Checkpoint(c, true)
	for d, step := range map[DType]float64{F16: 0x1p-11, BF16: 0x1p-8} {
		f := openSafetensors(t, toSafetensors(t, ckpt, d))
		byName, _ := named(f.Tensors)
		err := EachParameter(openCheckpoint(t, ckpt), func(p config.Parameter, values []byte) error {
			got := make([]byte, len(values))
			if err := byName[p.Name].ReadFloat32(got); err != nil {
				return err
			}
			for at := 0; at < len(values); at += 4 {
				g, w := float64(float(got[at:])), float64(float(values[at:]))
				if math.Abs(g-w) > step*math.Abs(w)+0x1p-25 {
					t.Fatalf("%s of %s: %v, want %v", d, p.Name, g, w)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func float(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// TestHuggingFaceConfig writes each class's config.json and reads it back.
func TestHuggingFaceConfig(t *testing.T) {
	tok := corpus.Tokenizer()
	for name, want := range map[string]string{"llama": "LlamaForCausalLM", "untied": "LlamaForCausalLM", "yarn": "LlamaForCausalLM",
		"qwen3": "Qwen3ForCausalLM", "qwen3_moe": "Qwen3MoeForCausalLM", "qwen3_moe_of_two": "Qwen3MoeForCausalLM"} {
		c := interchangetest.Models()[name]
		f := openSafetensors(t, toSafetensors(t, interchangetest.Checkpoint(c, true), F32))
		files, err := FolderFiles(&checkpoint.Header{Model: c, Tokenizer: []byte("{}")}, tok, BF16)
		if err != nil {
			t.Fatal(err)
		}
		text := string(files[ConfigFile])
		for _, part := range []string{want, `"torch_dtype": "bfloat16"`, `"bos_token_id": 1`, `"eos_token_id": 2`, `"pad_token_id": 0`,
			fmt.Sprintf(`"tie_word_embeddings": %t`, c.TieWordEmbeddings), fmt.Sprintf(`"head_dim": %d`, c.HeadDim)} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %s in %s", name, part, text)
			}
		}
		got, err := ParseConfig(files[ConfigFile], f.Tensors)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.MoE != nil && c.MoE.NormTopKProb == "multi" {
			c.MoE.NormTopKProb = "always" // the same for more than one
		}
		if d := cmp.Diff(c, got); d != "" {
			t.Errorf("%s comes back with differences (-want +got):\n%s", name, d)
		}
	}
	for name, says := range map[string]string{"shared_moe": "shared experts", "llama_moe": "without QK-norm"} {
		if _, err := FolderFiles(&checkpoint.Header{Model: interchangetest.Models()[name]}, tok, F32); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConfigsOfOthers reads what transformers 5, and MiniMind's own class in both generations, write.
func TestConfigsOfOthers(t *testing.T) {
	models := interchangetest.Models()
	of := func(name string) []*Tensor {
		return openSafetensors(t, toSafetensors(t, interchangetest.Checkpoint(models[name], true), F32)).Tensors
	}
	for _, c := range []struct{ name, model, text string }{
		{"transformers 5", "qwen3", `{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 512, "hidden_size": 64,
			"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24, "intermediate_size": 96, "hidden_act": "silu",
			"rms_norm_eps": 1e-6, "max_position_embeddings": 64, "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
			"layer_types": ["full_attention", "full_attention"], "tie_word_embeddings": true, "use_sliding_window": false, "dtype": "float32"}`},
		{"transformers 5, experts", "qwen3_moe", `{"model_type": "qwen3_moe", "vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 2,
			"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24, "intermediate_size": 96, "moe_intermediate_size": 96, "num_local_experts": 4,
			"num_experts_per_tok": 1, "norm_topk_prob": true, "router_aux_loss_coef": 0.0005, "decoder_sparse_step": 1, "mlp_only_layers": [],
			"rms_norm_eps": 1e-06, "max_position_embeddings": 64, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}, "sliding_window": null,
			"use_sliding_window": false, "tie_word_embeddings": true, "bos_token_id": null}`},
		{"MiniMind, first generation", "llama", `{"architectures": ["MiniMindForCausalLM"], "model_type": "minimind", "aux_loss_alpha": 0.1,
			"bos_token_id": 1, "dropout": 0.0, "eos_token_id": 2, "flash_attn": true, "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 96,
			"max_position_embeddings": 64, "n_routed_experts": 4, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 4,
			"num_experts_per_tok": 2, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0,
			"scoring_func": "softmax", "seq_aux": true, "use_moe": false, "vocab_size": 512}`},
		{"MiniMind, first generation, experts", "shared_moe", `{"model_type": "minimind", "aux_loss_alpha": 0.01, "hidden_size": 64, "intermediate_size": null,
			"max_position_embeddings": 64, "n_routed_experts": 4, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 4,
			"num_experts_per_tok": 2, "num_hidden_layers": 2, "num_key_value_heads": 2, "seq_aux": true, "use_moe": true, "vocab_size": 512}`},
		{"MiniMind, second generation, experts", "qwen3_moe", `{"model_type": "minimind", "hidden_size": 64, "head_dim": 24, "intermediate_size": 96,
			"max_position_embeddings": 64, "num_experts": 4, "num_experts_per_tok": 1, "moe_intermediate_size": 96, "norm_topk_prob": true,
			"router_aux_loss_coef": 0.0005, "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
			"rope_theta": 1000000.0, "rope_scaling": null, "tie_word_embeddings": true, "use_moe": true, "vocab_size": 512}`},
	} {
		got, err := ParseConfig([]byte(c.text), of(c.model))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := models[c.model]
		if want.MoE != nil {
			want.IntermediateSize = want.MoE.MoEIntermediateSize
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s has differences (-want +got):\n%s", c.name, d)
		}
	}
}

func TestConfigsThatCannotBe(t *testing.T) {
	good := map[string]any{"model_type": "qwen3", "vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
		"intermediate_size": 96, "rms_norm_eps": 1e-6, "max_position_embeddings": 64}
	for field, c := range map[string]struct {
		value any
		says  string
	}{
		"model_type":         {"gpt2", `"gpt2"`},
		"hidden_act":         {"gelu", "only silu"},
		"attention_bias":     {true, "no bias"},
		"mlp_bias":           {true, "no bias"},
		"use_sliding_window": {true, "whole context"},
		"layer_types":        {[]string{"sliding_attention"}, "sliding_attention"},
		"mlp_only_layers":    {[]int{1}, "only some layers"},
		"rope_scaling":       {map[string]any{"rope_type": "llama3", "factor": 8}, `"llama3"`},
		"rope_parameters":    {map[string]any{"rope_theta": 1e6, "mrope_section": []int{1}}, "mrope_section"},
		"hidden_size":        {nil, "hidden_size is missing"},
		"rms_norm_eps":       {nil, "rms_norm_eps is missing"},
		"vocab_size":         {"many", "config.json"},
	} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		if bad[field] = c.value; c.value == nil {
			delete(bad, field)
		}
		text, _ := json.Marshal(bad)
		if _, err := ParseConfig(text, nil); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s = %v: %v, want it to say %q", field, c.value, err, c.says)
		}
	}
}

// TestFromShapes tells both generations, with and without experts, from tensors alone.
func TestFromShapes(t *testing.T) {
	for _, p := range config.Presets() {
		if !strings.HasPrefix(p.Name, "minimind") {
			continue
		}
		var tensors []*Tensor
		for _, parameter := range p.Model.Parameters() {
			tensors = append(tensors, memoryTensor(parameter.Name, nil, parameter.Shape...))
		}
		got, err := FromShapes(tensors)
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		want := p.Model
		if want.MoE != nil {
			want.IntermediateSize = want.MoE.MoEIntermediateSize
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s has differences (-want +got):\n%s", p.Name, d)
		}
	}
	for says, names := range map[string][]string{
		"before April 2025": {"tok_embeddings.weight", "layers.0.attention.wq.weight"},
		"LoRA adapters":     {"model.layers.0.self_attn.q_proj.lora.A.weight"},
		"not a MiniMind":    {"h.0.attn.c_attn.weight"},
		"twice":             {"a", "a"},
	} {
		var tensors []*Tensor
		for _, name := range names {
			tensors = append(tensors, memoryTensor(name, nil, 4, 4))
		}
		if _, err := FromShapes(tensors); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want it to say %q", names, err, says)
		}
	}
}

// TestHead gives models a second copy of the embedding, or another head.
func TestHead(t *testing.T) {
	c := interchangetest.Models()["llama"]
	tensors := func() (list []*Tensor, embedding []byte) {
		EachParameter(openCheckpoint(t, interchangetest.Checkpoint(c, true)), func(p config.Parameter, values []byte) error {
			list = append(list, memoryTensor(p.Name, bytes.Clone(values), p.Shape...))
			if p.Name == embeddingName {
				embedding = bytes.Clone(values)
			}
			return nil
		})
		return list, embedding
	}
	list, embedding := tensors()
	list = append(list, memoryTensor(headName, embedding, c.VocabSize, c.HiddenSize))
	inferred, err := FromShapes(list)
	if err != nil || !inferred.TieWordEmbeddings {
		t.Fatalf("the same head: tied is %v, %v", inferred.TieWordEmbeddings, err)
	}
	m, err := New(c, corpus.Tokenizer(), list)
	if !bytes.Equal(toCheckpoint(t, m, err), interchangetest.Checkpoint(c, true)) {
		t.Error("a doubled head is not dropped")
	}

	other := bytes.Clone(embedding)
	other[len(other)-1] ^= 1
	list[len(list)-1] = memoryTensor(headName, other, c.VocabSize, c.HiddenSize)
	if _, err := New(c, corpus.Tokenizer(), list); err == nil || !strings.Contains(err.Error(), "tie_word_embeddings") {
		t.Errorf("another head in a tied model: %v", err)
	}
	if inferred, err = FromShapes(list); err != nil || inferred.TieWordEmbeddings {
		t.Fatalf("another head: tied is %v, %v", inferred.TieWordEmbeddings, err)
	}
	c.TieWordEmbeddings = false
	if _, err := New(c, corpus.Tokenizer(), list); err != nil {
		t.Error(err)
	}
}

// TestNewSaysWhatDoesNotFit names the tensor.
func TestNewSaysWhatDoesNotFit(t *testing.T) {
	c := interchangetest.Models()["qwen3"]
	all := func() (list []*Tensor) {
		for _, p := range c.Parameters() {
			list = append(list, memoryTensor(p.Name, make([]byte, 4*p.Elements()), p.Shape...))
		}
		return list
	}
	for says, change := range map[string]func([]*Tensor) []*Tensor{
		"q_proj.weight, [96 64], is missing":  func(l []*Tensor) []*Tensor { return append(l[:1], l[2:]...) },
		"k_proj.weight has the shape [64 64]": func(l []*Tensor) []*Tensor { l[2].Shape = []int{64, 64}; return l },
		"q_proj.bias, [96], belongs to no part": func(l []*Tensor) []*Tensor {
			return append(l, memoryTensor("model.layers.0.self_attn.q_proj.bias", nil, 96))
		},
		"lm_head.weight is not model.embed_tokens": func(l []*Tensor) []*Tensor { return append(l, memoryTensor(headName, nil, 4, 4)) },
		"model.norm.weight is there twice":         func(l []*Tensor) []*Tensor { return append(l, l[len(l)-1]) },
		"parameter model.norm.weight is NaN at [5]": func(l []*Tensor) []*Tensor {
			copyInto(l[len(l)-1], floats(0, 0, 0, 0, 0, float32(math.NaN())))
			return l
		},
		"model.norm.weight: reading its values: EOF": func(l []*Tensor) []*Tensor { l[len(l)-1].Data = bytes.NewReader(nil); return l },
	} {
		m, err := New(c, corpus.Tokenizer(), change(all()))
		if err == nil {
			err = m.WriteCheckpoint(&bytes.Buffer{})
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
	small := c
	small.VocabSize = 500
	if _, err := New(small, corpus.Tokenizer(), nil); err == nil || !strings.Contains(err.Error(), "512 tokens and the model rows for 500") {
		t.Error(err)
	}
	small.HiddenSize = 3
	if _, err := New(small, corpus.Tokenizer(), nil); err == nil || !strings.Contains(err.Error(), "hidden_size is 3") {
		t.Error(err)
	}
}

func copyInto(t *Tensor, values []byte) {
	t.Data = bytes.NewReader(append(bytes.Clone(values), make([]byte, 4*t.Shape[0]-len(values))...))
}

// TestExportOfDivergedWeights refuses NaN and what F16 cannot hold, and names the tensor.
func TestExportOfDivergedWeights(t *testing.T) {
	c := interchangetest.Models()["llama"]
	for says, bad := range map[string]float32{"is NaN": float32(math.NaN()), "beyond the largest F16": 70000} {
		ckpt := interchangetest.Edited(c, func(name string, values []byte) {
			if name == "model.norm.weight" {
				copy(values, floats(bad))
			}
		})
		err := WriteSafetensors(&bytes.Buffer{}, openCheckpoint(t, ckpt), F16)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "model.norm.weight") {
			t.Errorf("%v", err)
		}
	}
}

// safetensorsFile puts a header and values together.
func safetensorsFile(header string, values int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(file, header...), make([]byte, values)...)
}

func TestHostileSafetensors(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, math.MaxUint64)
	long := binary.LittleEndian.AppendUint64(nil, maxHeader)
	for says, file := range map[string][]byte{
		"its first 8 bytes":                       []byte("{}"),
		"a header of 18446744073":                 append(huge, "{}"...),
		"a header of 100000000 bytes":             append(long, "{}"...),
		"invalid character":                       safetensorsFile("nonsense", 0),
		`a has the type "I64"`:                    safetensorsFile(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, 8),
		"a has the shape [-1]":                    safetensorsFile(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4),
		"a has the shape [4294967296 4294967296]": safetensorsFile(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0),
		"a is said to lie at bytes 0 to 8 of 4":   safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4),
		"a is said to lie at bytes -4 to 4":       safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-4,4]}}`, 8),
		"a is said to lie at bytes 8 to 0":        safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8),
		"as F16 of shape [2] it takes 4":          safetensorsFile(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}`, 8),
		"overlap or leave a gap":                  safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12),
		"b begins at byte 8 of the values":        safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12),
		"4 bytes follow the last":                 safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8),
		"__metadata__":                            safetensorsFile(`{"__metadata__":{"a":1}}`, 0),
		"cannot unmarshal":                        safetensorsFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775808]}}`, 8),
	} {
		_, err := OpenSafetensors(bytes.NewReader(file), int64(len(file)))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
}

// TestTruncatedSafetensors cuts a file at every length.
func TestTruncatedSafetensors(t *testing.T) {
	file := safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]}}`, 12)
	for n := range file {
		if _, err := OpenSafetensors(bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Fatalf("%d of %d bytes were taken for a file", n, len(file))
		}
	}
}

func FuzzOpenSafetensors(f *testing.F) {
	f.Add(safetensorsFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]}}`, 12))
	f.Add(safetensorsFile(`{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[],"data_offsets":[0,2]}}`, 2))
	f.Add(binary.LittleEndian.AppendUint64(nil, math.MaxUint64))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := OpenSafetensors(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		for _, tensor := range s.Tensors { // what was accepted can be read
			size, err := tensor.Bytes()
			if err != nil || size > int64(len(file)) {
				t.Fatalf("%s takes %d bytes of a file of %d, %v", tensor.Name, size, len(file), err)
			}
			if err := tensor.ReadFloat32(make([]byte, 4*size/tensor.DType.Bytes(1))); err != nil {
				t.Fatal(err)
			}
		}
		FromShapes(s.Tensors)
	})
}

// FuzzParseConfig: whatever config.json says, there is a model or an error.
func FuzzParseConfig(f *testing.F) {
	for _, c := range interchangetest.Models() {
		if files, err := FolderFiles(&checkpoint.Header{Model: c}, corpus.Tokenizer(), F32); err == nil {
			f.Add(files[ConfigFile])
		}
	}
	f.Add([]byte(`{"model_type": "minimind", "hidden_size": -1}`))
	tensors := []*Tensor{memoryTensor(embeddingName, nil, 8, 4), memoryTensor("model.layers.0.self_attn.q_proj.weight", nil, 8, 4),
		memoryTensor("model.layers.0.self_attn.k_proj.weight", nil, 8, 4), memoryTensor("model.layers.0.mlp.gate_proj.weight", nil, 8, 4)}
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := ParseConfig(text, tensors); err == nil {
			New(c, corpus.Tokenizer(), tensors)
		}
	})
}

// TestReadByRows holds tensors in another order of rows, with chunks that end within them.
func TestReadByRows(t *testing.T) {
	const rows, columns = 300, 1100 // 1.3 MB: more than a chunk
	values := make([]byte, 4*rows*columns)
	r := rand.NewChaCha8([32]byte{})
	r.Read(values)
	plain, reversed := make([]byte, len(values)), make([]byte, len(values))
	tensor := memoryTensor("a", values, rows, columns)
	if err := tensor.ReadFloat32(plain); err != nil || !bytes.Equal(plain, values) {
		t.Fatalf("values are not read as they are, %v", err)
	}
	tensor.FileRow = func(row int) int { return rows - 1 - row }
	if err := tensor.ReadFloat32(reversed); err != nil {
		t.Fatal(err)
	}
	for row := range rows {
		if !bytes.Equal(reversed[4*columns*row:][:4*columns], values[4*columns*(rows-1-row):][:4*columns]) {
			t.Fatalf("row %d is not the file's row %d", row, rows-1-row)
		}
	}
}
