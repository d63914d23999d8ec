package interchange

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// hfConfig is what config.json says of the model classes known here. Fields that a class does not have stay nil.
type hfConfig struct {
	Architectures         []string `json:"architectures,omitempty"`
	ModelType             string   `json:"model_type"`
	VocabSize             *int     `json:"vocab_size,omitempty"`
	HiddenSize            *int     `json:"hidden_size,omitempty"`
	IntermediateSize      *int     `json:"intermediate_size,omitempty"`
	NumHiddenLayers       *int     `json:"num_hidden_layers,omitempty"`
	NumAttentionHeads     *int     `json:"num_attention_heads,omitempty"`
	NumKeyValueHeads      *int     `json:"num_key_value_heads,omitempty"`
	HeadDim               *int     `json:"head_dim,omitempty"`
	HiddenAct             string   `json:"hidden_act,omitempty"`
	MaxPositionEmbeddings *int     `json:"max_position_embeddings,omitempty"`
	RMSNormEps            *float64 `json:"rms_norm_eps,omitempty"`
	RopeTheta             *float64 `json:"rope_theta,omitempty"`
	RopeScaling           *hfRope  `json:"rope_scaling,omitempty"`
	RopeParameters        *hfRope  `json:"rope_parameters,omitempty"` // transformers 5 has theta and scaling here
	TieWordEmbeddings     *bool    `json:"tie_word_embeddings,omitempty"`
	AttentionBias         *bool    `json:"attention_bias,omitempty"`
	MLPBias               *bool    `json:"mlp_bias,omitempty"`
	UseSlidingWindow      *bool    `json:"use_sliding_window,omitempty"`
	LayerTypes            []string `json:"layer_types,omitempty"`

	// Mixtures of experts: Qwen3-MoE's and the second generation's names, then the first generation's.
	NumExperts          *int     `json:"num_experts,omitempty"`
	NumLocalExperts     *int     `json:"num_local_experts,omitempty"` // what transformers 5 calls num_experts
	NumExpertsPerTok    *int     `json:"num_experts_per_tok,omitempty"`
	MoEIntermediateSize *int     `json:"moe_intermediate_size,omitempty"`
	NormTopKProb        *bool    `json:"norm_topk_prob,omitempty"`
	RouterAuxLossCoef   *float64 `json:"router_aux_loss_coef,omitempty"`
	DecoderSparseStep   *int     `json:"decoder_sparse_step,omitempty"`
	MLPOnlyLayers       []int    `json:"mlp_only_layers,omitempty"`
	NRoutedExperts      *int     `json:"n_routed_experts,omitempty"`
	NSharedExperts      *int     `json:"n_shared_experts,omitempty"`
	AuxLossAlpha        *float64 `json:"aux_loss_alpha,omitempty"`
	SeqAux              *bool    `json:"seq_aux,omitempty"`

	BosTokenID *int   `json:"bos_token_id,omitempty"`
	EosTokenID any    `json:"eos_token_id,omitempty"` // one or several
	PadTokenID *int   `json:"pad_token_id,omitempty"`
	TorchDType string `json:"torch_dtype,omitempty"`
}

// hfRope is rope_scaling, or rope_parameters.
type hfRope struct {
	RopeTheta                     *float64 `json:"rope_theta,omitempty"`
	RopeType                      string   `json:"rope_type,omitempty"`
	Type                          string   `json:"type,omitempty"` // the older name
	Factor                        float64  `json:"factor,omitempty"`
	OriginalMaxPositionEmbeddings int      `json:"original_max_position_embeddings,omitempty"`
	BetaFast                      *float64 `json:"beta_fast,omitempty"`
	BetaSlow                      *float64 `json:"beta_slow,omitempty"`
	AttentionFactor               *float64 `json:"attention_factor,omitempty"`
}

// class is a model class of transformers.
type class struct{ name, modelType string }

