package train

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// mostRollbacks is how often a run goes back before it gives up: a loss that jumps again and again is not the fault of
// single batches.
const mostRollbacks = 8

// errJumps ends a run whose loss jumps again and again.
var errJumps = errors.New("the loss jumps again and again, although the batches at which it did were left out: lower the learning rate")

// snapshot keeps the run as it is, to go back to: in the host's memory, as a checkpoint.
func (t *Trainer) snapshot() error {
	if !t.config.RollbackOnSpike {
		return nil
	}
	t.kept.Reset()
	return t.Save(&t.kept)
}

// rollBack takes the run back to the last snapshot, and lets the batch at which the loss jumped be left out. All steps
// are repeatable, so a run that is killed on the way does the same once it is resumed.
func (t *Trainer) rollBack(s *sentStep) error {
	for range t.sent { // they began with weights that are given up
		t.training.State(true)
	}
	t.sent = t.sent[:0]
	leave, rollbacks := t.state.LeaveOut, t.state.Rollbacks+1
	if rollbacks > mostRollbacks {
		return fmt.Errorf("step %d: %w", s.Step.Step, errJumps)
	}
	r, err := checkpoint.NewReader(bytes.NewReader(t.kept.Bytes()), int64(t.kept.Len()))
	if err != nil {
		return err
	}
	if err := t.restore(r); err != nil {
		return err
	}
	t.state.LeaveOut, t.state.Rollbacks = append(leave, checkpoint.Cursor(s.Place)), rollbacks
	s.RolledBack, s.BackTo = true, t.state.Step
	s.SaveDue, s.SampleDue, s.Last = false, false, false
	return nil
}

// restore takes the run to what a checkpoint of it holds.
func (t *Trainer) restore(r *checkpoint.Reader) error {
	if err := t.training.Load(r, t.loadOther); err != nil {
		return err
	}
	settings := t.state.Settings
	t.state = r.Header.State
	t.state.Settings = settings
	t.setAccumulation(t.accumulation())
	return t.data.Train.Seek(data.Cursor(t.state.Cursor))
}

// leaveOut passes over the batches that the run leaves out, if the next one is of them, and returns their place.
func (t *Trainer) leaveOut() (place data.Cursor, left bool, err error) {
	for {
		next := t.data.Train.Cursor()
		if !contains(t.state.LeaveOut, next) {
			return place, left, nil
		}
		place, left = next, true
		for _, b := range t.batches {
			if err := t.next(b); err != nil {
				return place, left, err
			}
		}
	}
}

func contains(places []checkpoint.Cursor, at data.Cursor) bool {
	for _, p := range places {
		if data.Cursor(p) == at {
			return true
		}
	}
	return false
}
