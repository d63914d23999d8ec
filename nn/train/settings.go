package train

import (
	"encoding"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// fields are those that a resumed run must share, by name.
func (c *Config) fields() map[string]any {
	return map[string]any{
		"learning_rate": &c.LearningRate, "min_lr_ratio": &c.MinLRRatio, "warmup": &c.Warmup, "epochs": &c.Epochs, "max_steps": &c.MaxSteps,
		"batch_size": &c.BatchSize, "accumulation_steps": &c.AccumulationSteps, "max_seq_len": &c.MaxSeqLen, "grad_clip": &c.GradClip,
		"adam_beta1": &c.Beta1, "adam_beta2": &c.Beta2, "adam_eps": &c.Eps, "weight_decay": &c.WeightDecay, "seed": &c.Seed,
		"token_weighted": &c.TokenWeighted, "pad": &c.Pad, "validation_share": &c.ValidationShare, "validation_interval": &c.ValidationInterval,
		"stage": &c.Stage, "lora_rank": &c.LoRA.Rank, "lora_alpha": &c.LoRA.Alpha, "lora_targets": &c.LoRA.Targets,
		"dpo_beta": &c.DPO.Beta, "dpo_mean": &c.DPO.Mean,
		"distill_alpha": &c.Distillation.Alpha, "distill_temperature": &c.Distillation.Temperature,
		"schedule": &c.LRSchedule, "decay": &c.Decay, "early_stop": &c.EarlyStop,
		"adaptive_batch": &c.AdaptiveBatch.Most, "adaptive_scale": &c.AdaptiveBatch.Scale, "rollback_on_spike": &c.RollbackOnSpike,
	}
}

// settings are the fields as text.
func (c Config) settings() checkpoint.Settings {
	c.LRSchedule = c.schedule()
	if c.Stage == "" {
		c.Stage = "pretrain"
	}
	s := checkpoint.Settings{}
	for name, field := range c.fields() {
		switch v := field.(type) {
		case *float64:
			s[name] = strconv.FormatFloat(*v, 'g', -1, 64)
		case *int:
			s[name] = strconv.Itoa(*v)
		case *uint64:
			s[name] = strconv.FormatUint(*v, 10)
		case *bool:
			s[name] = strconv.FormatBool(*v)
		case *string:
			s[name] = *v
		case fmt.Stringer:
			s[name] = v.String()
		}
	}
	return s
}

// first are the settings that every run has had: a checkpoint without one is not of a run. One without a setting that
// was added later is of a run from before it, which did what the setting's zero value does; a setting whose zero value
// does something else gets what was done before it in ConfigOf.
var first = []string{"learning_rate", "min_lr_ratio", "warmup", "epochs", "max_steps", "batch_size", "accumulation_steps", "max_seq_len", "grad_clip",
	"adam_beta1", "adam_beta2", "adam_eps", "weight_decay", "seed", "token_weighted", "pad", "validation_share", "validation_interval"}

// besides are what a checkpoint keeps among its settings to be compared: hashes.
var besides = []string{dataSetting, teacherSetting}

const dataSetting, teacherSetting = "data", "teacher"

// ConfigOf reads the configuration that a checkpoint keeps of its run. Settings that it does not know of are refused: the
// run would not be the same without them.
func ConfigOf(s checkpoint.Settings) (c Config, err error) {
	for _, name := range first {
		if _, ok := s[name]; !ok {
			return c, fmt.Errorf("the checkpoint does not say its run's %s: it is not of a training run", name)
		}
	}
	fields := c.fields()
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if slices.Contains(besides, name) {
			continue
		}
		field, ok := fields[name]
		if !ok {
			return c, fmt.Errorf("the checkpoint's run has a setting %s (%q), which this program does not know: use the release that wrote it", name, s[name])
		}
		if err := parse(s[name], field); err != nil {
			return c, fmt.Errorf("the checkpoint's %s is %q: %w", name, s[name], err)
		}
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("the checkpoint's settings cannot be: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return c, nil
}

// parse reads what settings wrote of a field.
func parse(text string, field any) (err error) {
	switch v := field.(type) {
	case *float64:
		*v, err = strconv.ParseFloat(text, 64)
	case *int:
		*v, err = strconv.Atoi(text)
	case *uint64:
		*v, err = strconv.ParseUint(text, 10, 64)
	case *bool:
		*v, err = strconv.ParseBool(text)
	case *string:
		*v = text
	case encoding.TextUnmarshaler:
		err = v.UnmarshalText([]byte(text))
	}
	return err
}
