//go:build js

package main

import (
	"cmp"
	"encoding/json"
	"reflect"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// settings are what the page's controls say, under the names of the program's flags. Sizes that are 0 are the preset's.
type settings struct {
	Stage             string  `json:"stage"` // pretrain, or one that goes on from the present model
	Preset            string  `json:"preset"`
	HiddenSize        int     `json:"hidden_size"`
	NumHiddenLayers   int     `json:"num_hidden_layers"`
	NumAttentionHeads int     `json:"num_attention_heads"`
	NumKeyValueHeads  int     `json:"num_key_value_heads"`
	LearningRate      float64 `json:"learning_rate"`
	Schedule          string  `json:"schedule"`
	MinLRRatio        float64 `json:"min_lr_ratio"`
	Warmup            float64 `json:"warmup"`
	Epochs            int     `json:"epochs"`
	MaxSteps          int     `json:"max_steps"` // 0: all of the epochs
	BatchSize         int     `json:"batch_size"`
	AccumulationSteps int     `json:"accumulation_steps"`
	MaxSeqLen         int     `json:"max_seq_len"`
	WeightDecay       float64 `json:"weight_decay"`
	GradClip          float64 `json:"grad_clip"`
	Seed              uint64  `json:"seed"`
	ValidationShare   float64 `json:"validation_share"`
	Rank              int     `json:"rank,omitempty"`  // of lora's adapters
	Alpha             float64 `json:"alpha,omitempty"` // 0: the rank
}

// The stages that the page knows: learning to write, from texts, and to answer, from conversations, with all weights or
// with adapters beside them.
const (
	pretrain = "pretrain"
	sft      = "sft"
	lora     = "lora"
)

// converses says that a stage learns from conversations. It goes on from a model that can write.
func converses(stage string) bool { return stage != pretrain }

func parseSettings(text string) (s settings, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, worded("these settings cannot be read: %w", err)
	}
	if s.Stage != lora {
		s.Rank, s.Alpha = 0, 0
	}
	return s, nil
}

// model is the preset with the page's sizes and the vocabulary of the tokenizer.
func (s settings) model(vocabSize int) (config.Model, error) {
	m, err := config.Preset(s.Preset)
	if err != nil {
		return m, err
	}
	set := func(field *int, value int) {
		if value != 0 {
			*field = value
		}
	}
	set(&m.HiddenSize, s.HiddenSize)
	set(&m.NumHiddenLayers, s.NumHiddenLayers)
	set(&m.NumAttentionHeads, s.NumAttentionHeads)
	set(&m.NumKeyValueHeads, s.NumKeyValueHeads)
	if s.HiddenSize != 0 || s.NumAttentionHeads != 0 {
		if m.NumAttentionHeads < 1 || m.HiddenSize%m.NumAttentionHeads != 0 {
			return m, worded("hidden_size is %d and num_attention_heads is %d: the first must be a multiple of the second", m.HiddenSize, m.NumAttentionHeads)
		}
		m.HeadDim = m.HiddenSize / m.NumAttentionHeads
	}
	if s.HiddenSize != 0 {
		m.IntermediateSize = config.FeedForwardWidth(m.HiddenSize, m.QKNorm)
	}
	m.VocabSize = vocabSize
	return m, m.Validate()
}

// config is the run's; what the page has no control for is as the program's flags have it by default.
func (s settings) config() (train.Config, error) {
	c := train.Config{Stage: s.Stage,
		LearningRate: s.LearningRate, LRSchedule: s.Schedule, MinLRRatio: s.MinLRRatio, Warmup: s.Warmup,
		Epochs: s.Epochs, MaxSteps: s.MaxSteps, BatchSize: s.BatchSize, AccumulationSteps: s.AccumulationSteps, MaxSeqLen: s.MaxSeqLen,
		GradClip: s.GradClip, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: s.WeightDecay, Seed: s.Seed, ValidationShare: s.ValidationShare,
	}
	if s.Stage == lora {
		c.LoRA = config.LoRA{Rank: s.Rank, Alpha: s.Alpha, Targets: config.Model{}.DefaultLoRA().Targets}
	}
	switch s.Schedule {
	case "wsd":
		c.Decay = 0.2
	case "constant":
		c.MinLRRatio = 1
	}
	return c, c.Validate()
}

// settingsOf are the controls' values for a run that was begun elsewhere.
func settingsOf(m config.Model, c train.Config) settings {
	s := settings{Stage: cmp.Or(c.Stage, pretrain), Preset: "tiny",
		HiddenSize: m.HiddenSize, NumHiddenLayers: m.NumHiddenLayers, NumAttentionHeads: m.NumAttentionHeads, NumKeyValueHeads: m.NumKeyValueHeads,
		LearningRate: c.LearningRate, Schedule: c.LRSchedule, MinLRRatio: c.MinLRRatio, Warmup: c.Warmup,
		Epochs: c.Epochs, MaxSteps: c.MaxSteps, BatchSize: c.BatchSize, AccumulationSteps: c.AccumulationSteps, MaxSeqLen: c.MaxSeqLen,
		WeightDecay: c.WeightDecay, GradClip: c.GradClip, Seed: c.Seed, ValidationShare: c.ValidationShare, Rank: c.LoRA.Rank, Alpha: c.LoRA.Alpha}
	for _, p := range config.Presets() {
		if p.Model.VocabSize = m.VocabSize; reflect.DeepEqual(p.Model, m) {
			s.Preset = p.Name
			s.HiddenSize, s.NumHiddenLayers, s.NumAttentionHeads, s.NumKeyValueHeads = 0, 0, 0, 0
		}
	}
	return s
}

// sized is the settings with the model of others.
func (s settings) sized(as settings) settings {
	s.Preset, s.HiddenSize, s.NumHiddenLayers, s.NumAttentionHeads, s.NumKeyValueHeads =
		as.Preset, as.HiddenSize, as.NumHiddenLayers, as.NumAttentionHeads, as.NumKeyValueHeads
	return s
}

// tokens is how many a micro-batch has.
func (s settings) tokens() int { return s.BatchSize * s.MaxSeqLen }

// flopsPerToken is what training the model spends on a token. Adapters leave out the gradients of the other weights, a
// third of it all.
func (s settings) flopsPerToken(m config.Model) float64 {
	flops := m.FlopsPerToken(s.MaxSeqLen)
	if s.Stage == lora {
		flops *= 2.0 / 3
	}
	return flops
}

// json is the settings as the page reads them.
func (s settings) json() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // numbers that are not finite were refused
	}
	return text
}
