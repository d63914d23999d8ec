//go:build !js

package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
	"github.com/minimind-gpu/minimind-gpu/nn/train/diagnose"
)

// save writes the checkpoint that is due, or the best one. A failure (a full disk) does not stop the training: it is tried
// again when the next one is due, and the earlier ones are still there.
func (r *training) save(s train.Step) {
	best := s.Validation != nil && s.Validation.Best
	switch {
	case s.SaveDue:
		r.unsaved = r.folder.save(r.trainer, s.Step, best)
	case best:
		r.unsaved = r.folder.saveBest(r.trainer)
	default:
		return
	}
	if r.unsaved != nil && !s.Last {
		r.progress.clear()
		r.say("warning: step %d is not saved: %v; training goes on, and the next checkpoint will be tried", s.Step, r.unsaved)
	}
}

// rollBack cuts off what was recorded of the steps that the run takes back.
func (r *training) rollBack(s train.Step) error {
	r.progress.clear()
	r.say("the loss jumped to %.4f at step %d: back to step %d; the batch (epoch %d, document %d) will be left out", s.Loss, s.Step, s.BackTo,
		s.Place.Epoch, s.Place.Document)
	r.done = s.BackTo
	return r.folder.reopen(s.BackTo)
}

// explain adds to an error in the middle of a run how to go on.
func (r *training) explain(err error) error {
	r.progress.clear()
	switch {
	case r.folder.latest != "":
		return fmt.Errorf("training stopped after step %d: %w; go on from the last checkpoint by: minimind-gpu %s --resume %s", r.done, err, r.command, r.folder.dir)
	case errors.Is(err, host.ErrLost):
		return fmt.Errorf("training stopped after step %d, before the first checkpoint: %w", r.done, err)
	}
	return err
}

// finish ends the run: it was either trained to its end or interrupted.
func (r *training) finish() error {
	r.progress.clear()
	if r.unsaved != nil {
		return fmt.Errorf("step %d is not saved: %w; make room and go on by: minimind-gpu %s --resume %s", r.done, r.unsaved, r.command, r.folder.dir)
	}
	stopped := r.trainer.State().EarlyStop.Stopped
	if stopped {
		r.say("stopped early, after step %d of %d: %s", r.done, r.trainer.Steps(), r.trainer.State().EarlyStop.Reason())
	}
	if r.done < r.trainer.Steps() && !stopped {
		if r.folder.latest == "" {
			r.say("interrupted after step %d; nothing was new to save", r.done)
		} else {
			r.say("interrupted after step %d, saved as %s\ngo on by: minimind-gpu %s --resume %s", r.done, r.folder.latest, r.command, r.folder.dir)
		}
		return errInterrupted
	}
	if err := r.sampleTo(r.stdout); err != nil {
		return err
	}
	r.say("\nrun         %s (metrics.jsonl, samples.txt, TensorBoard events)", r.folder.dir)
	r.say("checkpoint  %s", filepath.Join(r.folder.dir, checkpointsFolder, fmt.Sprintf(checkpointName, r.done)))
	if stopped {
		r.say("the best    %s, of step %d", filepath.Join(r.folder.dir, checkpointsFolder, bestFile), r.trainer.State().BestStep)
	}
	if r.doctor != nil {
		r.say("diagnosis   %s (minimind-gpu doctor %s says more)", finding(diagnose.Diagnose(r.doctor.records, r.doctor.run)), r.folder.dir)
	}
	if r.chat != nil {
		r.say("talk to it  minimind-gpu chat --checkpoint %s", r.folder.dir)
	} else {
		r.say("talk to it  minimind-gpu generate --checkpoint %s --prompt %q", r.folder.dir, r.samplePrompts()[0])
	}
	return nil
}

// close gives everything back that is open.
func (r *training) close() {
	r.progress.clear()
	if r.sampler != nil {
		r.sampler.generator.Release()
	}
	if r.folder != nil {
		r.folder.close()
	}
	if r.shard != nil {
		r.shard.close()
	}
	if r.device != nil {
		r.device.Close()
	}
}
