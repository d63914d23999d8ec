// Package hosttest opens the device that tests run on and moves numbers to and from it.
package hosttest

import (
	"sync"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
)

var (
	once   sync.Once
	device *host.Device
	failed error
)

// Device returns the device that all tests of a package share; a test without an adapter fails, never skips.
// Each use checks, at the end of the test, that the device had no error.
func Device(t testing.TB) *host.Device {
	t.Helper()
	once.Do(func() { device, failed = host.Open(host.Options{Adapter: adapter}) })
	if failed != nil {
		t.Fatalf("no device to test on (make test installs a software adapter): %v", failed)
	}
	t.Cleanup(func() {
		if err := device.Wait(); err != nil {
			t.Fatalf("the device failed: %v", err)
		}
	})
	return device
}

// Open opens a device of the test's own, for tests that break it.
func Open(t testing.TB) *host.Device {
	t.Helper()
	d, err := host.Open(host.Options{Adapter: adapter})
	if err != nil {
		t.Fatalf("no device to test on (make test installs a software adapter): %v", err)
	}
	t.Cleanup(d.Close)
	return d
}

// Upload makes a buffer that holds v, for the length of the test.
func Upload[T uint32 | int32 | float32](t testing.TB, name string, v []T) *host.Buffer {
	t.Helper()
	d := Device(t)
	b := d.Allocate("test", name, int64(4*len(v)))
	t.Cleanup(b.Release)
	d.Write(b, 0, host.AsBytes(v))
	return b
}

// Zeros makes a buffer of n zeros, for the length of the test.
func Zeros(t testing.TB, name string, n int) *host.Buffer {
	t.Helper()
	return Upload(t, name, make([]float32, n))
}

// Floats reads a buffer of float32 numbers.
func Floats(t testing.TB, b *host.Buffer) []float32 {
	t.Helper()
	v := make([]float32, b.Size/4)
	if err := Device(t).Read(b, 0, host.AsBytes(v)); err != nil {
		t.Fatal(err)
	}
	return v
}

// Run dispatches calls once and waits for them.
func Run(t testing.TB, calls ...host.Call) {
	t.Helper()
	d := Device(t)
	r := d.Record(calls...)
	d.Replay(nil, r)
	if err := d.Wait(); err != nil {
		t.Fatal(err)
	}
	r.Release()
}
