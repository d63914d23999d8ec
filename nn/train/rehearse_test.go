package train

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// smaller is a preset with its heads, vocabulary and norms, but small.
func smaller(t *testing.T, preset string) config.Model {
	t.Helper()
	m, err := config.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	m.HiddenSize, m.NumHiddenLayers, m.HeadDim, m.IntermediateSize = m.NumAttentionHeads*8, 2, 8, 64
	return m
}

// What a rehearsal says that a run takes is what it takes: its peak, and each purpose.
func TestRehearsedMemoryIsTheRuns(t *testing.T) {
	pretrain := stage{name: "pretrain"}
	for i, run := range []struct {
		preset string
		B, T   int
		stage  stage
	}{
		{"tiny", 1, 24, pretrain}, {"tiny", 3, 50, stages[0]}, {"tiny", 8, 33, stages[1]}, {"tiny", 2, 40, stages[2]},
		{"minimind2-small", 1, 96, pretrain}, {"minimind2-small", 5, 30, stages[1]}, {"minimind2-small", 3, 64, stages[3]},
		{"minimind2", 2, 47, pretrain}, {"minimind2", 4, 32, stages[2]},
		{"minimind3", 7, 96, pretrain}, {"minimind3", 2, 24, stages[0]}, {"minimind3", 3, 41, stages[1]},
	} {
		t.Run(fmt.Sprintf("%s %dx%d %s", run.preset, run.B, run.T, run.stage.name), func(t *testing.T) {
			m, c := smaller(t, run.preset), testConfig()
			c.BatchSize, c.MaxSeqLen = run.B, run.T
			d := testData(t, c, 60, checkpoint.Cursor{})
			if i > 0 {
				d.Kernels = map[string]string{} // not to be tuned
			}
			if run.stage.name != "pretrain" {
				base, err := New(hosttest.Device(t), m, c, d)
				if err != nil {
					t.Fatal(err)
				}
				var file bytes.Buffer
				if err := base.Save(&file); err != nil {
					t.Fatal(err)
				}
				base.Release()
				run.stage.config(&c)
				run.stage.data(&d)
				d.From = open(t, file.Bytes())
			}
			dev := hosttest.Open(t)
			if _, err := New(dev, m, c, d); err != nil {
				t.Fatal(err)
			}
			planner := host.Planner(dev.Info)
			if _, err := Rehearse(planner, m, nil, c, d.Validation.RowsPerEpoch()); err != nil {
				t.Fatal(err)
			}
			want, _, peak := dev.Ledger()
			got, _, rehearsed := planner.Ledger()
			if off := math.Abs(float64(rehearsed)/float64(peak) - 1); off > 0.05 {
				t.Errorf("rehearsed %d bytes, the run took %d\n%v\n%v", rehearsed, peak, got, want)
			}
			purposes := map[string]int64{}
			for _, e := range got {
				purposes[e.Purpose] = e.Bytes
			}
			for _, e := range want {
				if off := math.Abs(float64(purposes[e.Purpose])/float64(e.Bytes) - 1); off > 0.05 {
					t.Errorf("%s: rehearsed %d bytes, the run took %d", e.Purpose, purposes[e.Purpose], e.Bytes)
				}
			}
		})
	}
}

// What an adapter cannot do it cannot rehearse.
func TestRehearsalRefuses(t *testing.T) {
	c, adapter := testConfig(), hosttest.Device(t).Info
	c.BatchSize = 5000
	adapter.Limits.StorageBinding = 1 << 20
	if _, err := Rehearse(host.Planner(adapter), tinyModel(), nil, c, 0); err == nil || !strings.Contains(err.Error(), "batch_size 170 would fit") {
		t.Error(err)
	}
	if _, err := Rehearse(host.Planner(adapter), tinyModel(), nil, Config{}, 0); err == nil || !strings.Contains(err.Error(), "batch_size is 0") {
		t.Error(err)
	}
}
