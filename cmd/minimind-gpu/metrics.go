//go:build !js

package main

import (
	"encoding/json"
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// recordOf is what a step's line has of every step, as far as the clock does not decide it.
func recordOf(s train.Step) metrics.Record {
	line := metrics.Record{Step: s.Step, Epoch: s.Epoch, Loss: s.Loss, LearningRate: s.LearningRate, GradNorm: s.GradNorm,
		Tokens: s.Tokens, Skipped: s.Skipped, Mark: s.Mark}
	if v := s.Validation; v != nil {
		line.ValidationLoss, line.Perplexity = v.Loss, v.Perplexity
	}
	return line
}

// record writes a step's metrics to metrics.jsonl and to the TensorBoard events.
func (r *runFolder) record(s train.Step, tokensPerSecond float64) error {
	line := recordOf(s)
	line.TokensPerSecond, line.Seconds, line.Values = tokensPerSecond, r.seconds+s.Seconds, map[string]float64{}
	scalars := []scalar{{"train/loss", s.Loss}, {"train/learning_rate", s.LearningRate}, {"train/grad_norm", s.GradNorm},
		{"train/tokens", float64(s.Tokens)}, {"train/skipped", float64(s.Skipped)}, {"train/tokens_per_second", tokensPerSecond}}
	for _, v := range s.Values {
		line.Values[v.Name] = v.Value
		scalars = append(scalars, scalar{"train/" + v.Name, v.Value})
	}
	if v := s.Validation; v != nil {
		scalars = append(scalars, scalar{"validation/loss", v.Loss})
		if v.Perplexity > 0 {
			scalars = append(scalars, scalar{"validation/perplexity", v.Perplexity})
		}
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
