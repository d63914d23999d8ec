// Package config describes the models of the MiniMind family: one struct with Hugging Face's field names, what follows
// from it (parameter names and shapes, counts, FLOPs, rotary tables), the checks on it, and the table of presets.
//
// It is plain data and arithmetic, without a device, so that planning, checkpoints and the command line can share it.
package config

import "fmt"

//go:generate go run github.com/tinylib/msgp -io=false -tests=false
//msgp:ignore Parameter

// Model is a decoder-only transformer's configuration. Letters in comments: C hidden_size, F intermediate_size,
// V vocab_size, H num_attention_heads, K num_key_value_heads, D head_dim.
type Model struct {
	VocabSize             int          `json:"vocab_size" yaml:"vocab_size" msg:"vocab_size"`
	HiddenSize            int          `json:"hidden_size" yaml:"hidden_size" msg:"hidden_size"`
	NumHiddenLayers       int          `json:"num_hidden_layers" yaml:"num_hidden_layers" msg:"num_hidden_layers"`
	NumAttentionHeads     int          `json:"num_attention_heads" yaml:"num_attention_heads" msg:"num_attention_heads"`
	NumKeyValueHeads      int          `json:"num_key_value_heads" yaml:"num_key_value_heads" msg:"num_key_value_heads"`
	HeadDim               int          `json:"head_dim" yaml:"head_dim" msg:"head_dim"`
	IntermediateSize      int          `json:"intermediate_size" yaml:"intermediate_size" msg:"intermediate_size"`
	RMSNormEps            float64      `json:"rms_norm_eps" yaml:"rms_norm_eps" msg:"rms_norm_eps"`
	RopeTheta             float64      `json:"rope_theta" yaml:"rope_theta" msg:"rope_theta"`
	MaxPositionEmbeddings int          `json:"max_position_embeddings" yaml:"max_position_embeddings" msg:"max_position_embeddings"`
	TieWordEmbeddings     bool         `json:"tie_word_embeddings" yaml:"tie_word_embeddings" msg:"tie_word_embeddings"` // the output head is the embedding
	QKNorm                bool         `json:"qk_norm" yaml:"qk_norm" msg:"qk_norm"`                                     // RMSNorm over each query's and key's head, before the rotation
	RopeScaling           *RopeScaling `json:"rope_scaling" yaml:"rope_scaling" msg:"rope_scaling"`                      // nil: the plain rotation
	MoE                   *MoE         `json:"moe" yaml:"moe" msg:"moe"`                                                 // nil: a dense feed-forward
}

// RopeScaling stretches the rotary embedding beyond the context it was trained on, by YaRN.
type RopeScaling struct {
	Type                          string  `json:"type" yaml:"type" msg:"type"` // "yarn"
	Factor                        float64 `json:"factor" yaml:"factor" msg:"factor"`
	OriginalMaxPositionEmbeddings int     `json:"original_max_position_embeddings" yaml:"original_max_position_embeddings" msg:"original_max_position_embeddings"`
	BetaFast                      float64 `json:"beta_fast" yaml:"beta_fast" msg:"beta_fast"`
	BetaSlow                      float64 `json:"beta_slow" yaml:"beta_slow" msg:"beta_slow"`
	AttentionFactor               float64 `json:"attention_factor" yaml:"attention_factor" msg:"attention_factor"` // multiplies both tables; 0 stands for 1
}

// MoE replaces each layer's feed-forward by a mixture of experts.
type MoE struct {
	NumExperts          int     `json:"num_experts" yaml:"num_experts" msg:"num_experts"`
	NumExpertsPerTok    int     `json:"num_experts_per_tok" yaml:"num_experts_per_tok" msg:"num_experts_per_tok"`
	NumSharedExperts    int     `json:"num_shared_experts" yaml:"num_shared_experts" msg:"num_shared_experts"` // see every token
	MoEIntermediateSize int     `json:"moe_intermediate_size" yaml:"moe_intermediate_size" msg:"moe_intermediate_size"`
	NormTopKProb        string  `json:"norm_topk_prob" yaml:"norm_topk_prob" msg:"norm_topk_prob"` // the chosen weights are scaled to sum to one: "always", "multi" (if more than one) or "never"
	Aux                 string  `json:"aux" yaml:"aux" msg:"aux"`                                  // balance is measured per "sequence" or per "batch"
	AuxCoef             float64 `json:"aux_coef" yaml:"aux_coef" msg:"aux_coef"`
}

// LoRA sets a model's low-rank adapters (Hu et al., 2021): beside the frozen weight W of a linear layer stand A (rank, in)
// and B (out, rank), and the layer computes W x + Alpha/Rank * B A x.
type LoRA struct {
	Rank    int     `json:"rank" yaml:"rank" msg:"rank"`          // a multiple of 4; 0: no adapters
	Alpha   float64 `json:"alpha" yaml:"alpha" msg:"alpha"`       // 0 stands for Rank, a factor of 1, as MiniMind has it
	Targets string  `json:"targets" yaml:"targets" msg:"targets"` // linear layers by their last name, with commas: "q_proj,o_proj"
}

