//go:build !js

package main

import (
	"cmp"
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
	"github.com/minimind-gpu/minimind-gpu/nn/train/diagnose"
)

// sweepResult is what came out of a run.
type sweepResult struct {
	sweepRun
	dir        string
	status     string // finished, stopped at step N, failed
	problem    string // why it failed
	ended      bool   // by itself: there are no more steps, or it stopped early
	records    []metrics.Record
	steps      int64
	seconds    float64
	loss       float64 // mean over the last tenth of the steps
	validation float64 // the last; 0: none
	stability  int
}

// fail takes down why a run cannot go on, and returns that.
func (r *sweepResult) fail(err error) string {
	r.status, r.problem = "failed", err.Error()
	return r.problem
}

// hasCome says whether the run has come to a step, or to its end; if so, the result is read.
func (r *sweepResult) hasCome(rung int64) (bool, error) {
	opened, err := openRun(r.dir)
	if err != nil {
		return false, fmt.Errorf("%w; without that file the run goes on from the checkpoint before it", err)
	}
	state := opened.reader.Header.State
	opened.close()
	r.ended = state.Step >= state.TotalSteps || state.EarlyStop.Stopped
	if !r.ended && state.Step < rung {
		return false, nil
	}
	return true, r.read()
}

// read takes what the run's folder says.
func (r *sweepResult) read() error {
	records, _, err := readRun(r.dir)
	if err != nil {
		return err
	}
	last := records[len(records)-1]
	r.status, r.records, r.steps, r.seconds, r.stability = "finished", records, last.Step, last.Seconds, diagnose.Stability(records)
	r.loss, r.validation = lossOf(records), 0
	for _, record := range records {
		if record.ValidationLoss != 0 { // NaN, too: the model was of no use then
			r.validation = record.ValidationLoss
		}
	}
	return nil
}

// lossOf is the mean loss of the last tenth of the steps.
func lossOf(records []metrics.Record) float64 {
	n := max(len(records)/10, 1)
	sum := 0.0
	for _, r := range records[len(records)-n:] {
		sum += r.Loss
	}
	return sum / float64(n)
}

// lossAt is what a run is judged by at a rung: the mean loss of the tenth of its steps before it. A run that has no number
// there is behind all others.
func (r *sweepResult) lossAt(rung int64) float64 {
	n := 0
	for n < len(r.records) && r.records[n].Step <= rung {
		n++
	}
	if n == 0 {
		return math.Inf(1)
	}
	return numberOrWorst(lossOf(r.records[:n]))
}

// rank puts finished runs before those that were stopped, and these before those that failed.
func (r *sweepResult) rank() int {
	switch {
	case r.problem != "":
		return 2
	case r.status != "finished":
		return 1
	}
	return 0
}

// score is what runs are ordered by: the validation loss, or without one the loss.
func (r *sweepResult) score() float64 { return numberOrWorst(cmp.Or(r.validation, r.loss)) }

// numberOrWorst is a loss, the worst if it is none.
func numberOrWorst(loss float64) float64 {
	if math.IsNaN(loss) {
		return math.Inf(1)
	}
	return loss
}

// validationText is the validation loss; without one, a dash.
func (r *sweepResult) validationText() string {
	if r.validation == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f", r.validation)
}
