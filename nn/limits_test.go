package nn

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// What does not fit an adapter is refused, with what would.
func TestTooManyRows(t *testing.T) {
	m := testModel(t, testConfig())
	narrow := *m.Device
	narrow.Info.Limits.StorageBinding = 4 * 52 * 100
	small := &Model{Config: m.Config, Device: &narrow}
	for _, c := range []struct {
		B, T int
		want string
	}{{8, 20, "batch_size 5 would fit, with accumulation_steps 2"}, {1, 101, "max_seq_len 100 would fit"}} {
		if err := small.checkRows(c.B, c.T); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d rows of %d: %v, want %q", c.B, c.T, err, c.want)
		}
	}
	if err := small.checkRows(5, 20); err != nil {
		t.Error(err)
	}
}

// Batches of more tokens than a software adapter's kernels add up are refused there.
func TestTooManyRowsForLoops(t *testing.T) {
	info := hosttest.Device(t).Info
	info.Limits.StorageBinding, info.Limits.Buffer = 1<<30, 1<<30
	for _, cpu := range []bool{true, false} {
		info.CPU = cpu
		err := (&Model{Config: testConfig(), Device: host.Planner(info)}).checkRows(512, 129)
		if cpu != (err != nil) || cpu && !strings.Contains(err.Error(), "add up at most 65534 tokens: batch_size 508 would fit, with accumulation_steps 2") {
			t.Errorf("software adapter: %t, 512 rows of 129 tokens: %v", cpu, err)
		}
	}
}

// The published full run fits into 3.5 GB.
func TestMemoryOfThe26MRun(t *testing.T) {
	c, err := config.Preset("minimind2-small")
	if err != nil {
		t.Fatal(err)
	}
	planner := host.Planner(hosttest.Device(t).Info)
	m, err := NewModel(planner, c)
	if err != nil {
		t.Fatal(err)
	}
	training(t, m, 32, 512)
	if entries, total, _ := planner.Ledger(); total > 3_500_000_000 {
		t.Errorf("%d bytes: %v", total, entries)
	}
}

// What cannot be made leaves nothing on the device: one can try again with something smaller.
func TestWhatFailsLeavesNothing(t *testing.T) {
	info := hosttest.Device(t).Info
	info.Limits.StorageBinding, info.Limits.Buffer = 1<<20, 1<<20 // less than the logits of 64 rows
	c := testConfig()
	c.VocabSize = 6400
	release := func(x releaser, err error) error {
		if err == nil {
			x.Release()
		}
		return err
	}
	for name, make := range map[string]func(m, other *Model) error{
		"pretraining": func(m, _ *Model) error { return release(NewTraining(m, CrossEntropy{}, adamW, 2, 64)) },
		"preferences": func(m, _ *Model) error { return release(NewTraining(m, DPO{Beta: 1}, adamW, 2, 64)) },
		"distillation": func(m, other *Model) error {
			return release(NewTraining(m, Distillation{Alpha: 0.5, Temperature: 1, Teacher: other}, adamW, 2, 64))
		},
		"a probe": func(m, _ *Model) error {
			m.Probe = true
			return release(NewTraining(m, CrossEntropy{}, adamW, 2, 64))
		},
		"validation": func(m, _ *Model) error { return release(NewEvaluation(m, CrossEntropy{}, 2, 64)) },
		"logits":     func(m, _ *Model) error { return release(NewLogits(m, 1, 64)) },
		"adapters": func(m, _ *Model) error {
			m.Device.Allocate("test", "too much", 2<<20)
			_, err := NewAdapters(m, lora, 1)
			return err
		},
		"a model": func(m, _ *Model) error {
			m.Device.Allocate("test", "too much", 2<<20)
			return release(NewModel(m.Device, c))
		},
	} {
		dev := host.Planner(info)
		m, err := NewModel(dev, c)
		if err != nil {
			t.Fatal(err)
		}
		other, err := NewModel(dev, c)
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := dev.Ledger()
		if err := make(m, other); err == nil || !strings.Contains(err.Error(), "allows at most 1.0 MiB") {
			t.Errorf("%s: %v", name, err)
		}
		if after, _, _ := dev.Ledger(); !slices.Equal(after, before) {
			t.Errorf("%s: the ledger had %v and has %v", name, before, after)
		}
		if m.Adapters() != nil || m.base.tensors[0].learns {
			t.Errorf("%s: the model is not as it was", name)
		}
	}
}
