package interchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

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
	if own {
		return nil
	}
	return CheckYaRN(*m)
}

// CheckYaRN refuses the contexts for which other programs and MiniMind blend differently: MiniMind ends the blend at the
// last pair, transformers and llama.cpp let it go on beyond. The model must have RopeScaling.
func CheckYaRN(m config.Model) error {
	s, D := m.RopeScaling, float64(m.HeadDim)
	last := math.Ceil(D * math.Log(float64(s.OriginalMaxPositionEmbeddings)/(s.BetaSlow*2*math.Pi)) / (2 * math.Log(m.RopeTheta)))
	if last > D/2-1 {
		return fmt.Errorf("the rotation of base %g does not turn slowly enough for an original context of %d: the YaRN of other programs and MiniMind's differ there", m.RopeTheta, s.OriginalMaxPositionEmbeddings)
	}
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

// UnmarshalJSON refuses settings that it does not know: each would change the rotation.
func (r *hfRope) UnmarshalJSON(text []byte) error {
	type plain hfRope
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(r))
}
