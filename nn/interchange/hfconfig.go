package interchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

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

// UnmarshalJSON refuses settings that it does not know: each would change the rotation.
func (r *hfRope) UnmarshalJSON(text []byte) error {
	type plain hfRope
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(r))
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

// ParseConfig reads a config.json of transformers' Llama, Qwen3 and Qwen3-MoE or of MiniMind's own class. The tensors
// tell what MiniMind's leaves open.
func ParseConfig(text []byte, tensors []*Tensor) (config.Model, error) {
	var c hfConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return config.Model{}, fmt.Errorf("config.json: %w", err)
	}
	m, err := c.model(tensors)
	if err != nil {
		return m, fmt.Errorf("config.json: %w", err)
	}
	return m, nil
}

func (c *hfConfig) model(tensors []*Tensor) (config.Model, error) {
	if err := c.checkKind(); err != nil {
		return config.Model{}, err
	}
	own := c.ModelType == miniMind.modelType
	var m config.Model
	if own { // its defaults, which a file may leave out, and what its code derives
		var err error
		if m, err = FromShapes(tensors); err != nil {
			return m, err
		}
	}
	for _, f := range []struct {
		name     string
		to, from *int
	}{
		{"vocab_size", &m.VocabSize, c.VocabSize}, {"hidden_size", &m.HiddenSize, c.HiddenSize},
		{"num_hidden_layers", &m.NumHiddenLayers, c.NumHiddenLayers}, {"num_attention_heads", &m.NumAttentionHeads, c.NumAttentionHeads},
		{"intermediate_size", &m.IntermediateSize, c.IntermediateSize}, {"max_position_embeddings", &m.MaxPositionEmbeddings, c.MaxPositionEmbeddings},
	} {
		if f.from != nil {
			*f.to = *f.from
		} else if !own {
			return m, fmt.Errorf("%s is missing", f.name)
		}
	}
	if c.RMSNormEps != nil {
		m.RMSNormEps = *c.RMSNormEps
	} else if !own {
		return m, fmt.Errorf("rms_norm_eps is missing")
	}
	if c.NumKeyValueHeads != nil {
		m.NumKeyValueHeads = *c.NumKeyValueHeads
	} else if !own {
		m.NumKeyValueHeads = m.NumAttentionHeads
	}
	switch {
	case c.HeadDim != nil:
		m.HeadDim = *c.HeadDim
	case m.NumAttentionHeads > 0:
		m.HeadDim = m.HiddenSize / m.NumAttentionHeads
	}
	if c.TieWordEmbeddings != nil {
		m.TieWordEmbeddings = *c.TieWordEmbeddings
	}
	if !own {
		m.QKNorm = c.ModelType != llama.modelType
	}
	if err := c.rope(&m, own); err != nil {
		return m, err
	}
	if own && m.MoE != nil || c.ModelType == qwen3MoE.modelType {
		return m, c.mixture(&m)
	}
	return m, nil
}

// checkKind refuses what this project's models cannot express.
func (c *hfConfig) checkKind() error {
	known := false
	for _, k := range []class{llama, qwen3, qwen3MoE, miniMind} {
		known = known || c.ModelType == k.modelType
	}
	set := func(b *bool) bool { return b != nil && *b }
	switch {
	case !known:
		return fmt.Errorf("model_type is %q: llama, qwen3, qwen3_moe and minimind can be imported", c.ModelType)
	case c.HiddenAct != "" && c.HiddenAct != "silu":
		return fmt.Errorf("hidden_act is %q: only silu is supported", c.HiddenAct)
	case set(c.AttentionBias), set(c.MLPBias):
		return fmt.Errorf("attention_bias or mlp_bias is true: linear layers have no bias here")
	case set(c.UseSlidingWindow):
		return fmt.Errorf("use_sliding_window is true: attention is to the whole context here")
	case len(c.MLPOnlyLayers) > 0, c.DecoderSparseStep != nil && *c.DecoderSparseStep != 1:
		return fmt.Errorf("only some layers are mixtures of experts (mlp_only_layers, decoder_sparse_step): here all or none are")
	}
	for _, t := range c.LayerTypes {
		if t != "full_attention" {
			return fmt.Errorf("layer_types has %q: attention is to the whole context here", t)
		}
	}
	return nil
}

// rope sets the rotation.
func (c *hfConfig) rope(m *config.Model, own bool) error {
	s := c.RopeScaling
	if m.RopeTheta == 0 {
		m.RopeTheta = 10000 // transformers' default
	}
	if c.RopeTheta != nil {
		m.RopeTheta = *c.RopeTheta
	}
	if p := c.RopeParameters; p != nil {
		if p.RopeTheta != nil {
			m.RopeTheta = *p.RopeTheta
		}
		s = p
	}
	if s == nil {
		return nil
	}
	kind := s.RopeType
	if kind == "" {
		kind = s.Type
	}
	switch kind {
	case "", "default":
		return nil
	case "yarn":
	default:
		return fmt.Errorf("rope_scaling is of type %q: only yarn is supported", kind)
	}
	y := &config.RopeScaling{Type: kind, Factor: s.Factor, OriginalMaxPositionEmbeddings: s.OriginalMaxPositionEmbeddings,
		BetaFast: 32, BetaSlow: 1, AttentionFactor: 1}
	if !own { // transformers' default
		y.AttentionFactor = 0.1*math.Log(s.Factor) + 1
	}
	set(&y.BetaFast, s.BetaFast)
	set(&y.BetaSlow, s.BetaSlow)
	set(&y.AttentionFactor, s.AttentionFactor)
	m.RopeScaling = y
	return nil
}

// mixture sets the experts. Those of MiniMind's own class are there already, from the tensors.
func (c *hfConfig) mixture(m *config.Model) error {
	if c.NumExperts == nil {
		c.NumExperts = c.NumLocalExperts
	}
	if m.MoE == nil {
		m.MoE = &config.MoE{NormTopKProb: "never", Aux: "batch", AuxCoef: 0.001} // transformers' defaults
		if c.NumExperts == nil || c.NumExpertsPerTok == nil || c.MoEIntermediateSize == nil {
			return fmt.Errorf("num_experts, num_experts_per_tok or moe_intermediate_size is missing")
		}
	}
	e := m.MoE
	set(&e.NumExperts, c.NumExperts)
	set(&e.NumExpertsPerTok, c.NumExpertsPerTok)
	set(&e.MoEIntermediateSize, c.MoEIntermediateSize)
	set(&e.AuxCoef, c.RouterAuxLossCoef)
	first := c.NRoutedExperts != nil // the first generation's names
	if first {
		set(&e.NumExperts, c.NRoutedExperts)
		set(&e.NumSharedExperts, c.NSharedExperts)
		set(&e.AuxCoef, c.AuxLossAlpha)
		e.Aux = "sequence"
		if c.SeqAux != nil && !*c.SeqAux {
			e.Aux = "batch"
		}
	}
	switch {
	case c.NormTopKProb == nil:
	case !*c.NormTopKProb:
		e.NormTopKProb = "never"
	case first:
		e.NormTopKProb = "multi"
	default:
		e.NormTopKProb = "always"
	}
	return nil
}

func set[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}
