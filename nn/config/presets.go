package config

import (
	"fmt"
	"strings"
)

// Named is a preset: a model under its name, with a line for listings.
type Named struct {
	Name        string
	Description string
	Model       Model
}

// Presets lists the published models of both generations, then the small ones for demos.
func Presets() []Named {
	// The first generation is shaped like Llama, the second like Qwen3; both share a vocabulary size and the rotation.
	llama := Model{VocabSize: 6400, HiddenSize: 512, NumHiddenLayers: 8, NumAttentionHeads: 8, NumKeyValueHeads: 2, HeadDim: 64,
		IntermediateSize: 1408, RMSNormEps: 1e-5, RopeTheta: 1e6, MaxPositionEmbeddings: 32768, TieWordEmbeddings: true}
	qwen := Model{VocabSize: 6400, HiddenSize: 768, NumHiddenLayers: 8, NumAttentionHeads: 8, NumKeyValueHeads: 4, HeadDim: 96,
		IntermediateSize: 2432, RMSNormEps: 1e-6, RopeTheta: 1e6, MaxPositionEmbeddings: 32768, TieWordEmbeddings: true, QKNorm: true}

	minimind2 := llama
	minimind2.HiddenSize, minimind2.NumHiddenLayers, minimind2.HeadDim, minimind2.IntermediateSize = 768, 16, 96, 2048

	minimind2MoE := llama
	minimind2MoE.HiddenSize, minimind2MoE.HeadDim, minimind2MoE.IntermediateSize = 640, 80, 1728
	minimind2MoE.MoE = minimind2MoE.PublishedMoE()

	minimind3MoE := qwen
	minimind3MoE.MoE = minimind3MoE.PublishedMoE()

	tiny := llama
	tiny.VocabSize, tiny.HiddenSize, tiny.NumHiddenLayers, tiny.IntermediateSize = 512, 128, 2, 384
	tiny.NumAttentionHeads, tiny.NumKeyValueHeads, tiny.HeadDim = 4, 2, 32

	small := llama
	small.VocabSize, small.HiddenSize, small.NumHiddenLayers, small.IntermediateSize = 2048, 256, 4, 704
	small.NumAttentionHeads, small.NumKeyValueHeads, small.HeadDim = 8, 4, 32

	return []Named{
		{"minimind2-small", "26M, first generation (Llama-shaped): the two-hour model", llama},
		{"minimind2", "104M, first generation, 16 layers", minimind2},
		{"minimind2-moe", "145M, first generation, 4 experts of which 2 are used, and a shared one", minimind2MoE},
		{"minimind3", "64M, second generation (Qwen3-shaped: QK-norm)", qwen},
		{"minimind3-moe", "198M, second generation, 4 experts of which 1 is used", minimind3MoE},
		{"tiny", "for demos: learns simple sentences in about a minute without a GPU", tiny},
		{"small", "for demos: a few minutes on any GPU", small},
	}
}

// PublishedMoE is the mixture of experts that the model's generation was published with, each as wide as the feed-forward.
func (m Model) PublishedMoE() *MoE {
	if m.QKNorm {
		return &MoE{NumExperts: 4, NumExpertsPerTok: 1, MoEIntermediateSize: m.IntermediateSize, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}
	}
	return &MoE{NumExperts: 4, NumExpertsPerTok: 2, NumSharedExperts: 1, MoEIntermediateSize: m.IntermediateSize,
		NormTopKProb: "multi", Aux: "sequence", AuxCoef: 0.01}
}

// Preset returns the named preset; the error for an unknown name lists the names and suggests the nearest.
func Preset(name string) (Model, error) {
	var names []string
	nearest, distance := "", len(name)/2+1 // further than that, a name is not a misspelling
	for _, p := range Presets() {
		if p.Name == name {
			return p.Model, nil
		}
		names = append(names, p.Name)
		if d := editDistance(name, p.Name); d < distance {
			nearest, distance = p.Name, d
		}
	}
	hint := ""
	if nearest != "" {
		hint = fmt.Sprintf(" Did you mean %q?", nearest)
	}
	return Model{}, fmt.Errorf("there is no preset %q.%s The presets are %s", name, hint, strings.Join(names, ", "))
}

// editDistance counts the insertions, deletions and replacements that turn a into b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1) // distances from the first i bytes of a to each prefix of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// FeedForwardWidth is the published rule for intermediate_size: 8/3 (first generation) or pi (second) times C, up to a
// multiple of 64.
func FeedForwardWidth(hiddenSize int, secondGeneration bool) int {
	width := hiddenSize * 8 / 3
	if secondGeneration {
		width = hiddenSize * 355 / 113
	}
	return (width + 63) / 64 * 64
}
