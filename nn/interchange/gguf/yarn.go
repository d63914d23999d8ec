package gguf

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
)

// llama.cpp blends frequencies by YaRN as transformers does, for this family's architectures always between 32 and 1 turns
// in the original context. Besides, it multiplies both tables by yarnMagnitude, as YaRN's paper proposes and MiniMind does
// not, and by rope.scaling.attn_factor: with 1/yarnMagnitude the two cancel.

// yarnMagnitude is by how much YaRN's paper enlarges queries and keys: 0.1 ln(factor) + 1.
func yarnMagnitude(factor float64) float64 { return 0.1*math.Log(factor) + 1 }

// checkYaRN says where llama.cpp's rotation differs.
func checkYaRN(c config.Model) error {
	s := c.RopeScaling
	if s == nil {
		return nil
	}
	if s.BetaFast != 32 || s.BetaSlow != 1 {
		return fmt.Errorf("this model's YaRN has beta_fast %v and beta_slow %v, and llama.cpp always 32 and 1: export it as hf", s.BetaFast, s.BetaSlow)
	}
	return interchange.CheckYaRN(c)
}

// setYaRN writes how the context is stretched; set is for a setting of the architecture.
func setYaRN(set func(name string, value any), s *config.RopeScaling) {
	if s == nil {
		return
	}
	set("rope.scaling.type", "yarn")
	set("rope.scaling.factor", s.Factor)
	set("rope.scaling.original_context_length", s.OriginalMaxPositionEmbeddings)
	set("rope.scaling.attn_factor", cmp.Or(s.AttentionFactor, 1)/yarnMagnitude(s.Factor))
}

// yarn reads how a model's context is stretched, nil for not at all.
func (s settings) yarn(arch string) (*config.RopeScaling, error) {
	const scaling = ".rope.scaling."
	switch kind, _ := s[arch+scaling+"type"].(string); kind {
	case "", "none":
		return nil, nil
	case "yarn":
	default:
		return nil, fmt.Errorf("its context is stretched by %q (%s%stype): only yarn can be taken over", kind, arch, scaling)
	}
	factor, err1 := setting[float64](s, arch+scaling+"factor")
	original, err2 := setting[int64](s, arch+scaling+"original_context_length")
	y := config.YaRN(decimal(factor), int(original))
	if attention, ok := s[arch+scaling+"attn_factor"].(float64); ok {
		y.AttentionFactor = attentionFactor(y.Factor, attention)
	} else {
		y.AttentionFactor = yarnMagnitude(y.Factor)
	}
	return y, errors.Join(err1, err2)
}

// attentionFactor is the shortest decimal of which setYaRN makes the given attn_factor: 1 was meant, not 0.99999996.
func attentionFactor(factor, attn float64) float64 {
	whole := attn * yarnMagnitude(factor)
	for digits := 1; attn != 1 && digits < 17; digits++ {
		v, _ := strconv.ParseFloat(strconv.FormatFloat(whole, 'g', digits, 64), 64)
		if float32(v/yarnMagnitude(factor)) == float32(attn) {
			return v
		}
	}
	return whole
}
