package train

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

var errUnreadable = errors.New("the file cannot be read")

// flaky is a stream that cannot be read once: after so many batches.
type flaky struct {
	Stream
	after int
}

func (f *flaky) Next(b *data.Batch) error {
	if f.after--; f.after == -1 {
		return errUnreadable
	}
	return f.Stream.Next(b)
}

// runInPieces trains to the end, in loops that are left while steps are on their way, and one that the data ends.
func runInPieces(t *testing.T, trainer *Trainer) (steps []Step, saved []byte) {
	t.Helper()
	trainer.data.Train = &flaky{trainer.data.Train, 13} // the second micro-batch of step 7
	failed := false
	for len(steps) == 0 || !steps[len(steps)-1].Last {
		some := len(steps) + 1 + len(steps)%2
		for s, err := range trainer.Run(t.Context()) {
			if errors.Is(err, errUnreadable) && !failed {
				if failed = true; len(steps) != 6 {
					t.Errorf("the error comes after step %d, want 6", len(steps))
				}
				save(t, trainer)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Values = slices.Clone(s.Values)
			if steps = append(steps, s); s.SaveDue {
				saved = save(t, trainer)
			}
			if len(steps) == some {
				break
			}
		}
		if len(steps) == 5 && len(trainer.sent) == 0 { // as if the device were slow
			if err := trainer.send(false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !failed {
		t.Error("the data did not fail")
	}
	return steps, saved
}

// breaking is a stream at which the device fails.
type breaking struct {
	Stream
	dev *host.Device
}

func (s breaking) Next(b *data.Batch) error {
	s.dev.Allocate("test", "more than there is", 1<<60)
	return s.Stream.Next(b)
}

// A device that fails ends the run with one error, wherever it fails: in a validation, while the loop's body runs, or
// when the run goes back.
func TestDeviceFails(t *testing.T) {
	c := testConfig()
	begin := func(change func(d *Data, dev *host.Device)) *Trainer {
		dev := hosttest.Open(t)
		d := testData(t, c, 20, checkpoint.Cursor{})
		d.Kernels = map[string]string{} // the usual ones, at once
		change(&d, dev)
		trainer, err := New(dev, tinyModel(), c, d)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(trainer.Release)
		return trainer
	}
	trainer := begin(func(d *Data, dev *host.Device) { d.Validation = breaking{d.Validation, dev} })
	failures := 0
	for s, err := range trainer.Run(t.Context()) {
		if err != nil {
			failures++
			break
		}
		if s.Step >= int64(c.ValidationInterval) {
			t.Errorf("step %d comes after the device has failed", s.Step)
		}
	}
	if failures != 1 {
		t.Errorf("%d errors of a validation", failures)
	}

	trainer = begin(func(*Data, *host.Device) {})
	for range trainer.Run(t.Context()) {
		if err := trainer.send(false); err != nil {
			t.Fatal(err)
		}
		if err := trainer.Save(io.Discard); err == nil || !strings.Contains(err.Error(), "on their way") {
			t.Errorf("saved in the middle: %v", err)
		}
		trainer.dev.Allocate("test", "more than there is", 1<<60)
		break
	}
	if err := trainer.rollBack(&sentStep{}); err == nil {
		t.Error("the run went back on a device that has failed")
	}
	for _, err := range trainer.Run(t.Context()) {
		if err == nil {
			t.Error("a step on a device that has failed")
		}
	}
}
