package interchange

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
)

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
		"rope_scaling ":      {map[string]any{"type": "yarn", "factor": 4, "original_max_position_embeddings": 1 << 17}, "MiniMind's differ"},
		"rope_parameters":    {map[string]any{"rope_theta": 1e6, "mrope_section": []int{1}}, "mrope_section"},
		"hidden_size":        {nil, "hidden_size is missing"},
		"rms_norm_eps":       {nil, "rms_norm_eps is missing"},
		"vocab_size":         {"many", "config.json"},
	} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		field = strings.TrimSpace(field)
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
		"LoRA adapters":     {"model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.q_proj.lora.A.weight"},
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

// TestYaRNDefaults: where a file says nothing, transformers scales attention with the context, and MiniMind does not.
func TestYaRNDefaults(t *testing.T) {
	c := interchangetest.Models()["llama"]
	tensors := openSafetensors(t, toSafetensors(t, interchangetest.Checkpoint(c, true), F32)).Tensors
	for class, factor := range map[string]float64{"llama": 0.1*math.Log(4) + 1, "minimind": 1} {
		got, err := ParseConfig(fmt.Appendf(nil, `{"model_type": %q, "vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
			"num_key_value_heads": 2, "intermediate_size": 96, "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
			"rope_scaling": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 16}}`, class), tensors)
		if err != nil {
			t.Fatal(err)
		}
		want := config.RopeScaling{Type: "yarn", Factor: 4, OriginalMaxPositionEmbeddings: 16, BetaFast: 32, BetaSlow: 1, AttentionFactor: factor}
		if got.RopeScaling == nil || *got.RopeScaling != want {
			t.Errorf("%s: %+v, want %+v", class, got.RopeScaling, want)
		}
	}
}
