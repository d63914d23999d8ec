package host_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func TestReplayTwoRecordings(t *testing.T) {
	d := hosttest.Device(t)
	x := upload(d, 1, 2, 3)
	defer x.Release()
	double, increment := d.Record(affine(x, 3, 2, 0)), d.Record(affine(x, 3, 1, 1))
	defer double.Release()
	defer increment.Release()
	wanted := []uint32{1, 2, 3}
	for range 5 { // the first two are paced
		d.Replay(nil, double, increment)
		for i := range wanted {
			wanted[i] = 2*wanted[i] + 1
		}
		want(t, words(t, d, x), wanted...)
	}
	for range 8 { // without waiting in between
		d.Replay(nil, increment, double)
		for i := range wanted {
			wanted[i] = 2 * (wanted[i] + 1)
		}
	}
	want(t, words(t, d, x), wanted...)
}

func TestReplayInParts(t *testing.T) {
	d := hosttest.Device(t)
	x := upload(d, 0)
	defer x.Release()
	var calls []host.Call
	for i := range 7 {
		calls = append(calls, affine(x, 1, 10, uint32(i+1)))
	}
	r := d.Record(calls...)
	defer r.Release()
	for _, n := range []int{1, 2, 3, 7, 100} {
		d.Write(x, 0, make([]byte, 4))
		r.Split(n)
		d.Replay(nil, r)
		want(t, words(t, d, x), 1234567)
	}
}

func TestReplayNothing(t *testing.T) {
	d := hosttest.Device(t)
	r := d.Record()
	for range 3 {
		d.Replay(nil, r)
		d.Replay(nil)
	}
	r.Release()
}

func TestWriteIsBeforeWhatIsSubmittedLater(t *testing.T) {
	d := hosttest.Device(t)
	x := upload(d, 0)
	defer x.Release()
	ring := d.NewReadback(x, 3)
	defer ring.Release()
	r := d.Record(affine(x, 1, 2, 0))
	defer r.Release()
	for range 3 {
		d.Replay(nil, r)
	}
	for i := range uint32(3) {
		d.Write(x, 0, host.AsBytes([]uint32{i + 1}))
		d.Replay(ring, r)
	}
	got := make([]uint32, 1)
	for i := range uint32(3) {
		if !ring.Next(host.AsBytes(got), true) {
			t.Fatal("nothing to read")
		}
		want(t, got, 2*(i+1))
	}
}

// A grid longer than a dimension allows is folded; every element is reached once.
func TestLongGrid(t *testing.T) {
	d := hosttest.Open(t)
	d.Choose("affine", host.Choice{Constants: map[string]uint32{"SIZE": 1}})
	n := uint32(d.Info.Limits.GroupsPerDispatch) + 4465
	x := d.Allocate("test", "x", int64(4*n))
	r := d.Record(affine(x, n, 1, 1))
	d.Replay(nil, r)
	for i, v := range words(t, d, x) {
		if v != 1 {
			t.Fatalf("element %d was reached %d times", i, v)
		}
	}
}

func TestEmptyGrid(t *testing.T) {
	d := hosttest.Open(t)
	d.Record(affine(upload(d, 1), 0, 1, 1))
	if err := d.Wait(); err == nil || !strings.Contains(err.Error(), "kernel affine: a grid of [0 1 1]") {
		t.Fatalf("%v", err)
	}
}

func TestAliases(t *testing.T) {
	d := hosttest.Device(t)
	x := d.Allocate("test", "x", 1024)
	defer x.Release()
	for name, out := range map[string]*host.Buffer{
		"one buffer read and written": x,
		"two slices of one buffer":    x.Slice("half", 512, 512),
		"a buffer without memory":     host.Virtual("v", 512),
	} {
		if message := panics(func() { d.Record(copyCall(x.Slice("in", 0, 256), out, 4)) }); !strings.HasPrefix(message, "host: kernel copy") {
			t.Errorf("%s: panic %q", name, message)
		}
	}
}

func TestPlacedBuffersShareMemory(t *testing.T) {
	d := hosttest.Device(t)
	arena := d.Allocate("test", "arena", 512)
	defer arena.Release()
	v := host.Virtual("v", 8)
	part := v.Slice("part", 0, 4)
	v.Place(arena.Slice("second", 256, 256))
	r := d.Record(affine(part, 1, 1, 5))
	defer r.Release()
	d.Replay(nil, r)
	want(t, words(t, d, arena)[64:66], 5, 0)
}

// Natively workgroup memory holds garbage at first: a kernel that writes before it reads is right from its first use.
func TestWorkgroupMemory(t *testing.T) {
	d := hosttest.Open(t)
	const n = 100
	v := make([]uint32, n)
	for i := range v {
		v[i] = uint32(i)
	}
	x, out := upload(d, v...), d.Allocate("test", "out", 8)
	r := d.Record(host.Call{Kernel: &sumKernel, Params: []uint32{n}, Buffers: []*host.Buffer{x, out},
		Grid: func(string, map[string]uint32) [3]uint32 { return [3]uint32{2, 1, 1} }})
	for range 3 {
		d.Replay(nil, r)
		want(t, words(t, d, out), 63*64/2, 99*100/2-63*64/2)
	}
}

func TestChoices(t *testing.T) {
	k := host.Kernel{Name: "k", Variants: []host.Variant{{Name: "cpu", Constants: map[string]uint32{"A": 1, "B": 2}},
		{Name: "gpu", Constants: map[string]uint32{"A": 3}}}}
	d := hosttest.Open(t)
	for _, c := range []struct {
		cpu    bool
		chosen string
		want   string
	}{{true, "", "cpu A=1 B=2"}, {false, "", "gpu A=3"}, {true, "gpu A=7", "gpu A=7"}, {false, "cpu B=9", "cpu A=1 B=9"}, {true, "tpu", "cpu A=1 B=2"}} {
		d.Info.CPU = c.cpu
		if c.chosen != "" {
			choice, err := host.ParseChoice(c.chosen)
			if err != nil {
				t.Fatal(err)
			}
			d.Choose("k", choice)
		}
		if got := d.Choice(&k).String(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	if _, err := host.ParseChoice("gpu TM"); err == nil || !strings.Contains(err.Error(), `"TM"`) {
		t.Errorf("ParseChoice: %v", err)
	}
}

// An override is set by each call, a constant by the device's choice.
func TestOverridesAndConstants(t *testing.T) {
	d := hosttest.Open(t)
	x := upload(d, 1)
	var calls []host.Call
	for _, times := range []uint32{1, 3} {
		c := affine(x, 1, 2, 0)
		c.Overrides = []uint32{times}
		calls = append(calls, c)
	}
	r := d.Record(calls...)
	d.Replay(nil, r)
	want(t, words(t, d, x), 16)
	d.Choose("affine", host.Choice{Constants: map[string]uint32{"SIZE": 32}})
	var grid []uint32
	c := affine(upload(d, slices.Repeat([]uint32{1}, 100)...), 100, 0, 4)
	inner := c.Grid
	c.Grid = func(v string, constants map[string]uint32) [3]uint32 {
		g := inner(v, constants)
		grid = g[:]
		return g
	}
	r = d.Record(c)
	d.Replay(nil, r)
	want(t, grid, 4, 1, 1)
	want(t, words(t, d, c.Buffers[0]), slices.Repeat([]uint32{4}, 100)...)
}
