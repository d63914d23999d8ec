package host_test

import (
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func TestReadbackRing(t *testing.T) {
	d := hosttest.Device(t)
	x := upload(d, 0, 100)
	defer x.Release()
	ring := d.NewReadback(x, 3)
	defer ring.Release()
	r := d.Record(affine(x, 2, 1, 1))
	defer r.Release()

	got := make([]uint32, 2)
	if ring.Next(host.AsBytes(got), true) || ring.Full() || ring.Pending() != 0 {
		t.Fatal("a new ring is not empty")
	}
	taken := uint32(0)
	take := func() {
		t.Helper()
		if !ring.Next(host.AsBytes(got), true) {
			t.Fatal("nothing to read")
		}
		taken++
		want(t, got, taken, 100+taken)
	}
	for range 3 {
		d.Replay(ring, r)
	}
	if !ring.Full() || ring.Pending() != 3 {
		t.Fatalf("after 3 replays of a ring of 3: Full %v, Pending %d", ring.Full(), ring.Pending())
	}
	if message := panics(func() { d.Replay(ring, r) }); message != "host: Replay with a full readback" {
		t.Fatalf("one replay too many: panic %q", message)
	}
	take()
	take()
	for range 10 { // the ring turns; copies are read late
		d.Replay(ring, r)
		take()
	}
	take()
	if ring.Next(host.AsBytes(got), true) {
		t.Fatal("an empty ring gave something")
	}
}

// A copy that has arrived is there without waiting.
func TestReadbackWithoutWaiting(t *testing.T) {
	d := hosttest.Device(t)
	x := upload(d, 41)
	defer x.Release()
	ring := d.NewReadback(x, 2)
	defer ring.Release()
	r := d.Record(affine(x, 1, 1, 1))
	defer r.Release()
	d.Replay(ring, r)
	got := make([]uint32, 1)
	tries := 0
	for !ring.Next(host.AsBytes(got), false) {
		if err := d.Wait(); err != nil {
			t.Fatal(err)
		}
		if tries++; tries > 100 {
			t.Fatal("the copy never arrived")
		}
	}
	want(t, got, 42)
}
