//go:build js

package main

import (
	"context"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/train"
	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// single does one step.
func (t *trainer) single() error {
	if !t.alive() || t.run.ended {
		return nil
	}
	t.running = false
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := t.stretch(ctx, cancel); err != nil {
		return err
	}
	t.pause("paused")
	return nil
}

// train goes on until a request has to be done, or it is time to save.
func (t *trainer) train() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := t.stretch(ctx, cancel); err != nil {
		t.fail(err)
	}
}

// A run is saved every so often, and may spend these shares of its time on samples and on saving.
const (
	savingInterval = 30 * time.Second
	sampleShare    = 0.1
	savingShare    = 0.05
)

// stretch trains until ctx is done or the run ends: the device then holds exactly the last step.
func (t *trainer) stretch(ctx context.Context, cancel context.CancelFunc) error {
	r := t.run
	r.began = r.record.Seconds
	r.speed.at = time.Time{} // the time between stretches does not count
	for s, err := range r.trainer.Run(ctx) {
		if err != nil {
			return err
		}
		t.report(s)
		if time.Since(r.saved) > max(savingInterval, time.Duration(float64(r.saving)/savingShare)) {
			cancel()
		}
		if s.Last && r.complete() {
			r.ended, t.running = true, false
		}
		if s.Last && (r.ended || time.Since(r.saved) > savingInterval) {
			t.save()
		}
		t.diagnose()
		if due := max(4*time.Second, time.Duration(float64(r.sampling)/sampleShare)); r.ended || ctx.Err() == nil && time.Since(r.sampled) > due && s.Step > 1 {
			if err := t.sample(s.Step); err != nil {
				return err
			}
		}
		if err := t.attend(cancel); err != nil {
			return err
		}
	}
	if r.ended {
		t.state("finished")
	}
	return nil
}

// attend looks at what the page asks for in the meantime.
func (t *trainer) attend(interrupt func()) error {
	for len(t.requests) > 0 {
		q := <-t.requests
		if q.interrupts() {
			t.next = append(t.next, q)
		} else if q.do == "speak" {
			if err := t.speak(q); err != nil {
				return err
			}
		} else {
			t.do(q)
		}
	}
	if len(t.next) > 0 {
		interrupt()
	}
	return nil
}

// report keeps a step's figures, and tells the charts and the page of them, some ten times a second.
func (t *trainer) report(s train.Step) {
	r := t.run
	if s.RolledBack { // the steps since then are done again
		points := r.record.Points
		for len(points) > 0 && points[len(points)-1].Step > s.BackTo {
			points = points[:len(points)-1]
		}
		r.record.Points, r.drawn, r.step = points, min(r.drawn, len(points)), s.BackTo
		return
	}
	r.step, r.last, r.unsaved = s.Step, s, true
	r.speed.add(s)
	r.record.Seconds = r.began + s.Seconds
	p := message.Point{Step: s.Step, Tokens: s.Tokens, Seconds: r.record.Seconds, Loss: s.Loss, LearningRate: s.LearningRate,
		GradNorm: s.GradNorm, TokensPerSecond: r.speed.tokenS}
	if s.Validation != nil {
		r.held, p.Validation = s.Validation.Loss, s.Validation.Loss
	}
	r.record.Points = append(r.record.Points, p)
	if time.Since(r.reported) < 100*time.Millisecond && !s.Last && s.Validation == nil {
		return
	}
	r.reported = time.Now()
	r.measured(t)
	t.draw(r.record, r.record.Points[r.drawn:])
	r.drawn = len(r.record.Points)
	t.tell()
}

// tell shows the page the figures of the last step.
func (t *trainer) tell() {
	r := t.run
	if len(r.record.Points) == 0 {
		return
	}
	p := r.record.Points[len(r.record.Points)-1]
	if time.Since(r.heapAt) > 2*time.Second {
		r.heapAt, r.heap = time.Now(), heap()
	}
	_, memory, _ := t.device.Ledger()
	event := map[string]any{"step": p.Step, "steps": r.trainer.Steps(), "loss": p.Loss, "tokens_per_second": p.TokensPerSecond, "memory": memory, "heap": r.heap}
	if r.speed.steps > 0 {
		event["left"] = float64(r.trainer.Steps()-p.Step) / r.speed.steps
	}
	if r.held != 0 {
		event["validation"] = r.held
	}
	post("step", event)
}

// speed is tokens and steps a second, over the last seconds.
type speed struct {
	at            time.Time
	step, tokens  int64
	steps, tokenS float64
}

func (s *speed) add(step train.Step) {
	since := time.Since(s.at).Seconds()
	switch {
	case s.at.IsZero() || step.Step < s.step:
	case since < 0.5 && s.tokenS > 0:
		return
	default:
		weight := 0.5
		if s.tokenS == 0 {
			weight = 1
		}
		s.steps += weight * (float64(step.Step-s.step)/since - s.steps)
		s.tokenS += weight * (float64(step.Tokens-s.tokens)/since - s.tokenS)
	}
	s.at, s.step, s.tokens = time.Now(), step.Step, step.Tokens
}
