package host_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func TestBuffersAreZeroed(t *testing.T) {
	d := hosttest.Device(t)
	for i := range 20 { // a driver that reuses memory shows what was there
		b := d.Allocate("test", "x", 1<<16)
		if v := words(t, d, b); slices.ContainsFunc(v, func(w uint32) bool { return w != 0 }) {
			t.Fatalf("buffer %d was not zeroed", i)
		}
		d.Replay(nil, d.Record(affine(b, 1<<14, 0, 0xdeadbeef)))
		b.Release()
	}
}

// A buffer that is first bound in part keeps what a kernel writes there, and the rest stays zero.
func TestBoundInPart(t *testing.T) {
	d := hosttest.Device(t)
	b := d.Allocate("test", "x", 1024)
	defer b.Release()
	r := d.Record(affine(b.Slice("part", 512, 8), 2, 0, 9))
	defer r.Release()
	d.Replay(nil, r)
	all := make([]uint32, 256)
	all[128], all[129] = 9, 9
	want(t, words(t, d, b), all...)
}

// A kernel that takes a buffer as vec4s reaches its last element, whatever the size.
func TestBoundAsVectors(t *testing.T) {
	d := hosttest.Device(t)
	for _, size := range []int64{4, 12, 16, 20} {
		b := d.Allocate("test", "x", size)
		r := d.Record(host.Call{Kernel: &onesKernel, Params: []uint32{uint32(size+15) / 16}, Buffers: []*host.Buffer{b}, Grid: one})
		d.Replay(nil, r)
		want(t, words(t, d, b), slices.Repeat([]uint32{1}, int(size/4))...)
		r.Release()
		b.Release()
	}
}

func TestWriteAndReadParts(t *testing.T) {
	d := hosttest.Device(t)
	b := d.Allocate("test", "x", 4096)
	defer b.Release()
	s := b.Slice("s", 256, 512).Slice("s of s", 256, 256)
	d.Write(s, 8, host.AsBytes([]uint32{3, 4, 5}))
	d.Write(s, 0, nil)
	v := words(t, d, b)
	want(t, v[128+1:128+6], 0, 3, 4, 5, 0)
	part := make([]uint32, 2)
	if err := d.Read(s, 12, host.AsBytes(part)); err != nil {
		t.Fatal(err)
	}
	want(t, part, 4, 5)
}

// Longer than the chunks that a backend writes and reads at a time.
func TestWriteAndReadMuch(t *testing.T) {
	d := hosttest.Device(t)
	v := make([]uint32, 9<<20)
	for i := range v {
		v[i] = uint32(i) * 2654435761
	}
	b := upload(d, v...)
	defer b.Release()
	if !slices.Equal(words(t, d, b), v) {
		t.Fatal("read other bytes than were written")
	}
}

func TestOutOfRange(t *testing.T) {
	d := hosttest.Device(t)
	b := d.Allocate("test", "x", 512)
	defer b.Release()
	eight := make([]byte, 8)
	for name, f := range map[string]func(){
		"a write past the end":     func() { d.Write(b, 508, eight) },
		"a write at an odd offset": func() { d.Write(b, 2, eight) },
		"a read past the end":      func() { d.Read(b, 508, eight) },
		"a read before the start":  func() { d.Read(b, -4, eight) },
		"a slice past the end":     func() { b.Slice("s", 256, 257) },
		"a slice off alignment":    func() { b.Slice("s", 128, 4) },
		"an empty slice":           func() { b.Slice("s", 0, 0) },
		"a place too small":        func() { host.Virtual("v", 513).Place(b) },
	} {
		if message := panics(f); !strings.HasPrefix(message, "host: ") {
			t.Errorf("%s: panic %q", name, message)
		}
	}
}

func panics(f func()) (message string) {
	defer func() { message, _ = recover().(string) }()
	f()
	return ""
}

func TestBufferTooLarge(t *testing.T) {
	d := hosttest.Open(t)
	limit := d.Info.Limits.Buffer
	b := d.Allocate("activations", "q", limit+1)
	err := d.Wait()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"q (activations)", host.Bytes(limit + 1), "at most " + host.Bytes(limit), d.Info.Name} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	b.Release()
	if _, total, _ := d.Ledger(); total != 0 {
		t.Errorf("the ledger holds %d bytes", total)
	}
}

func TestBindingTooLarge(t *testing.T) {
	d := hosttest.Open(t)
	limit := d.Info.Limits.StorageBinding
	if limit+256 > d.Info.Limits.Buffer {
		return // every buffer can be bound whole
	}
	x := d.Allocate("test", "x", limit+256)
	d.Record(affine(x, 1, 1, 1))
	err := d.Wait()
	if err == nil || !strings.Contains(err.Error(), "kernel affine: x (x) is "+host.Bytes(limit+256)) {
		t.Fatalf("the error does not say which binding is too large: %v", err)
	}
}

func TestLedger(t *testing.T) {
	d := hosttest.Open(t)
	a := d.Allocate("parameters", "a", 1000)
	b := d.Allocate("activations", "b", 5000)
	c := d.Allocate("parameters", "c", 24)
	ring := d.NewReadback(c, 3)
	r := d.Record(affine(a, 1, 1, 1), affine(b, 1, 1, 1))
	entries, total, _ := d.Ledger()
	wanted := []host.Entry{{Purpose: "activations", Bytes: 5120}, {Purpose: "parameters", Bytes: 1280},
		{Purpose: "readback", Bytes: 768}, {Purpose: "kernel parameters", Bytes: 512}}
	if !slices.Equal(entries, wanted) || total != 7680 {
		t.Errorf("%v, total %d; want %v, 7680", entries, total, wanted)
	}
	a.Release()
	a.Release() // twice does no harm
	b.Release()
	c.Release()
	ring.Release()
	r.Release()
	r.Release()
	if entries, total, peak := d.Ledger(); len(entries) != 0 || total != 0 || peak != 7680 {
		t.Errorf("after Release: %v, total %d, peak %d", entries, total, peak)
	}
}
