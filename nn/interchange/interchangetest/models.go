// Package interchangetest makes models of every kind, a few hundred kilobytes each, for the tests of the formats.
package interchangetest

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
)

// Models are small models with the vocabulary of the corpus, by kind.
func Models() map[string]config.Model {
	llama := config.Model{VocabSize: 512, HiddenSize: 64, NumHiddenLayers: 2, NumAttentionHeads: 4, NumKeyValueHeads: 2, HeadDim: 16,
		IntermediateSize: 96, RMSNormEps: 1e-5, RopeTheta: 1e6, MaxPositionEmbeddings: 64, TieWordEmbeddings: true}
	untied, yarn, qwen3, shared := llama, llama, llama, llama
	untied.TieWordEmbeddings = false
	yarn.RopeScaling = &config.RopeScaling{Type: "yarn", Factor: 4, OriginalMaxPositionEmbeddings: 16, BetaFast: 32, BetaSlow: 1, AttentionFactor: 1}
	qwen3.QKNorm, qwen3.RMSNormEps, qwen3.HeadDim = true, 1e-6, 24 // a head is not hidden_size / heads
	shared.MoE = &config.MoE{NumExperts: 4, NumExpertsPerTok: 2, NumSharedExperts: 1, MoEIntermediateSize: 96, NormTopKProb: "multi", Aux: "sequence", AuxCoef: 0.01}
	moe, two, llamaMoE := qwen3, qwen3, llama
	moe.MoE = &config.MoE{NumExperts: 4, NumExpertsPerTok: 1, MoEIntermediateSize: 96, NormTopKProb: "always", Aux: "batch", AuxCoef: 5e-4}
	two.MoE = &config.MoE{NumExperts: 6, NumExpertsPerTok: 2, MoEIntermediateSize: 32, NormTopKProb: "multi", Aux: "batch", AuxCoef: 1e-3}
	two.TieWordEmbeddings = false
	llamaMoE.MoE = moe.MoE
	return map[string]config.Model{"llama": llama, "untied": untied, "yarn": yarn, "qwen3": qwen3, "shared_moe": shared,
		"qwen3_moe": moe, "qwen3_moe_of_two": two, "llama_moe": llamaMoE}
}

// Checkpoint is a checkpoint of the model's weights, as an import makes it, drawn at random. Unless they are to be
// fine, values have 4 significant bits, so that they are the same in every type of 16 bits.
func Checkpoint(c config.Model, fine bool) []byte {
	return write(header(c, checkpoint.GroupParameter, c.Parameters()), fine, nil)
}

// Edited is a fine checkpoint of which edit may change each parameter's values (float32, little-endian).
func Edited(c config.Model, edit func(name string, values []byte)) []byte {
	return write(header(c, checkpoint.GroupParameter, c.Parameters()), true, edit)
}

// Adapters is a checkpoint of adapters alone.
func Adapters(c config.Model, l config.LoRA) []byte {
	h := header(c, checkpoint.GroupAdapter, c.AdapterParameters(l))
	h.Adapter = &checkpoint.Adapter{LoRA: l, Base: "0123"}
	return write(h, true, nil)
}

func header(c config.Model, group string, parameters []config.Parameter) *checkpoint.Header {
	var tok bytes.Buffer
	check(corpus.Tokenizer().WriteJSON(&tok))
	return &checkpoint.Header{Model: c, Tokenizer: tok.Bytes(), TokenizerHash: corpus.Tokenizer().Hash(),
		State: checkpoint.State{BestValidationLoss: math.Inf(1)}, Tensors: checkpoint.TensorsOf(parameters, group)}
}

func write(h *checkpoint.Header, fine bool, edit func(string, []byte)) []byte {
	var file bytes.Buffer
	w, err := checkpoint.NewWriter(&file, h)
	check(err)
	draw := rand.New(rand.NewPCG(1, 2))
	for _, t := range h.Tensors {
		values := make([]byte, 0, t.Bytes)
		for range t.Bytes / 4 {
			v := float32(draw.NormFloat64() / 8)
			if len(t.Shape) == 1 {
				v += 1
			}
			if !fine {
				mantissa, exponent := math.Frexp(float64(v))
				v = float32(math.Ldexp(math.Round(mantissa*16), max(exponent, -8)-4))
			}
			values = binary.LittleEndian.AppendUint32(values, math.Float32bits(v))
		}
		if edit != nil {
			edit(t.Name, values)
		}
		check(w.Tensor(values))
	}
	check(w.Close())
	return file.Bytes()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Fixture is a checkpoint of the values in the files that testdata/make.py of the formats make.
func Fixture(c config.Model) []byte {
	return Edited(c, func(name string, values []byte) { copy(values, FixtureValues(name, len(values)/4)) })
}

// FixtureValues are those of a parameter: element i is ((37*i + 11*len(name)) % 255 - 127) / 256, norms are 1 more.
func FixtureValues(name string, n int) []byte {
	norm := float32(0)
	if strings.HasSuffix(name, "norm.weight") {
		norm = 1
	}
	var values []byte
	for i := range n {
		v := float32((37*i+11*len(name))%255-127)/256 + norm
		values = binary.LittleEndian.AppendUint32(values, math.Float32bits(v))
	}
	return values
}
