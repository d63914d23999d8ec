// Package metrics is the format of a run's metrics.jsonl: a line of JSON a step. What trains writes it; charts and the
// diagnosis of a run read it, also while it is being written.
package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Record is what is known of one optimizer step: a line of the file. Numbers that are not finite are null there, and
// NaN here.
type Record struct {
	Step            int64
	Epoch           int64
	Loss            float64 // of the step's tokens, before the step
	LearningRate    float64
	GradNorm        float64            // global, before clipping
	Tokens          int64              // targets learnt from so far
	Skipped         int64              // steps left out so far, since their gradient was not finite
	ValidationLoss  float64            // 0: there was no validation after this step
	Perplexity      float64            // of the validation, exp(ValidationLoss)
	TokensPerSecond float64            // lately; 0: not known yet
	Seconds         float64            // of training so far, in all sittings
	Mark            string             // what befell the run at this step, in a word or two: a spike, a setting that was changed
	Values          map[string]float64 // every other number, under its name in the file
}

// field is a number of a Record under its name in the file.
type field struct {
	name     string
	integer  *int64
	float    *float64
	optional bool // left out when 0
}

// fields lists the numbers that every line has, in the order of the file.
func (r *Record) fields() []field {
	return []field{
		{name: "step", integer: &r.Step},
		{name: "epoch", integer: &r.Epoch},
		{name: "loss", float: &r.Loss},
		{name: "learning_rate", float: &r.LearningRate},
		{name: "grad_norm", float: &r.GradNorm},
		{name: "tokens", integer: &r.Tokens},
		{name: "skipped", integer: &r.Skipped},
		{name: "validation_loss", float: &r.ValidationLoss, optional: true},
		{name: "perplexity", float: &r.Perplexity, optional: true},
		{name: "tokens_per_second", float: &r.TokensPerSecond},
		{name: "seconds", float: &r.Seconds},
	}
}

const markName = "mark"

// MarshalJSON writes the line, without its end.
func (r Record) MarshalJSON() ([]byte, error) {
	line := []byte{'{'}
	add := func(name string, value any) error {
		if v, ok := value.(float64); ok && (math.IsNaN(v) || math.IsInf(v, 0)) {
			value = nil
		}
		key, _ := json.Marshal(name)
		text, err := json.Marshal(value)
		if len(line) > 1 {
			line = append(line, ',')
		}
		line = append(append(append(line, key...), ':'), text...)
		return err
	}
	var err error
	for _, f := range r.fields() {
		switch {
		case f.integer != nil:
			err = errors.Join(err, add(f.name, *f.integer))
		case !f.optional || *f.float != 0:
			err = errors.Join(err, add(f.name, *f.float))
		}
	}
	if r.Mark != "" {
		err = errors.Join(err, add(markName, r.Mark))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		err = errors.Join(err, add(name, r.Values[name]))
	}
	return append(line, '}'), err
}

// UnmarshalJSON reads a line. Fields that are not there are 0, but for the step, which must be there. Numbers with other
// names come into Values; whatever else there is, later programs wrote it, and it is passed over.
func (r *Record) UnmarshalJSON(line []byte) error {
	var values map[string]any
	if err := json.Unmarshal(line, &values); err != nil {
		return err
	}
	*r = Record{}
	if _, ok := values["step"]; !ok {
		return errors.New(`there is no "step" in it`)
	}
	for _, f := range r.fields() {
		value, there := values[f.name]
		delete(values, f.name)
		if !there {
			continue
		}
		number, ok := value.(float64)
		switch {
		case f.float != nil && ok:
			*f.float = number
		case f.float != nil && value == nil:
			*f.float = math.NaN()
		case f.integer != nil && ok && number == math.Trunc(number):
			*f.integer = int64(number)
		default:
			return fmt.Errorf("%q is %v: must be a number", f.name, value)
		}
	}
	r.Mark, _ = values[markName].(string)
	for name, value := range values {
		if number, ok := value.(float64); ok {
			r.set(name, number)
		} else if value == nil {
			r.set(name, math.NaN())
		}
	}
	return nil
}

func (r *Record) set(name string, value float64) {
	if r.Values == nil {
		r.Values = map[string]float64{}
	}
	r.Values[name] = value
}
