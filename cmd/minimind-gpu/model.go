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
	if err := m.Validate(); err != nil {
		return m, fmt.Errorf("this model cannot be: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return m, nil
}

func set[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}

// fill sets every flag to the model's value, so that the recorded settings say all.
func (f *modelFlags) fill(m config.Model) {
	*f = modelFlags{&m.HiddenSize, &m.NumHiddenLayers, &m.NumAttentionHeads, &m.NumKeyValueHeads, &m.HeadDim,
		&m.IntermediateSize, &m.RMSNormEps, &m.RopeTheta, &m.MaxPositionEmbeddings, &m.TieWordEmbeddings, &m.QKNorm}
}
