package interchange

import (
	"errors"
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// FromShapes tells a MiniMind model's configuration from its tensors, as MiniMind's own files hold nothing else. What
// shapes leave open is as MiniMind publishes its models: 8 query heads in the first generation, epsilon, rotation and
// how experts are chosen in both.
func FromShapes(tensors []*Tensor) (config.Model, error) {
	byName, err := named(tensors)
	if err != nil {
		return config.Model{}, err
	}
	if err := checkNames(byName); err != nil {
		return config.Model{}, err
	}
	shape := func(name string, dimensions int) []int {
		t := byName[name]
		switch {
		case t == nil:
			err = errors.Join(err, fmt.Errorf("%s is missing: not a MiniMind model", name))
		case len(t.Shape) != dimensions:
			err = errors.Join(err, fmt.Errorf("%s has the shape %v, want %d dimensions", name, t.Shape, dimensions))
		default:
			return t.Shape
		}
		return make([]int, dimensions)
	}
	embedding := shape(embeddingName, 2)
	q := shape("model.layers.0.self_attn.q_proj.weight", 2)[0]
	kv := shape("model.layers.0.self_attn.k_proj.weight", 2)[0]
	if err != nil {
		return config.Model{}, err
	}
	m := config.Model{VocabSize: embedding[0], HiddenSize: embedding[1], NumAttentionHeads: 8, RMSNormEps: 1e-5, RopeTheta: 1e6,
		MaxPositionEmbeddings: 32768, TieWordEmbeddings: true}
	m.NumHiddenLayers = count(byName, "model.layers.%d.input_layernorm.weight")
	m.HeadDim = q / m.NumAttentionHeads
	if norm := byName["model.layers.0.self_attn.q_norm.weight"]; norm != nil { // the second generation
		m.QKNorm, m.RMSNormEps = true, 1e-6
		m.HeadDim = shape(norm.Name, 1)[0]
		m.NumAttentionHeads = q / max(m.HeadDim, 1)
	}
	m.NumKeyValueHeads = kv / max(m.HeadDim, 1)
	if head := byName[headName]; head != nil {
		if m.TieWordEmbeddings, err = sameValues(head, byName[embeddingName]); err != nil {
			return m, err
		}
	}
	const mlp = "model.layers.0.mlp."
	experts := count(byName, mlp+"experts.%d.gate_proj.weight")
	if experts == 0 {
		m.IntermediateSize = shape(mlp+"gate_proj.weight", 2)[0]
		return m, err
	}
	width := shape(mlp+"experts.0.gate_proj.weight", 2)[0]
	m.IntermediateSize = width
	m.MoE = &config.MoE{NumExperts: experts, NumExpertsPerTok: 1, MoEIntermediateSize: width, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}
	if shared := count(byName, mlp+"shared_experts.%d.gate_proj.weight"); shared > 0 || !m.QKNorm {
		*m.MoE = config.MoE{NumExperts: experts, NumExpertsPerTok: min(2, experts), NumSharedExperts: shared, MoEIntermediateSize: width,
			NormTopKProb: "multi", Aux: "sequence", AuxCoef: 0.01}
	}
	return m, err
}

// count is how many names of the pattern there are, from 0 without a gap.
func count(byName map[string]*Tensor, pattern string) int {
	n := 0
	for byName[fmt.Sprintf(pattern, n)] != nil {
		n++
	}
	return n
}

// checkNames recognises what is MiniMind's but no model that can be imported.
func checkNames(byName map[string]*Tensor) error {
	if byName["tok_embeddings.weight"] != nil {
		return errors.New("this is a MiniMind model of before April 2025 (its embedding is tok_embeddings.weight): its rotary embedding turns other pairs, so the weights mean nothing here. MiniMind2 of April 2025 and later, and minimind-3, can be imported")
	}
	for name := range byName {
		if strings.Contains(name, ".lora.") {
			return fmt.Errorf("this file holds LoRA adapters (%s) among the weights of a model: merge them into these first", name)
		}
	}
	return nil
}
