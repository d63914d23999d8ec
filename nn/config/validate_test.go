package config

import (
	"math"
	"strings"
	"testing"
)

// Each broken configuration must be refused with a message that says the field, the value and what would be right.
func TestValidate(t *testing.T) {
	yarn := func(change func(*RopeScaling)) func(*Model) {
		return func(m *Model) {
			m.RopeScaling = &RopeScaling{Type: "yarn", Factor: 16, OriginalMaxPositionEmbeddings: 2048, BetaFast: 32, BetaSlow: 1}
			change(m.RopeScaling)
		}
	}
	mixture := func(change func(*MoE)) func(*Model) {
		return func(m *Model) {
			m.MoE = &MoE{NumExperts: 4, NumExpertsPerTok: 2, MoEIntermediateSize: 384, NormTopKProb: "multi", Aux: "batch"}
			change(m.MoE)
		}
	}
	for _, c := range []struct {
		change func(*Model)
		want   string // "": nothing is wrong
	}{
		{func(m *Model) {}, ""},
		{yarn(func(*RopeScaling) {}), ""},
		{mixture(func(*MoE) {}), ""},
		{func(m *Model) { m.VocabSize = 0 }, "vocab_size is 0: it must be 1 to 65536"},
		{func(m *Model) { m.VocabSize = 65537 }, "vocab_size is 65537: it must be 1 to 65536"},
		{func(m *Model) { m.HiddenSize = 130 }, "hidden_size is 130: it must be a multiple of 4, such as 132"},
		{func(m *Model) { m.HiddenSize = -4 }, "hidden_size is -4"},
		{func(m *Model) { m.NumHiddenLayers = 0 }, "num_hidden_layers is 0"},
		{func(m *Model) { m.NumHiddenLayers = 1 << 40 }, "num_hidden_layers is 1099511627776: it must be 1 to 256"},
		{func(m *Model) { m.NumAttentionHeads = 0 }, "num_attention_heads is 0"},
		{func(m *Model) { m.NumKeyValueHeads = 0 }, "num_key_value_heads is 0"},
		{func(m *Model) { m.NumKeyValueHeads = 3 }, "num_attention_heads is 4 and num_key_value_heads is 3"},
		{func(m *Model) { m.HeadDim = 0 }, "head_dim is 0: it must be 4 to 128"},
		{func(m *Model) { m.HeadDim = 132 }, "head_dim is 132: it must be 4 to 128"},
		{func(m *Model) { m.HeadDim = 33 }, "head_dim is 33: it must be a multiple of 4, such as 36"},
		{func(m *Model) { m.IntermediateSize = 0 }, "intermediate_size is 0"},
		{func(m *Model) { m.IntermediateSize = 342 }, "intermediate_size is 342: it must be a multiple of 4, such as 344"},
		{func(m *Model) { m.RMSNormEps = 0 }, "rms_norm_eps is 0"},
		{func(m *Model) { m.RMSNormEps = math.NaN() }, "rms_norm_eps is NaN"},
		{func(m *Model) { m.RopeTheta = 1 }, "rope_theta is 1"},
		{func(m *Model) { m.RopeTheta = math.NaN() }, "rope_theta is NaN"},
		{func(m *Model) { m.MaxPositionEmbeddings = 0 }, "max_position_embeddings is 0"},
		{yarn(func(s *RopeScaling) { s.Type = "linear" }), `rope_scaling.type is "linear": only "yarn"`},
		{yarn(func(s *RopeScaling) { s.Factor = 0 }), "rope_scaling.factor is 0"},
		{yarn(func(s *RopeScaling) { s.OriginalMaxPositionEmbeddings = 0 }), "rope_scaling.original_max_position_embeddings is 0"},
		{yarn(func(s *RopeScaling) { s.BetaSlow = 0 }), "rope_scaling.beta_slow is 0"},
		{yarn(func(s *RopeScaling) { s.BetaFast = 0.5 }), "rope_scaling.beta_fast is 0.5 and beta_slow is 1"},
		{yarn(func(s *RopeScaling) { s.AttentionFactor = -1 }), "rope_scaling.attention_factor is -1"},
		{mixture(func(e *MoE) { e.NumExperts = 0 }), "moe.num_experts is 0"},
		{mixture(func(e *MoE) { e.NumExpertsPerTok = 5 }), "moe.num_experts_per_tok is 5: it must be 1 to 4"},
		{mixture(func(e *MoE) { e.NumExperts, e.NumExpertsPerTok = 5, 2 }), "moe.num_experts is 5 and moe.num_experts_per_tok is 2: the first must be a multiple"},
		{mixture(func(e *MoE) { e.NumSharedExperts = -1 }), "moe.num_shared_experts is -1"},
		{mixture(func(e *MoE) { e.MoEIntermediateSize = 66 }), "moe.moe_intermediate_size is 66: it must be a multiple of 4, such as 68"},
		{mixture(func(e *MoE) { e.NormTopKProb = "true" }), `moe.norm_topk_prob is "true"`},
		{mixture(func(e *MoE) { e.Aux = "" }), `moe.aux is ""`},
		{mixture(func(e *MoE) { e.AuxCoef = math.Inf(1) }), "moe.aux_coef is +Inf"},
	} {
		m, err := Preset("tiny")
		if err != nil {
			t.Fatal(err)
		}
		c.change(&m)
		err = m.Validate()
		if c.want == "" && err != nil {
			t.Errorf("refused: %v", err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("the message is %q, want it to say %q", err, c.want)
		}
	}

	// All mistakes are said at once.
	err := Model{}.Validate()
	for _, field := range []string{"vocab_size", "hidden_size", "num_hidden_layers", "head_dim", "rope_theta"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("an empty configuration: %q does not name %s", err, field)
		}
	}
}
