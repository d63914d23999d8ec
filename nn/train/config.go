// Package train is the training loop and what it decides: the learning rate of a step, when to validate, to sample and
// to save, and how a run goes on after it was stopped.
package train

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// Config is everything that decides a run besides the model and the data: what flags and YAML set, and what the run's
// folder and its checkpoints keep.
type Config struct {
	LearningRate       float64 // the largest
	LRSchedule         string  // one of Schedules; "" is the first
	MinLRRatio         float64 // the last learning rate, as a share of the largest; constant's is 1
	Warmup             float64 // linear: a share of the steps when below 1, else steps
	Decay              float64 // of the wsd schedule: a share of the steps when below 1, else steps
	Epochs             int
	MaxSteps           int // 0: all of the epochs
	BatchSize          int // B, rows of a micro-batch
	AccumulationSteps  int // micro-batches of a step
	MaxSeqLen          int // T, tokens of a row
	GradClip           float64
	Beta1, Beta2       float64
	Eps, WeightDecay   float64
	Seed               uint64
	TokenWeighted      bool // a step's tokens weigh alike, instead of its micro-batches
	Pad                bool // one document a row
	ValidationShare    float64
	ValidationInterval int // steps; 0: about ten times a run
	SaveInterval       int // steps; 0: about ten times a run
	SampleInterval     int // steps; 0: about five times a run
	EarlyStop          EarlyStop
}

// Validate says all that cannot be.
func (c Config) Validate() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	positive := func(name string, v float64) {
		wrong(!(v > 0) || math.IsInf(v, 0), "%s is %v: must be above 0", name, v)
	}
	share := func(name string, v float64) {
		wrong(!(v >= 0 && v < 1), "%s is %v: must be from 0 to below 1", name, v)
	}
	atLeast := func(name string, v, least int) { wrong(v < least, "%s is %d: must be at least %d", name, v, least) }
	positive("learning_rate", c.LearningRate)
	c.checkSchedule(wrong)
	atLeast("epochs", c.Epochs, 1)
	atLeast("max_steps", c.MaxSteps, 0)
	atLeast("batch_size", c.BatchSize, 1)
	atLeast("accumulation_steps", c.AccumulationSteps, 1)
	atLeast("max_seq_len", c.MaxSeqLen, 1)
	wrong(!(c.GradClip >= 0), "grad_clip is %v: must be 0 (no clip) or above", c.GradClip)
	share("adam_beta1", c.Beta1)
	share("adam_beta2", c.Beta2)
	positive("adam_eps", c.Eps)
	wrong(!(c.WeightDecay >= 0), "weight_decay is %v: must be at least 0", c.WeightDecay)
	share("validation_share", c.ValidationShare)
	atLeast("validation_interval", c.ValidationInterval, 0)
	atLeast("save_interval", c.SaveInterval, 0)
	atLeast("sample_interval", c.SampleInterval, 0)
	atLeast("early_stop's patience", c.EarlyStop.Patience, 0)
	wrong(!(c.EarlyStop.MinDelta >= 0), "early_stop's min-delta is %v: must be at least 0", c.EarlyStop.MinDelta)
	return errors.Join(errs...)
}

func (c Config) adamW() nn.AdamW {
	return nn.AdamW{Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps, WeightDecay: c.WeightDecay, GradClip: c.GradClip}
}

// settings are the fields that a resumed run must share, as text.
func (c Config) settings() checkpoint.Settings {
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return checkpoint.Settings{
		"learning_rate": f(c.LearningRate), "schedule": c.schedule(), "min_lr_ratio": f(c.MinLRRatio), "warmup": f(c.Warmup), "decay": f(c.Decay),
		"epochs": strconv.Itoa(c.Epochs), "max_steps": strconv.Itoa(c.MaxSteps), "batch_size": strconv.Itoa(c.BatchSize),
		"accumulation_steps": strconv.Itoa(c.AccumulationSteps), "max_seq_len": strconv.Itoa(c.MaxSeqLen),
		"grad_clip": f(c.GradClip), "adam_beta1": f(c.Beta1), "adam_beta2": f(c.Beta2), "adam_eps": f(c.Eps),
		"weight_decay": f(c.WeightDecay), "seed": strconv.FormatUint(c.Seed, 10), "token_weighted": strconv.FormatBool(c.TokenWeighted),
		"pad": strconv.FormatBool(c.Pad), "validation_share": f(c.ValidationShare), "validation_interval": strconv.Itoa(c.ValidationInterval),
		"early_stop": c.EarlyStop.String(),
	}
}
