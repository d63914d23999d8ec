package config

import (
	"errors"
	"fmt"
	"math"
)

// Validate says everything that is wrong with the configuration: each error names the field, its value and what would
// be right. The upper bounds are far above the family's models; they keep a hostile file from asking for the moon.
func (m Model) Validate() error {
	v := &validator{}
	v.within("vocab_size", m.VocabSize, 1, 65536, "token ids are stored in 16 bits")
	v.within("hidden_size", m.HiddenSize, 4, 16384, "")
	v.multipleOf4("hidden_size", m.HiddenSize)
	v.within("num_hidden_layers", m.NumHiddenLayers, 1, 256, "")
	v.within("num_attention_heads", m.NumAttentionHeads, 1, 256, "")
	v.within("num_key_value_heads", m.NumKeyValueHeads, 1, 256, "")
	if m.NumKeyValueHeads > 0 && m.NumAttentionHeads%m.NumKeyValueHeads != 0 {
		v.wrong("num_attention_heads is %d and num_key_value_heads is %d: each key/value head serves an equal share of the query heads, so the first must be a multiple of the second",
			m.NumAttentionHeads, m.NumKeyValueHeads)
	}
	v.within("head_dim", m.HeadDim, 4, 128, "the attention kernel holds one head in registers; hidden_size / num_attention_heads is usual")
	v.multipleOf4("head_dim", m.HeadDim)
	if m.MoE == nil {
		v.within("intermediate_size", m.IntermediateSize, 4, 65536, "about 8/3 of hidden_size is usual")
		v.multipleOf4("intermediate_size", m.IntermediateSize)
	}
	v.positive("rms_norm_eps", m.RMSNormEps, "1e-5 or 1e-6 is usual")
	if !(m.RopeTheta > 1) || math.IsInf(m.RopeTheta, 1) {
		v.wrong("rope_theta is %g: it must be finite and above 1; 1e6 is usual", m.RopeTheta)
	}
	v.within("max_position_embeddings", m.MaxPositionEmbeddings, 1, 1<<20, "")
	if m.RopeScaling != nil {
		m.RopeScaling.validate(v)
	}
	if m.MoE != nil {
		m.MoE.validate(v)
	}
	return errors.Join(v.errs...)
}

func (s *RopeScaling) validate(v *validator) {
	if s.Type != "yarn" {
		v.wrong("rope_scaling.type is %q: only \"yarn\" is known", s.Type)
	}
	if !(s.Factor >= 1) || math.IsInf(s.Factor, 1) {
		v.wrong("rope_scaling.factor is %g: it must be finite and at least 1; 16 is usual", s.Factor)
	}
	v.within("rope_scaling.original_max_position_embeddings", s.OriginalMaxPositionEmbeddings, 1, 1<<20, "")
	v.positive("rope_scaling.beta_slow", s.BetaSlow, "1 is usual")
	if !(s.BetaFast >= s.BetaSlow) || math.IsInf(s.BetaFast, 1) {
		v.wrong("rope_scaling.beta_fast is %g and beta_slow is %g: beta_fast must be finite and at least beta_slow; 32 and 1 are usual", s.BetaFast, s.BetaSlow)
	}
	if !(s.AttentionFactor >= 0) || math.IsInf(s.AttentionFactor, 1) {
		v.wrong("rope_scaling.attention_factor is %g: it must be positive and finite, or left out for 1", s.AttentionFactor)
	}
}

func (e *MoE) validate(v *validator) {
	v.within("moe.num_experts", e.NumExperts, 1, 256, "")
	v.within("moe.num_experts_per_tok", e.NumExpertsPerTok, 1, max(e.NumExperts, 1), "a token is sent to at most num_experts experts")
	if e.NumExpertsPerTok > 0 && e.NumExperts > e.NumExpertsPerTok && e.NumExperts%e.NumExpertsPerTok != 0 {
		v.wrong("moe.num_experts is %d and moe.num_experts_per_tok is %d: the first must be a multiple of the second", e.NumExperts, e.NumExpertsPerTok)
	}
	v.within("moe.num_shared_experts", e.NumSharedExperts, 0, 256, "")
	v.within("moe.moe_intermediate_size", e.MoEIntermediateSize, 4, 65536, "")
	v.multipleOf4("moe.moe_intermediate_size", e.MoEIntermediateSize)
	if e.NormTopKProb != "always" && e.NormTopKProb != "multi" && e.NormTopKProb != "never" {
		v.wrong("moe.norm_topk_prob is %q: it must be \"always\", \"multi\" or \"never\"", e.NormTopKProb)
	}
	if e.Aux != "sequence" && e.Aux != "batch" {
		v.wrong("moe.aux is %q: it must be \"sequence\" or \"batch\"", e.Aux)
	}
	if !(e.AuxCoef >= 0) || math.IsInf(e.AuxCoef, 1) {
		v.wrong("moe.aux_coef is %g: it must be finite and not negative", e.AuxCoef)
	}
}

// validator collects what is wrong.
type validator struct{ errs []error }

func (v *validator) wrong(format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf(format, args...))
}

// within demands low <= value <= high; why, if any, ends the message.
func (v *validator) within(field string, value, low, high int, why string) {
	if value < low || value > high {
		if why != "" {
			why = " (" + why + ")"
		}
		v.wrong("%s is %d: it must be %d to %d%s", field, value, low, high, why)
	}
}

// multipleOf4 demands whole vec4 loads in the kernels.
func (v *validator) multipleOf4(field string, value int) {
	if value%4 != 0 {
		v.wrong("%s is %d: it must be a multiple of 4, such as %d", field, value, (value+3)/4*4)
	}
}

func (v *validator) positive(field string, value float64, usual string) {
	if !(value > 0) || math.IsInf(value, 1) {
		v.wrong("%s is %g: it must be finite and above 0; %s", field, value, usual)
	}
}
