package host_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func words(t *testing.T, d *host.Device, b *host.Buffer) []uint32 {
	t.Helper()
	v := make([]uint32, b.Size/4)
	if err := d.Read(b, 0, host.AsBytes(v)); err != nil {
		t.Fatal(err)
	}
	return v
}

func upload(d *host.Device, v ...uint32) *host.Buffer {
	b := d.Allocate("test", "x", int64(4*len(v)))
	d.Write(b, 0, host.AsBytes(v))
	return b
}

func want(t *testing.T, got []uint32, want ...uint32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestAdapters(t *testing.T) {
	all := host.Adapters()
	if len(all) == 0 {
		t.Fatal("no adapters")
	}
	for _, i := range all {
		l := i.Limits
		if i.Name == "" || i.Kind == "" || i.Backend == "" || strings.ContainsAny(i.Key(), " /()") {
			t.Errorf("adapter %+v, key %q", i, i.Key())
		}
		if l.StorageBinding < 128<<20 || l.Buffer < l.StorageBinding || l.StorageBuffers < 8 || l.WorkgroupMemory < 16<<10 ||
			l.WorkgroupSize < 256 || l.GroupsPerDispatch < 65535 {
			t.Errorf("%s has less than WebGPU promises: %+v", i, l)
		}
	}
}

func TestOpenWhatIsNotThere(t *testing.T) {
	_, err := host.Open(host.Options{Adapter: "Voodoo 2"})
	if !errors.Is(err, host.ErrNoAdapter) {
		t.Fatalf("%v, want ErrNoAdapter", err)
	}
	for _, i := range host.Adapters() {
		if !strings.Contains(err.Error(), i.Name) || !strings.Contains(err.Error(), `"Voodoo 2"`) {
			t.Errorf("%q does not say what was wished for or that %q is there", err, i.Name)
		}
	}
}

func TestOpenByNameAndNumber(t *testing.T) {
	for _, wish := range []string{"0", strings.ToUpper(host.Adapters()[0].Name)} {
		d, err := host.Open(host.Options{Adapter: wish})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := d.Info.Key(), host.Adapters()[0].Key(); got != want {
			t.Errorf("wish %q opened %s, want %s", wish, got, want)
		}
		d.Close()
	}
}

func TestTwoDevices(t *testing.T) {
	a, b := hosttest.Open(t), hosttest.Open(t)
	x, y := upload(a, 1, 2), upload(b, 10, 20)
	ra, rb := a.Record(affine(x, 2, 2, 1)), b.Record(affine(y, 2, 3, 0))
	for range 3 {
		a.Replay(nil, ra)
		b.Replay(nil, rb)
	}
	want(t, words(t, a, x), 15, 23)
	want(t, words(t, b, y), 270, 540)
	a.Close()
	b.Replay(nil, rb)
	want(t, words(t, b, y), 810, 1620)
}

func TestLostDevice(t *testing.T) {
	d := hosttest.Open(t)
	x := upload(d, 1)
	r := d.Record(affine(x, 1, 1, 1))
	ring := d.NewReadback(x, 2)
	d.Replay(ring, r)
	d.Lose("the laptop was undocked")
	d.Replay(ring, r)
	err := d.Wait()
	if !errors.Is(err, host.ErrLost) || !strings.Contains(err.Error(), "undocked") {
		t.Fatalf("Wait: %v", err)
	}
	if ring.Next(make([]byte, 4), true) {
		t.Error("Next read from a lost device")
	}
	if err := d.Read(x, 0, make([]byte, 4)); !errors.Is(err, host.ErrLost) {
		t.Errorf("Read: %v", err)
	}
	d.Write(x, 0, make([]byte, 4))
	d.Record(affine(d.Allocate("test", "y", 64), 1, 1, 1)).Release()
	ring.Release()
	r.Release()
	x.Release()
	d.Close()
	d.Close() // twice does no harm
}

func TestBadShader(t *testing.T) {
	d := hosttest.Open(t)
	x := upload(d, 7)
	good := d.Record(affine(x, 1, 1, 1))
	bad := d.Record(host.Call{Kernel: &brokenKernel, Params: []uint32{1}, Buffers: []*host.Buffer{x}, Grid: one})
	first := d.Err()
	if first == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"kernel broken", "nonsense"} {
		if !strings.Contains(first.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, first)
		}
	}
	if !regexp.MustCompile(`wgsl:6:10`).MatchString(first.Error()) {
		t.Errorf("the error does not say line 6, column 10: %v", first)
	}
	d.Replay(nil, bad, good) // does nothing
	if err := d.Wait(); err != first {
		t.Errorf("the error did not stick: %v", err)
	}
	if err := d.Read(x, 0, make([]byte, 4)); err != first {
		t.Errorf("Read: %v", err)
	}
	bad.Release()
	good.Release()
}

// What only the GPU library finds wrong, in the middle of a submission, is the device's error too.
func TestInvalidDispatch(t *testing.T) {
	d := hosttest.Open(t)
	k := host.Kernel{Name: "wide", Bindings: []host.Binding{{Name: "x", Write: true}}, Variants: []host.Variant{{Source: `
struct Params { count: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<u32, 1024>;
@compute @workgroup_size(1)
fn main() { x[params.count] = 1u; }
`}}}
	x := upload(d, 1)
	d.Replay(nil, d.Record(host.Call{Kernel: &k, Params: []uint32{0}, Buffers: []*host.Buffer{x}, Grid: one}))
	if err := d.Wait(); err == nil || !strings.Contains(err.Error(), "4096") {
		t.Fatalf("a binding of 4 bytes where the kernel needs 4096: %v", err)
	}
}
