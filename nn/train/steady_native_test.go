//go:build !js

package train

import (
	"iter"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// In the loop, steps that neither validate nor sample nor save allocate nothing in Go, whatever they measure. (In a browser
// every call into JavaScript allocates.)
func TestLoopAllocatesNothing(t *testing.T) {
	c := testConfig()
	c.MaxSteps, c.SaveInterval, c.SampleInterval = 50, 50, 50
	c.Probe, c.DPO.Beta, c.BatchSize, c.MaxSeqLen = true, 0.1, 1, 12
	d := testData(t, c, 100, checkpoint.Cursor{})
	d.Kernels, d.Train, d.Validation = map[string]string{}, &pairs{Stream: d.Train}, nil
	trainer, err := New(hosttest.Device(t), mixtures()["shared"], c, d)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Release()
	next, stop := iter.Pull2(trainer.Run(t.Context()))
	defer stop()
	measured := map[string]bool{"noise_scale": false, "update_ratio": false, "update_ratio_layer_1": false, "largest_activation_layer_1": false,
		RewardMargin: false, AuxLoss: false, ExpertLoad(1, 3): false}
	for range 10 { // the first are paced, and lists grow
		s, err, ok := next()
		if err != nil || !ok {
			t.Fatal(err)
		}
		for _, v := range s.Values {
			measured[v.Name] = true
		}
	}
	for name, was := range measured {
		if !was {
			t.Errorf("%s was not measured", name)
		}
	}
	some := testing.AllocsPerRun(2, func() {
		for range measureEvery { // one of which measures all
			if s, err, ok := next(); err != nil || !ok || s.SaveDue || s.SampleDue || s.Validation != nil {
				t.Errorf("step %+v: %v", s, err)
			}
		}
	})
	if some > 0 {
		t.Errorf("%v allocations in %d steps", some, measureEvery)
	}
}
