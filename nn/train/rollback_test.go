package train

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// poisoned is a stream of which the batches at some places have senseless targets.
type poisoned struct {
	Stream
	bad map[data.Cursor]bool
}

func (p *poisoned) Next(b *data.Batch) error {
	bad := p.bad[p.Cursor()]
	err := p.Stream.Next(b)
	for n := range b.Targets {
		if bad {
			b.Targets[n] = uint32(511 - n%7)
		}
	}
	return err
}

// poison makes the batches of the named steps (from 1) of a run senseless.
func poison(t *testing.T, c Config, d Data, steps ...int) Data {
	t.Helper()
	p := &poisoned{d.Train, map[data.Cursor]bool{}}
	begin := d.Train.Cursor()
	b := data.NewBatch(c.BatchSize, c.MaxSeqLen)
	for step, last := 1, steps[len(steps)-1]; step <= last; step++ {
		for i := range steps {
			if steps[i] == step {
				p.bad[p.Cursor()] = true
			}
		}
		if err := d.Train.Next(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Train.Seek(begin); err != nil {
		t.Fatal(err)
	}
	d.Train = p
	return d
}

func rollbackConfig() Config {
	c := testConfig()
	c.BatchSize, c.AccumulationSteps, c.MaxSteps, c.SaveInterval, c.ValidationInterval, c.LearningRate = 6, 1, 34, 10, 34, 5e-3
	c.RollbackOnSpike = true
	return c
}

// attempt trains to the end, or until after step stop, and returns the steps as a metrics file would hold them.
func attempt(t *testing.T, trainer *Trainer, stop int64) (steps []Step, rollbacks int, saved []byte, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for s, err := range trainer.Run(ctx) {
		if err != nil {
			return steps, rollbacks, saved, err
		}
		if s.RolledBack {
			rollbacks++
			for len(steps) > 0 && steps[len(steps)-1].Step > s.BackTo {
				steps = steps[:len(steps)-1]
			}
			continue
		}
		steps = append(steps, s)
		if s.SaveDue {
			saved = save(t, trainer)
		}
		if s.Step == stop {
			cancel()
		}
	}
	return steps, rollbacks, saved, nil
}

// A step at which the loss jumps is taken back and its batch left out; a run that was interrupted before or after it,
// and resumed, ends in the same bits.
func TestRollback(t *testing.T) {
	c := rollbackConfig()
	begin := func(stop int64) ([]Step, int, []byte) {
		trainer, err := New(hosttest.Device(t), tinyModel(), c, poison(t, c, testData(t, c, 200, checkpoint.Cursor{}), 27))
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Release()
		steps, rollbacks, saved, err := attempt(t, trainer, stop)
		if err != nil {
			t.Fatal(err)
		}
		return steps, rollbacks, saved
	}
	steps, rollbacks, want := begin(0)
	if rollbacks != 1 || len(steps) != 34 || steps[33].Step != 34 {
		t.Fatalf("%d rollbacks, %d steps", rollbacks, len(steps))
	}
	for _, s := range steps {
		if strings.HasPrefix(s.Mark, MarkLeftOut) != (s.Step == 27) || strings.HasPrefix(s.Mark, MarkSpike) {
			t.Errorf("step %d, loss %.3f, is marked %q", s.Step, s.Loss, s.Mark)
		}
	}
	if !strings.Contains(steps[26].Mark, "document ") {
		t.Errorf("step 27 does not tell the place of the batch: %q", steps[26].Mark)
	}
	for _, stop := range []int64{22, 29} {
		_, _, saved := begin(stop)
		r, err := checkpoint.NewReader(bytes.NewReader(saved), int64(len(saved)))
		if err != nil {
			t.Fatal(err)
		}
		resumed, err := Resume(hosttest.Device(t), r, c, poison(t, c, testData(t, c, 200, checkpoint.Cursor{}), 27))
		if err != nil {
			t.Fatal(err)
		}
		defer resumed.Release()
		if _, _, got, err := attempt(t, resumed, 0); err != nil || !bytes.Equal(got, want) {
			t.Errorf("interrupted after step %d and resumed, the run ends otherwise (%v)", stop, err)
		}
	}
}

// Without the setting a spike is marked and nothing else; with it, a run whose batches are all bad gives up.
func TestSpikes(t *testing.T) {
	c := rollbackConfig()
	c.RollbackOnSpike = false
	trainer, err := New(hosttest.Device(t), tinyModel(), c, poison(t, c, testData(t, c, 200, checkpoint.Cursor{}), 27))
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Release()
	steps, rollbacks, _, err := attempt(t, trainer, 28)
	if err != nil || rollbacks != 0 || !strings.HasPrefix(steps[26].Mark, MarkSpike) || steps[25].Mark != "" {
		t.Errorf("%d rollbacks, step 27 %+v, %v", rollbacks, steps[26], err)
	}
	c.RollbackOnSpike = true
	bad, err := New(hosttest.Device(t), tinyModel(), c, poison(t, c, testData(t, c, 200, checkpoint.Cursor{}), 27, 28, 29, 30, 31, 32, 33, 34, 35, 36))
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Release()
	if _, rollbacks, _, err := attempt(t, bad, 0); err == nil || !strings.Contains(err.Error(), "lower the learning rate") {
		t.Errorf("%d rollbacks, %v", rollbacks, err)
	}
}

// A step whose gradient is not finite is marked with its batch, and is no reason to go back.
func TestStepsLeftOutAreMarked(t *testing.T) {
	trainer := newTrainer(t, testConfig())
	s := sentStep{Step: Step{Step: 3, Place: data.Cursor{Epoch: 1, Document: 7, Offset: 9}}}
	if trainer.observe(&s, nn.State{Loss: math.NaN(), GradNorm: math.Inf(1), Applied: 2, Skipped: 1}) {
		t.Error("it counts as a spike")
	}
	if want := MarkSkipped + ": epoch 1, document 7, token 9"; s.Mark != want {
		t.Errorf("marked %q, want %q", s.Mark, want)
	}
}
