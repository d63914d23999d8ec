//go:build js

package main

import (
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
	"github.com/minimind-gpu/minimind-gpu/nn/train/diagnose"
)

// diagnosisShare is the share of its time that a run may spend on being judged.
const diagnosisShare = 0.01

// diagnose tells the page how the run goes, once in a while.
func (t *trainer) diagnose() {
	r := t.run
	if time.Since(r.judged) < max(3*time.Second, time.Duration(float64(r.judging)/diagnosisShare)) && !r.ended {
		return
	}
	start := time.Now()
	records := make([]metrics.Record, len(r.record.Points))
	for i, p := range r.record.Points {
		records[i] = metrics.Record{Step: p.Step, Loss: p.Loss, LearningRate: p.LearningRate, GradNorm: p.GradNorm, Tokens: p.Tokens,
			ValidationLoss: p.Validation, TokensPerSecond: p.TokensPerSecond, Seconds: p.Seconds}
	}
	records[len(records)-1].Skipped = r.last.Skipped
	report := diagnose.Diagnose(records, diagnose.Run{Steps: r.last.Steps})
	var checks []any
	for _, c := range report.Checks {
		if c.Verdict != diagnose.Unknown {
			checks = append(checks, map[string]any{"name": c.Name, "verdict": string(c.Verdict), "measure": said(c.Measure.Format, c.Measure.Values, c.Measure.String()), "threshold": c.Threshold, "advice": c.Advice})
		}
	}
	post("diagnosis", map[string]any{"cause": string(report.Cause), "advice": report.Advice, "checks": checks})
	r.judged, r.judging = time.Now(), time.Since(start)
}
