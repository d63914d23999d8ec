package train

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// A run that cannot improve by min-delta ends when its patience does, is the same run when it is interrupted on the way,
// and does not begin again when it is resumed afterwards.
func TestEarlyStop(t *testing.T) {
	c := testConfig()
	c.MaxSteps, c.ValidationInterval, c.SaveInterval = 30, 2, 5
	c.EarlyStop = EarlyStop{Patience: 3, MinDelta: 1}
	steps, want := run(t, newTrainer(t, c), 0)
	last := steps[len(steps)-1]
	if !last.Last || !last.SaveDue || last.Step >= 30 {
		t.Fatalf("the run ended with %+v", last)
	}
	for _, stop := range []int64{1, last.Step - 4} {
		_, saved := run(t, newTrainer(t, c), stop)
		resumed, err := resume(t, c, saved, 200)
		if err != nil {
			t.Fatal(err)
		}
		defer resumed.Release()
		if _, got := run(t, resumed, 0); !bytes.Equal(got, want) {
			t.Errorf("interrupted at step %d and resumed, the run ended otherwise", stop)
		}
		if reason := resumed.State().EarlyStop.Reason(); !strings.Contains(reason, "in 3 validations the loss has not fallen far enough below the") {
			t.Error(reason)
		}
	}
	again, err := resume(t, c, want, 200)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Release()
	if more, _ := run(t, again, 0); len(more) != 0 {
		t.Errorf("a run that was stopped went on for %d steps", len(more))
	}
}

// Validations are counted when parameters have changed since the last, and improvements when they exceed min-delta.
func TestEarlyStopCounts(t *testing.T) {
	trainer := &Trainer{config: Config{EarlyStop: EarlyStop{Patience: 2, MinDelta: 0.1}}}
	trainer.state.EarlyStop.Reference = math.Inf(1)
	for i, c := range []struct {
		loss    float64
		applied int64
		stops   bool
	}{{3, 5, false}, {2.95, 10, false}, {2.5, 15, false}, {2.45, 20, false}, {2.6, 20, false}, {2.6, 20, false}, {2.41, 21, true}} {
		trainer.state.AppliedSteps = c.applied
		if got := trainer.stopsEarly(&Validation{Loss: c.loss}); got != c.stops {
			t.Errorf("validation %d: stops %v: %+v", i, got, trainer.state.EarlyStop)
		}
	}
	if trainer.state.EarlyStop.Reference != 2.5 {
		t.Errorf("reference %v, want 2.5", trainer.state.EarlyStop.Reference)
	}
}

func TestEarlyStopNeedsValidation(t *testing.T) {
	c := testConfig()
	c.EarlyStop.Patience = 2
	d := testData(t, c, 200, checkpoint.Cursor{})
	d.Validation = nil
	if _, err := New(hosttest.Device(t), tinyModel(), c, d); err == nil || !strings.Contains(err.Error(), "there is no validation data") {
		t.Error(err)
	}
}

func TestEarlyStopText(t *testing.T) {
	for text, want := range map[string]EarlyStop{"": {}, "3": {Patience: 3}, "2, 1e-3": {2, 0.001}} {
		var e EarlyStop
		if err := e.UnmarshalText([]byte(text)); err != nil || e != want {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
	for _, text := range []string{"0", "x", "3,-1", "3,x", "3,nan"} {
		var e EarlyStop
		if err := e.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "as in 3,0.001") {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
}
