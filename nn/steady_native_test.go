//go:build !js

package nn

import "testing"

// In the steady loop nothing is allocated in Go, whatever is measured. (In a browser every call into JavaScript allocates.)
func TestStepAllocatesNothing(t *testing.T) {
	m := testModel(t, shared()) // whose mixture of experts reads nothing back either
	m.Probe = true
	tr := training(t, m, 1, 8)
	tr.Noise, tr.Ratios = true, true
	b := testBatch(1, 8, 97)
	step := func() {
		tr.MicroStep(b, 0.125, true, false, 0)
		tr.MicroStep(b, 0.125, false, true, 1e-3)
		tr.State(true)
	}
	for range 4 {
		step()
	}
	if n := testing.AllocsPerRun(50, step); n >= 1 {
		t.Errorf("%v allocations a step", n)
	}
}
