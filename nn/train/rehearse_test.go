package train

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// What a rehearsal says that a run takes is what it takes: its peak, and each purpose.
func TestRehearsedMemoryIsTheRuns(t *testing.T) {
	for _, preset := range []string{"tiny", "minimind2-small", "minimind2", "minimind3"} {
		for _, shape := range []struct{ B, T, accumulation int }{{1, 24, 1}, {3, 50, 2}, {7, 96, 1}} {
			t.Run(fmt.Sprintf("%s %dx%d", preset, shape.B, shape.T), func(t *testing.T) {
				m, err := config.Preset(preset)
				if err != nil {
					t.Fatal(err)
				}
				m.HiddenSize, m.NumHiddenLayers, m.HeadDim, m.IntermediateSize = m.NumAttentionHeads*8, 2, 8, 64 // smaller, with its heads, vocabulary and norms
				c := testConfig()
				c.BatchSize, c.MaxSeqLen, c.AccumulationSteps, c.MaxSteps = shape.B, shape.T, shape.accumulation, 1
				dev := hosttest.Open(t)
				trainer, err := New(dev, m, c, testData(t, c, 200, checkpoint.Cursor{}))
				if err != nil {
					t.Fatal(err)
				}
				run(t, trainer, 0)
				planner := host.Planner(dev.Info)
				if _, err := Rehearse(planner, m, c, int64(c.BatchSize)); err != nil {
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
}

// What an adapter cannot do it cannot rehearse.
func TestRehearsalRefuses(t *testing.T) {
	c, adapter := testConfig(), hosttest.Device(t).Info
	c.BatchSize = 5000
	adapter.Limits.StorageBinding = 1 << 20
	if _, err := Rehearse(host.Planner(adapter), tinyModel(), c, 0); err == nil || !strings.Contains(err.Error(), "batch_size 170 would fit") {
		t.Error(err)
	}
	if _, err := Rehearse(host.Planner(adapter), tinyModel(), Config{}, 0); err == nil || !strings.Contains(err.Error(), "batch_size is 0") {
		t.Error(err)
	}
}
