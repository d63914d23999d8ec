package host_test

import (
	"runtime/debug"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// The bindings' finalizers must not run while an object is in use: make the collector run all the time, and make,
// replay and release many objects.
func TestGarbageCollection(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	d := hosttest.Open(t)
	const n = 1000
	got := make([]uint32, n)
	for i := range uint32(100) {
		x, y := d.Allocate("test", "x", 4*n), d.Allocate("test", "y", 4*n)
		ring := d.NewReadback(y, 1)
		r := d.Record(affine(x, n, 0, i), copyCall(x, y, n), affine(x, n, 2, 1))
		for range 3 {
			d.Replay(nil, r)
		}
		d.Replay(ring, r)
		if !ring.Next(host.AsBytes(got), true) {
			t.Fatal(d.Err())
		}
		for j, v := range got {
			if v != i {
				t.Fatalf("cycle %d: element %d is %d", i, j, v)
			}
		}
		want(t, words(t, d, x)[n-1:], 2*i+1)
		ring.Release()
		r.Release()
		x.Release()
		y.Release()
	}
	if entries, total, _ := d.Ledger(); total != 0 {
		t.Errorf("left over: %v", entries)
	}
}
