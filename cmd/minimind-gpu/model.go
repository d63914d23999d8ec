//go:build !js

package main

import (
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// modelFlags change single fields of a preset. Those that are not given stay nil.
type modelFlags struct {
	HiddenSize            *int     `group:"Model" placeholder:"C" help:"Width of the model."`
	NumHiddenLayers       *int     `group:"Model" placeholder:"L" aliases:"n-layers" help:"Number of layers."`
	NumAttentionHeads     *int     `group:"Model" placeholder:"H" help:"Query heads."`
	NumKeyValueHeads      *int     `group:"Model" placeholder:"K" help:"Key/value heads; each serves H/K query heads."`
	HeadDim               *int     `group:"Model" placeholder:"D" help:"Size of a head; C/H if C or H is given."`
	IntermediateSize      *int     `group:"Model" placeholder:"F" help:"Width of the feed-forward; the generation's rule if C is given."`
	RMSNormEps            *float64 `group:"Model" name:"rms-norm-eps" placeholder:"EPS" help:"Epsilon of the norms."`
	RopeTheta             *float64 `group:"Model" placeholder:"THETA" help:"Base of the rotary embedding."`
	MaxPositionEmbeddings *int     `group:"Model" placeholder:"T" help:"Longest context."`
	TieWordEmbeddings     *bool    `group:"Model" negatable:"" help:"The output head is the embedding."`
	QKNorm                *bool    `group:"Model" name:"qk-norm" negatable:"" help:"Norm over each head's queries and keys."`
	UseMoE                *bool    `group:"Model" name:"use-moe" negatable:"" help:"A mixture of experts in place of the feed-forward: that of the preset's generation."`
	NumExperts            *int     `group:"Model" placeholder:"E" aliases:"n-routed-experts" help:"Experts that a router chooses among."`
	NumExpertsPerTok      *int     `group:"Model" placeholder:"N" help:"Experts that each token is sent to."`
	NumSharedExperts      *int     `group:"Model" placeholder:"N" aliases:"n-shared-experts" help:"Experts that see every token."`
	MoEIntermediateSize   *int     `group:"Model" name:"moe-intermediate-size" placeholder:"F" help:"Width of each expert; that of a feed-forward if C or F is given."`
	AuxCoef               *float64 `group:"Model" placeholder:"ALPHA" aliases:"aux-loss-alpha,router-aux-loss-coef" help:"Weight of the loss that keeps experts evenly used."`
	ropeFlags             `embed:""`
}

// ropeFlags stretch the rotary embedding. Those that are not given stay nil.
type ropeFlags struct {
	RopeScaling         *float64 `group:"Model" placeholder:"FACTOR" help:"Stretch the rotary embedding, by YaRN, to so many times the original context: 16 is published, 1 leaves it."`
	RopeScalingOriginal *int     `group:"Model" placeholder:"T" help:"The original context of --rope-scaling, in tokens. Default: 2048."`
}

// apply changes the model's rotary embedding as the flags say.
func (f ropeFlags) apply(m *config.Model) error {
	if f.RopeScaling == nil && f.RopeScalingOriginal == nil {
		return nil
	}
	factor, original := 1.0, 2048
	if m.RopeScaling != nil {
		factor, original = m.RopeScaling.Factor, m.RopeScaling.OriginalMaxPositionEmbeddings
	}
	set(&factor, f.RopeScaling)
	set(&original, f.RopeScalingOriginal)
	m.RopeScaling = nil
	if factor != 1 {
		m.RopeScaling = config.YaRN(factor, original)
		m.MaxPositionEmbeddings = max(m.MaxPositionEmbeddings, int(min(factor*float64(original), 1<<20)))
	} else if f.RopeScalingOriginal != nil {
		return fmt.Errorf("--rope-scaling-original is %d, but nothing is stretched: give --rope-scaling, too", original)
	}
	return possible(*m)
}

// model is the preset with the given fields and the vocabulary of the tokenizer, checked.
func (f *modelFlags) model(preset string, vocabSize int) (config.Model, error) {
	m, err := config.Preset(preset)
	if err != nil {
		return m, err
	}
	set(&m.HiddenSize, f.HiddenSize)
	set(&m.NumHiddenLayers, f.NumHiddenLayers)
	set(&m.NumAttentionHeads, f.NumAttentionHeads)
	set(&m.NumKeyValueHeads, f.NumKeyValueHeads)
	if (f.HiddenSize != nil || f.NumAttentionHeads != nil) && m.NumAttentionHeads > 0 {
		if m.HiddenSize%m.NumAttentionHeads != 0 && f.HeadDim == nil {
			return m, fmt.Errorf("hidden_size is %d and num_attention_heads is %d: the first must be a multiple of the second, or --head-dim be given",
				m.HiddenSize, m.NumAttentionHeads)
		}
		m.HeadDim = m.HiddenSize / m.NumAttentionHeads
	}
	if f.HiddenSize != nil {
		m.IntermediateSize = config.FeedForwardWidth(m.HiddenSize, m.QKNorm)
	}
	set(&m.HeadDim, f.HeadDim)
	set(&m.IntermediateSize, f.IntermediateSize)
	set(&m.RMSNormEps, f.RMSNormEps)
	set(&m.RopeTheta, f.RopeTheta)
	set(&m.MaxPositionEmbeddings, f.MaxPositionEmbeddings)
	set(&m.TieWordEmbeddings, f.TieWordEmbeddings)
	set(&m.QKNorm, f.QKNorm)
	m.VocabSize = vocabSize
	if err := f.experts(preset, &m); err != nil {
		return m, err
	}
	if err := f.ropeFlags.apply(&m); err != nil {
		return m, err
	}
	return m, possible(m)
}

// experts changes the model's mixture of experts as the flags say.
func (f *modelFlags) experts(preset string, m *config.Model) error {
	if f.UseMoE != nil && !*f.UseMoE {
		m.MoE = nil
	} else if f.UseMoE != nil && m.MoE == nil {
		m.MoE = m.PublishedMoE()
	}
	if m.MoE == nil {
		if f.NumExperts != nil || f.NumExpertsPerTok != nil || f.NumSharedExperts != nil || f.MoEIntermediateSize != nil || f.AuxCoef != nil {
			return fmt.Errorf("%s without --use-moe has no experts to set the number, width or balance of: give --use-moe, or a preset with experts (minimind2-moe, minimind3-moe)", preset)
		}
		return nil
	}
	if f.HiddenSize != nil || f.IntermediateSize != nil {
		m.MoE.MoEIntermediateSize = m.IntermediateSize
	}
	set(&m.MoE.NumExperts, f.NumExperts)
	set(&m.MoE.NumExpertsPerTok, f.NumExpertsPerTok)
	set(&m.MoE.NumSharedExperts, f.NumSharedExperts)
	set(&m.MoE.MoEIntermediateSize, f.MoEIntermediateSize)
	set(&m.MoE.AuxCoef, f.AuxCoef)
	return nil
}

// possible says why a model cannot be.
func possible(m config.Model) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("this model cannot be: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

func set[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}

// fill sets every flag to the model's value, so that the recorded settings say all.
func (f *modelFlags) fill(m config.Model) {
	mixture := m.MoE != nil
	*f = modelFlags{HiddenSize: &m.HiddenSize, NumHiddenLayers: &m.NumHiddenLayers, NumAttentionHeads: &m.NumAttentionHeads,
		NumKeyValueHeads: &m.NumKeyValueHeads, HeadDim: &m.HeadDim, IntermediateSize: &m.IntermediateSize, RMSNormEps: &m.RMSNormEps,
		RopeTheta: &m.RopeTheta, MaxPositionEmbeddings: &m.MaxPositionEmbeddings, TieWordEmbeddings: &m.TieWordEmbeddings, QKNorm: &m.QKNorm, UseMoE: &mixture}
	if e := m.MoE; mixture {
		f.NumExperts, f.NumExpertsPerTok, f.NumSharedExperts = &e.NumExperts, &e.NumExpertsPerTok, &e.NumSharedExperts
		f.MoEIntermediateSize, f.AuxCoef = &e.MoEIntermediateSize, &e.AuxCoef
	}
	if s := m.RopeScaling; s != nil {
		f.RopeScaling, f.RopeScalingOriginal = &s.Factor, &s.OriginalMaxPositionEmbeddings
	}
}
