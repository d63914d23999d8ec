// Package train is the training loop and what it decides: the learning rate of a step, when to validate, to sample and
// to save, and how a run goes on after it was stopped.
package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// Config is everything that decides a run besides the model and the data: what flags and YAML set, and what the run's
// folder and its checkpoints keep.
type Config struct {
	Stage              string  // what the run is, in its checkpoints: "pretrain" (or ""), "sft", "lora", ...
	LearningRate       float64 // the largest
	LRSchedule         string  // one of Schedules; "" is the first
	MinLRRatio         float64 // the last learning rate, as a share of the largest; constant's is 1
	Warmup             float64 // linear: a share of the steps when below 1, else steps
	Decay              float64 // of the wsd schedule: a share of the steps when below 1, else steps
	Epochs             int
	MaxSteps           int // 0: all of the epochs
	BatchSize          int // B, rows of a micro-batch; with DPO, pairs of rows
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
	AdaptiveBatch      AdaptiveBatch
	RollbackOnSpike    bool            // go back when the loss jumps, and leave the batch out
	Probe              bool            // measure each layer's largest activation
	LoRA               config.LoRA     // rank 0: all parameters train; no targets: the model's DefaultLoRA
	DPO                nn.DPO          // beta 0: no preferences
	Distillation       nn.Distillation // temperature 0: no teacher, which Data brings
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
	wrong(!(c.DPO.Beta >= 0) || math.IsInf(c.DPO.Beta, 0), "dpo's beta is %v: must be above 0; 0.1 is usual", c.DPO.Beta)
	wrong(!(c.Distillation.Temperature >= 0) || math.IsInf(c.Distillation.Temperature, 0), "distillation's temperature is %v: must be above 0; 1.5 is usual", c.Distillation.Temperature)
	wrong(!(c.Distillation.Alpha >= 0 && c.Distillation.Alpha <= 1), "distillation's alpha is %v: must be from 0, the teacher alone, to 1, the text alone", c.Distillation.Alpha)
	wrong(c.DPO.Beta > 0 && c.Distillation.Temperature > 0, "dpo and distillation cannot be both: preferences have no teacher")
	beta := func(name string, v float64) {
		wrong(!(v >= 0 && v <= nn.MostBeta), "%s is %v: must be from 0 to %v", name, v, nn.MostBeta)
	}
	beta("adam_beta1", c.Beta1)
	beta("adam_beta2", c.Beta2)
	positive("adam_eps", c.Eps)
	wrong(!(c.WeightDecay >= 0), "weight_decay is %v: must be at least 0", c.WeightDecay)
	share("validation_share", c.ValidationShare)
	atLeast("validation_interval", c.ValidationInterval, 0)
	atLeast("save_interval", c.SaveInterval, 0)
	atLeast("sample_interval", c.SampleInterval, 0)
	atLeast("early_stop's patience", c.EarlyStop.Patience, 0)
	wrong(c.AdaptiveBatch.Most != 0 && c.AccumulationSteps < 2, "accumulation_steps is %d, and adaptive_batch needs at least 2: the noise shows in the difference of a micro-batch and a step", c.AccumulationSteps)
	wrong(c.AdaptiveBatch.Most != 0 && c.AdaptiveBatch.Most < c.AccumulationSteps, "adaptive_batch is %d, below accumulation_steps, %d: it is the most that these may grow to", c.AdaptiveBatch.Most, c.AccumulationSteps)
	wrong(c.AdaptiveBatch.Most == 0 && c.AdaptiveBatch.Scale != "", "adaptive_scale is %q, but without adaptive_batch no batch grows", c.AdaptiveBatch.Scale)
	wrong(c.AdaptiveBatch.Scale != "" && !slices.Contains(BatchScales, c.AdaptiveBatch.Scale), "adaptive_scale is %q: must be one of %s", c.AdaptiveBatch.Scale, strings.Join(BatchScales, ", "))
	wrong(!(c.EarlyStop.MinDelta >= 0), "early_stop's min-delta is %v: must be at least 0", c.EarlyStop.MinDelta)
	return errors.Join(errs...)
}

// rows is how many rows a micro-batch has.
func (c Config) rows() int {
	if c.DPO.Beta > 0 {
		return 2 * c.BatchSize
	}
	return c.BatchSize
}

// validationRows bounds a batch of validation, and so its memory, which training cannot use: to 2,048 tokens, or a pair,
// and to training's.
func (c Config) validationRows() int {
	rows := min(max(2048/c.MaxSeqLen, 1), c.rows())
	if c.DPO.Beta > 0 {
		return max(rows/2*2, 2)
	}
	return rows
}

// objectives are what a step makes smaller and what validation measures: the same, but for distillation, where the text
// alone tells how good a student is.
func (c Config) objectives(teacher *nn.Model) (step, validation nn.Objective) {
	switch {
	case c.DPO.Beta > 0:
		return c.DPO, c.DPO
	case c.Distillation.Temperature > 0:
		d := c.Distillation
		d.Teacher = teacher
		return d, nn.CrossEntropy{}
	}
	return nn.CrossEntropy{}, nn.CrossEntropy{}
}

func (c Config) adamW() nn.AdamW {
	return nn.AdamW{Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps, WeightDecay: c.WeightDecay, GradClip: c.GradClip}
}