var (
	llama    = class{"LlamaForCausalLM", "llama"}
	qwen3    = class{"Qwen3ForCausalLM", "qwen3"}
	qwen3MoE = class{"Qwen3MoeForCausalLM", "qwen3_moe"}
	miniMind = class{"MiniMindForCausalLM", "minimind"} // MiniMind's own code, of either generation
)

// CheckClass says why a model is none of the classes that transformers and llama.cpp have, if so.
func CheckClass(m config.Model) error {
	_, err := classOf(m)
	return err
}

func classOf(m config.Model) (class, error) {
	switch {
	case m.MoE == nil && !m.QKNorm:
		return llama, nil
	case m.MoE == nil:
		return qwen3, nil
	case m.QKNorm && m.MoE.NumSharedExperts == 0:
		return qwen3MoE, nil
	case m.MoE.NumSharedExperts > 0:
		return class{}, fmt.Errorf("other programs have no class for a mixture with shared experts, as MiniMind's first generation has: export it as safetensors, which MiniMind's own code loads")
	}
	return class{}, fmt.Errorf("other programs have no class for a mixture of experts without QK-norm: export it as safetensors")
}

// Normalizes reports whether the chosen experts' weights are scaled to sum to one.
func Normalizes(e *config.MoE) bool {
	return e.NormTopKProb == "always" || e.NormTopKProb == "multi" && e.NumExpertsPerTok > 1
}

// hfConfigOf is the model's config.json, its weights being stored as d.
func hfConfigOf(m config.Model, tok *tokenizer.Tokenizer, d DType) (*hfConfig, error) {
	is, err := classOf(m)
	if err != nil {
		return nil, err
	}
	no := false
	c := &hfConfig{Architectures: []string{is.name}, ModelType: is.modelType, VocabSize: &m.VocabSize, HiddenSize: &m.HiddenSize,
		IntermediateSize: &m.IntermediateSize, NumHiddenLayers: &m.NumHiddenLayers, NumAttentionHeads: &m.NumAttentionHeads,
		NumKeyValueHeads: &m.NumKeyValueHeads, HeadDim: &m.HeadDim, HiddenAct: "silu", MaxPositionEmbeddings: &m.MaxPositionEmbeddings,
		RMSNormEps: &m.RMSNormEps, RopeTheta: &m.RopeTheta, TieWordEmbeddings: &m.TieWordEmbeddings, AttentionBias: &no,
		BosTokenID: id(tok.BOS()), PadTokenID: id(tok.Pad()),
		TorchDType: map[DType]string{F32: "float32", F16: "float16", BF16: "bfloat16"}[d]}
	if eos := id(tok.EOS()); eos != nil {
		c.EosTokenID = *eos
	}
	if s := m.RopeScaling; s != nil {
		if err := CheckYaRN(m); err != nil {
			return nil, err
		}
		factor := s.AttentionFactor
		if factor == 0 {
			factor = 1
		}
		c.RopeScaling = &hfRope{RopeType: s.Type, Type: s.Type, Factor: s.Factor, OriginalMaxPositionEmbeddings: s.OriginalMaxPositionEmbeddings,
			BetaFast: &s.BetaFast, BetaSlow: &s.BetaSlow, AttentionFactor: &factor}
	}
	switch is {
	case llama:
		c.MLPBias = &no
	case qwen3MoE:
		e, scaled, every := m.MoE, Normalizes(m.MoE), 1
		c.NumExperts, c.NumExpertsPerTok, c.MoEIntermediateSize = &e.NumExperts, &e.NumExpertsPerTok, &e.MoEIntermediateSize
		c.NormTopKProb, c.RouterAuxLossCoef, c.DecoderSparseStep = &scaled, &e.AuxCoef, &every
		if m.IntermediateSize == 0 { // the class wants one, though no layer is dense
			c.IntermediateSize = &e.MoEIntermediateSize
		}
	}
	return c, nil
}

// id is a token's id, nil for none.
func id(token int) *int {
	if token < 0 {
		return nil
	}
	return &token
}