// Parameter is one trainable tensor, row-major; the weight of a linear layer is [out, in].
type Parameter struct {
	Name  string
	Shape []int
}

// Elements is the number of values in the parameter.
func (p Parameter) Elements() int64 {
	n := int64(1)
	for _, d := range p.Shape {
		n *= int64(d)
	}
	return n
}

// Parameters lists the trainable tensors in state-dict order. A tied output head is not listed.
func (m Model) Parameters() []Parameter {
	c, d := m.HiddenSize, m.HeadDim
	q, kv := m.NumAttentionHeads*d, m.NumKeyValueHeads*d
	var list []Parameter
	add := func(name string, shape ...int) { list = append(list, Parameter{name, shape}) }
	feedForward := func(prefix string, f int) {
		add(prefix+"gate_proj.weight", f, c)
		add(prefix+"up_proj.weight", f, c)
		add(prefix+"down_proj.weight", c, f)
	}

	add("model.embed_tokens.weight", m.VocabSize, c)
	for i := range m.NumHiddenLayers {
		layer := fmt.Sprintf("model.layers.%d.", i)
		add(layer+"self_attn.q_proj.weight", q, c)
		add(layer+"self_attn.k_proj.weight", kv, c)
		add(layer+"self_attn.v_proj.weight", kv, c)
		add(layer+"self_attn.o_proj.weight", c, q)
		if m.QKNorm {
			add(layer+"self_attn.q_norm.weight", d)
			add(layer+"self_attn.k_norm.weight", d)
		}
		add(layer+"input_layernorm.weight", c)
		add(layer+"post_attention_layernorm.weight", c)
		if m.MoE == nil {
			feedForward(layer+"mlp.", m.IntermediateSize)
			continue
		}
		add(layer+"mlp.gate.weight", m.MoE.NumExperts, c)
		for e := range m.MoE.NumExperts {
			feedForward(fmt.Sprintf("%smlp.experts.%d.", layer, e), m.MoE.MoEIntermediateSize)
		}
		for e := range m.MoE.NumSharedExperts {
			feedForward(fmt.Sprintf("%smlp.shared_experts.%d.", layer, e), m.MoE.MoEIntermediateSize)
		}
	}
	add("model.norm.weight", c)
	if !m.TieWordEmbeddings {
		add("lm_head.weight", m.VocabSize, c)
	}
	return list
}

// NumParameters counts every trainable value once; a tied head is the embedding.
func (m Model) NumParameters() int64 {
	var n int64
	for _, p := range m.Parameters() {
		n += p.Elements()
	}
	return n
}

// ActiveParameters counts the values that one token passes: of a mixture's routed experts, only the chosen ones.
func (m Model) ActiveParameters() int64 {
	return m.NumParameters() - m.idleParameters()
}

// FeedForwardWidth is F: of the feed-forward, or of each expert.
func (m Model) FeedForwardWidth() int {
	if m.MoE != nil {
		return m.MoE.MoEIntermediateSize
	}
	return m.IntermediateSize
}

// Experts counts those of all layers that a router chooses among.
func (m Model) Experts() int {
	if m.MoE == nil {
		return 0
	}
	return m.NumHiddenLayers * m.MoE.NumExperts
}

// idleParameters counts the values of the routed experts that a token is not sent to.
func (m Model) idleParameters() int64 {
	if m.MoE == nil {
		return 0
	}
	expert := 3 * int64(m.HiddenSize) * int64(m.MoE.MoEIntermediateSize)
	return int64(m.NumHiddenLayers) * int64(m.MoE.NumExperts-m.MoE.NumExpertsPerTok) * expert
}

// FlopsPerToken is the floating-point operations that training spends on each token of a row of T: forward and
// backward, three times the forward.
func (m Model) FlopsPerToken(T int) float64 { return 3 * m.ForwardFlopsPerToken(T) }

// ForwardFlopsPerToken is those of the forward pass: a multiply-add is two; causal attention counts half the square.
func (m Model) ForwardFlopsPerToken(T int) float64 {
	// Scores and the weighted sum: 2*T*H*D operations each, half of them above the diagonal.
	attention := 2 * float64(T) * float64(m.NumHiddenLayers*m.NumAttentionHeads*m.HeadDim)
	return 2*m.multiplied() + attention
}

// LoRAFlopsPerToken is those of training adapters alone: the frozen weights hand gradients on and have none themselves.
func (m Model) LoRAFlopsPerToken(l LoRA, T int) float64 {
	adapters := int64(0)
	for _, p := range m.AdapterParameters(l) {
		adapters += p.Elements()
	}
	return m.FlopsPerToken(T) - 2*m.multiplied() + 6*float64(adapters)
}

// multiplied counts the values that each token is multiplied with.
func (m Model) multiplied() float64 {
	n := -m.idleParameters()
	for _, p := range m.Parameters() {
		lookup := p.Name == "model.embed_tokens.weight" && !m.TieWordEmbeddings
		if len(p.Shape) == 2 && !lookup {
			n += p.Elements()
		}
	}
	return float64(n)
}
