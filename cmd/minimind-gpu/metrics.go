//go:build !js

package main

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// metricsLine is a line of metrics.jsonl. Numbers that are not finite are null there.
type metricsLine struct {
	Step            int64  `json:"step"`
	Epoch           int64  `json:"epoch"`
	Loss            number `json:"loss"`
	LearningRate    number `json:"learning_rate"`
	GradNorm        number `json:"grad_norm"` // before clipping
	Tokens          int64  `json:"tokens"`    // target tokens so far
	Skipped         int64  `json:"skipped"`   // steps left out so far, since their gradient was not finite
	ValidationLoss  number `json:"validation_loss,omitzero"`
	Perplexity      number `json:"perplexity,omitzero"`
	TokensPerSecond number `json:"tokens_per_second"`
}

type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// record writes a step's metrics to metrics.jsonl and to the TensorBoard events.
func (r *runFolder) record(s train.Step, tokensPerSecond float64) error {
	line := metricsLine{Step: s.Step, Epoch: s.Epoch, Loss: number(s.Loss), LearningRate: number(s.LearningRate),
		GradNorm: number(s.GradNorm), Tokens: s.Tokens, Skipped: s.Skipped, TokensPerSecond: number(tokensPerSecond)}
	scalars := []scalar{{"train/loss", s.Loss}, {"train/learning_rate", s.LearningRate}, {"train/grad_norm", s.GradNorm},
		{"train/tokens", float64(s.Tokens)}, {"train/skipped", float64(s.Skipped)}, {"train/tokens_per_second", tokensPerSecond}}
	if v := s.Validation; v != nil {
		line.ValidationLoss, line.Perplexity = number(v.Loss), number(v.Perplexity)
		scalars = append(scalars, scalar{"validation/loss", v.Loss}, scalar{"validation/perplexity", v.Perplexity})
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err := r.metrics.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("cannot write metrics: %w", err)
	}
	return r.events.write(s.Step, scalars)
}
