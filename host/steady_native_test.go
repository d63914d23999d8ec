//go:build !js

package host_test

import (
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// A training step allocates nothing on the Go side.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	d := hosttest.Device(t)
	x := upload(d, 1, 2, 3)
	defer x.Release()
	ring := d.NewReadback(x, 2)
	defer ring.Release()
	a, b := d.Record(affine(x, 3, 1, 1), affine(x, 3, 1, 2)), d.Record(affine(x, 3, 1, 3))
	defer a.Release()
	defer b.Release()
	metrics := make([]byte, 12)
	rate := make([]byte, 4)
	step := func() {
		d.Write(x, 0, rate)
		d.Replay(nil, a, b)
		d.Replay(ring, a)
		if ring.Full() {
			ring.Next(metrics, true)
		}
	}
	for range 5 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
	want(t, words(t, d, x)[:1], 9)
}
