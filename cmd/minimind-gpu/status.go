//go:build !js

package main

import (
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// statusLine says how a training stands.
type statusLine struct {
	device *host.Device
	flops  float64 // of a token
	peak   float64 // FLOP/s of the adapter, 0 if unknown

	step            train.Step
	validation      *train.Validation // the last one
	tokens, steps   rate
	tokensPerSecond float64
	stepsPerSecond  float64
}

// update takes a step and returns the tokens per second.
func (l *statusLine) update(s train.Step) float64 {
	l.step = s
	if s.Validation != nil {
		l.validation = s.Validation
	}
	l.tokensPerSecond = l.tokens.add(s.Seconds, float64(s.Tokens))
	l.stepsPerSecond = l.steps.add(s.Seconds, float64(s.Step))
	return l.tokensPerSecond
}

// String is the line.
func (l *statusLine) String() string {
	s := l.step
	parts := []string{fmt.Sprintf("step %d/%d", s.Step, s.Steps), fmt.Sprintf("loss %.4f", s.Loss)}
	if aux, mixture := s.Value(train.AuxLoss); mixture {
		least, _ := s.Value(train.LeastUsed)
		most, _ := s.Value(train.MostUsed)
		parts = append(parts, fmt.Sprintf("aux %.4f, experts %.0f-%.0f%%", aux, 100*least, 100*most))
	}
	if margin, pairs := s.Value(train.RewardMargin); pairs {
		accuracy, _ := s.Value(train.RewardAccuracy)
		parts = append(parts, fmt.Sprintf("margin %.3f, accuracy %.0f%%", margin, 100*accuracy))
	}
	if v := l.validation; v != nil && v.Preference != nil {
		parts = append(parts, fmt.Sprintf("val %.4f (margin %.3f, accuracy %.0f%%)", v.Loss, v.Preference.Margin(), 100*v.Preference.Accuracy))
	} else if v != nil {
		parts = append(parts, fmt.Sprintf("val %.4f (ppl %.1f)", v.Loss, v.Perplexity))
	}
	parts = append(parts, fmt.Sprintf("lr %.2e", s.LearningRate), fmt.Sprintf("grad norm %.3f", s.GradNorm))
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	if l.tokensPerSecond > 0 {
		parts = append(parts, thousands(l.tokensPerSecond)+" tok/s")
		if l.peak > 0 {
			parts = append(parts, fmt.Sprintf("MFU %.1f%%", 100*l.tokensPerSecond*l.flops/l.peak))
		}
	}
	_, total, _ := l.device.Ledger()
	parts = append(parts, host.Bytes(total))
	if l.stepsPerSecond > 0 {
		parts = append(parts, clock(float64(s.Steps-s.Step)/l.stepsPerSecond)+" left")
	}
	return strings.Join(parts, " · ")
}
