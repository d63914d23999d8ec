//go:build !js

package main

import "github.com/minimind-gpu/minimind-gpu/nn/train"

// trainFlags are the settings of a training run, under MiniMind's names.
type trainFlags struct {
	LearningRate       float64 `group:"Training" default:"${learning_rate}" help:"Largest learning rate."`
	MinLRRatio         float64 `group:"Training" name:"min-lr-ratio" default:"0.1" help:"The learning rate's end, as a share of its largest."`
	Warmup             float64 `group:"Training" default:"0.05" help:"Linear warm-up: a share of the steps if below 1, else steps; 0 is MiniMind's."`
	Epochs             int     `group:"Training" default:"1" help:"Passes over the data."`
	MaxSteps           int     `group:"Training" placeholder:"N" help:"Stop after so many steps. Default: all of the epochs; on the embedded corpus, about a minute's."`
	BatchSize          int     `group:"Training" default:"${batch_size}" help:"Rows of a micro-batch."`
	AccumulationSteps  int     `group:"Training" default:"1" help:"Micro-batches of a step."`
	MaxSeqLen          int     `group:"Training" default:"${max_seq_len}" help:"Tokens of a row."`
	GradClip           float64 `group:"Training" default:"1" help:"Largest global norm of a gradient; 0 does not clip."`
	AdamBeta1          float64 `group:"Training" name:"adam-beta1" default:"0.9" help:"AdamW's decay of the mean gradient."`
	AdamBeta2          float64 `group:"Training" name:"adam-beta2" default:"0.999" help:"AdamW's decay of the mean squared gradient."`
	AdamEps            float64 `group:"Training" default:"1e-8" help:"AdamW's epsilon."`
	WeightDecay        float64 `group:"Training" default:"0.01" help:"AdamW's weight decay."`
	Seed               uint64  `group:"Training" default:"42" help:"Decides the weights, the order of documents, the split and the samples."`
	TokenWeighted      bool    `group:"Training" negatable:"" help:"Weigh a step's tokens alike, rather than its micro-batches, as MiniMind does."`
	Pad                bool    `group:"Training" negatable:"" help:"One document a row, cut off and filled up, as MiniMind does. Default: packed rows, whose documents do not see each other."`
	ValidationShare    float64 `group:"Training" default:"${validation_share}" help:"Share of the documents held out for validation."`
	ValidationInterval int     `group:"Training" placeholder:"N" help:"Validate every so many steps. Default: about ten times a run."`
	SaveInterval       int     `group:"Training" placeholder:"N" help:"Save a checkpoint every so many steps. Default: about ten times a run."`
	SampleInterval     int     `group:"Training" placeholder:"N" help:"Write samples every so many steps. Default: about five times a run."`
}

// trainDefaults are those that suit the demo; MiniMind's own are in the README.
var trainDefaults = map[string]string{"learning_rate": "2e-3", "batch_size": "8", "max_seq_len": "128", "validation_share": "0.005"}

func (f *trainFlags) config() train.Config {
	return train.Config{
		LearningRate: f.LearningRate, MinLRRatio: f.MinLRRatio, Warmup: f.Warmup,
		Epochs: f.Epochs, MaxSteps: f.MaxSteps, BatchSize: f.BatchSize, AccumulationSteps: f.AccumulationSteps, MaxSeqLen: f.MaxSeqLen,
		GradClip: f.GradClip, Beta1: f.AdamBeta1, Beta2: f.AdamBeta2, Eps: f.AdamEps, WeightDecay: f.WeightDecay,
		Seed: f.Seed, TokenWeighted: f.TokenWeighted, Pad: f.Pad,
		ValidationShare: f.ValidationShare, ValidationInterval: f.ValidationInterval, SaveInterval: f.SaveInterval, SampleInterval: f.SampleInterval,
	}
}
