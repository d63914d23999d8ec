//go:build !js

package main

import "github.com/minimind-gpu/minimind-gpu/nn/train"

// trainFlags are the settings of a training run, under MiniMind's names.
type trainFlags struct {
	LearningRate       *float64        `group:"Training" placeholder:"${learning_rate}" help:"Largest learning rate.${learning_rate_help}"`
	Schedule           string          `group:"Training" default:"cosine" enum:"cosine,wsd,linear,constant" help:"Course of the learning rate after the warm-up: cosine, wsd (stable, then a linear decay), linear or constant."`
	MinLRRatio         *float64        `group:"Training" name:"min-lr-ratio" placeholder:"0.1" help:"The learning rate's end, as a share of its largest. Default: 0.1; a constant one ends as it is."`
	Warmup             float64         `group:"Training" default:"0.05" help:"Linear warm-up: a share of the steps if below 1, else steps; 0 is MiniMind's."`
	Decay              *float64        `group:"Training" placeholder:"0.2" help:"Length of the wsd schedule's decay: a share of the steps if below 1, else steps. Default: 0.2."`
	EarlyStop          train.EarlyStop `group:"Training" placeholder:"PATIENCE,MIN-DELTA" help:"End the run when so many validations in a row have not brought the validation loss down by more than MIN-DELTA; the best checkpoint is kept. As in 3,0.001."`
	AdaptiveBatch      int             `group:"Training" placeholder:"N" help:"Let accumulation-steps (2 or more) grow up to N while the gradient's noise asks for larger batches; the run sees the same data in fewer steps."`
	AdaptiveScale      string          `group:"Training" placeholder:"sqrt" help:"What the learning rate does when the batch grows n-fold: sqrt (times the root of n), linear (times n) or none. Default: sqrt."`
	RollbackOnSpike    bool            `group:"Training" negatable:"" help:"When the loss jumps, go back to the last checkpoint's state and leave the batch out. Keeps a copy of the checkpoint in memory."`
	Probe              bool            `group:"Training" negatable:"" help:"Measure each layer's largest activation, too, for metrics.jsonl."`
	SchedulePlot       string          `group:"Training" placeholder:"FILE" help:"Draw the learning rate's course into this .png, .svg, .pdf or .jpg before the run."`
	Epochs             int             `group:"Training" default:"1" help:"Passes over the data."`
	MaxSteps           int             `group:"Training" placeholder:"N" help:"Stop after so many steps. Default: all of the epochs; on the embedded corpus, about a minute's."`
	BatchSize          int             `group:"Training" default:"${batch_size}" type:"batchsize" help:"Rows of a micro-batch; auto takes the most that fit 85 % of the adapter's memory."`
	AccumulationSteps  int             `group:"Training" default:"1" help:"Micro-batches of a step."`
	EffectiveBatch     int             `group:"Training" placeholder:"ROWS" help:"Rows of a step: decides accumulation-steps. Default, with --batch-size auto: 256."`
	Memory             string          `group:"Training" placeholder:"12GB" help:"Memory of the adapter: a run that does not fit is refused, with what would. Default: what is known of it."`
	MaxSeqLen          int             `group:"Training" default:"${max_seq_len}" help:"Tokens of a row."`
	GradClip           float64         `group:"Training" default:"1" help:"Largest global norm of a gradient; 0 does not clip."`
	AdamBeta1          float64         `group:"Training" name:"adam-beta1" default:"0.9" help:"AdamW's decay of the mean gradient."`
	AdamBeta2          float64         `group:"Training" name:"adam-beta2" default:"0.999" help:"AdamW's decay of the mean squared gradient."`
	AdamEps            float64         `group:"Training" default:"1e-8" help:"AdamW's epsilon."`
	WeightDecay        float64         `group:"Training" default:"0.01" help:"AdamW's weight decay."`
	Seed               uint64          `group:"Training" default:"42" help:"Decides the weights, the order of documents, the split and the samples."`
	TokenWeighted      bool            `group:"Training" negatable:"" help:"Weigh a step's tokens alike, rather than its micro-batches, as MiniMind does."`
	Pad                bool            `group:"Training" negatable:"" help:"One document a row, cut off and filled up, as MiniMind does. Default: packed rows, whose documents do not see each other."`
	ValidationShare    float64         `group:"Training" default:"${validation_share}" help:"Share of the documents held out for validation."`
	ValidationInterval int             `group:"Training" placeholder:"N" help:"Validate every so many steps. Default: about ten times a run."`
	SaveInterval       int             `group:"Training" placeholder:"N" help:"Save a checkpoint every so many steps. Default: about ten times a run."`
	SampleInterval     int             `group:"Training" placeholder:"N" help:"Write samples every so many steps. Default: about five times a run."`
}

// trainDefaults are what help and defaults say where a command does not say otherwise, in main.go.
var trainDefaults = map[string]string{"learning_rate": "2e-3", "learning_rate_help": "", "batch_size": "8", "batch_size_help": "", "max_seq_len": "128", "validation_share": "0.005",
	"adapter_help": "GPU to use: a part of its name, its number in info, cpu or gpu. Default: the fastest kind.",
	"data_help":    "Text to learn from: .jsonl with {\"text\": ...} lines, or .txt with empty lines between documents. Default: the embedded corpus.",
	"chat_data":    "Conversations, .jsonl with a line {\"conversations\": [{\"role\", \"content\"}, ...]} or {\"messages\": [...]}. Default: the embedded ones.",
	"pair_data":    "Pairs of answers, .jsonl with a line {\"chosen\": [{\"role\", \"content\"}, ...], \"rejected\": [...]}, which differ in the last message. Default: the embedded ones.",
	"chat_sample":  "Question of a sample; may be given more than once.",
	"sample_help":  "Beginning of a sample; may be given more than once."}

// config is the run's, once a learning rate is chosen; defaults that depend on other flags are filled in, so that the recorded settings say all.
func (f *trainFlags) config() train.Config {
	if f.MinLRRatio == nil {
		f.MinLRRatio = new(0.1)
		if f.Schedule == "constant" {
			*f.MinLRRatio = 1
		}
	}
	if f.Decay == nil {
		f.Decay = new(0.0)
		if f.Schedule == "wsd" {
			*f.Decay = 0.2
		}
	}
	return train.Config{
		LearningRate: *f.LearningRate, LRSchedule: f.Schedule, MinLRRatio: *f.MinLRRatio, Warmup: f.Warmup, Decay: *f.Decay, EarlyStop: f.EarlyStop,
		AdaptiveBatch: train.AdaptiveBatch{Most: f.AdaptiveBatch, Scale: f.AdaptiveScale}, RollbackOnSpike: f.RollbackOnSpike, Probe: f.Probe,
		Epochs: f.Epochs, MaxSteps: f.MaxSteps, BatchSize: f.BatchSize, AccumulationSteps: f.AccumulationSteps, MaxSeqLen: f.MaxSeqLen,
		GradClip: f.GradClip, Beta1: f.AdamBeta1, Beta2: f.AdamBeta2, Eps: f.AdamEps, WeightDecay: f.WeightDecay,
		Seed: f.Seed, TokenWeighted: f.TokenWeighted, Pad: f.Pad,
		ValidationShare: f.ValidationShare, ValidationInterval: f.ValidationInterval, SaveInterval: f.SaveInterval, SampleInterval: f.SampleInterval,
	}
}
