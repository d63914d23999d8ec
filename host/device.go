// Package host is the little of WebGPU that training needs: a device, buffers with a ledger of who owns which
// byte, kernels compiled from WGSL, recordings of dispatches that are replayed, late readback of metrics, and
// a profiler. Everything above it is the same natively and in the browser; the two differ only in
// the files that end in _native.go and _js.go.
//
// A device belongs to one goroutine at a time. Its first error sticks: later calls do nothing, and the next
// Wait, Read or Err returns it (as bufio.Writer does). Errors match ErrLost when the device itself is gone.
package host

import (
	"errors"
	"fmt"
	"strings"
)

// ErrLost is matched by the error of a device that vanished: a driver reset, a crashed GPU process, a laptop
// that unplugged its GPU. A run can go on from its last checkpoint on a newly opened device.
var ErrLost = errors.New("the GPU was lost")

// ErrNoAdapter is matched by Open's error when no usable adapter was found.
var ErrNoAdapter = errors.New("no GPU adapter was found")

// Info describes an adapter.
type Info struct {
	Name   string // as the driver says it
	Vendor string
	Driver string
	// VendorID and DeviceID are the GPU's numbers on the PCI bus; 0 where that is not told, as in browsers.
	VendorID, DeviceID uint32

	Backend string // Vulkan, Metal, D3D12, GL, or WebGPU in a browser
	CPU     bool   // a software adapter: kernels choose their variants for CPUs
	Kind    string // discrete GPU, integrated GPU, software adapter, unknown
	Limits  Limits
	F16     bool // WGSL f16 arithmetic
	// Timestamps says that the adapter can time kernels; without them the profiler times by the clock.
	Timestamps bool
}

// Limits are the adapter's, of those that training depends on. Sizes are in bytes.
type Limits struct {
	StorageBinding    int64 // the largest range one binding can show to a kernel
	Buffer            int64 // the largest buffer
	StorageBuffers    int   // storage buffers that one kernel can bind
	WorkgroupMemory   int
	WorkgroupSize     int // invocations in a workgroup
	GroupsPerDispatch int // workgroups in one dimension
}

// String is one line for people.
func (i Info) String() string {
	s := i.Name
	if i.Driver != "" {
		s += " (" + i.Driver + ")"
	}
	return fmt.Sprintf("%s, %s, %s", s, i.Kind, i.Backend)
}

// Key names the adapter in files: its tuned choices hold for the same key only.
func (i Info) Key() string {
	clean := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.':
			return r
		}
		return '-'
	}
	return strings.Map(clean, i.Backend+" "+i.Name+" "+i.Driver)
}

// Options choose an adapter.
type Options struct {
	// Adapter is a part of the wanted adapter's name (any case), or its number in the list that Adapters
	// returns, or "cpu" or "gpu". Empty takes the fastest kind: discrete, integrated, then software.
	Adapter string
}

// Device is an opened adapter.
type Device struct {
	Info Info

	backend   *backend
	planning  bool // there is no backend: see Planner
	err       error
	ledger    ledger
	pipelines map[string]pipeline
	choices   map[string]Choice
}

// Open opens an adapter. Without one the error matches ErrNoAdapter and says what to install.
func Open(o Options) (*Device, error) {
	b, info, err := openBackend(o)
	if err != nil {
		return nil, err
	}
	d := &Device{Info: info, backend: b, pipelines: map[string]pipeline{}, choices: map[string]Choice{}}
	d.ledger.init()
	return d, nil
}

// Close gives the device and everything made on it back.
func (d *Device) Close() {
	if d.backend != nil {
		d.backend.close()
		d.backend = nil
	}
}

// closed says that the device has been given back.
func (d *Device) closed() bool { return d.backend == nil && !d.planning }

// Err returns the device's first error.
func (d *Device) Err() error {
	if d.err == nil && !d.planning {
		d.err = d.backend.lost()
	}
	return d.err
}

func (d *Device) fail(err error) {
	if d.err == nil && err != nil {
		d.err = err
		if d.planning {
			return
		}
		if lost := d.backend.lost(); lost != nil {
			d.err = lost
		}
	}
}

// Wait waits until all submitted work is done, and returns the device's first error.
func (d *Device) Wait() error {
	if d.Err() == nil && !d.planning {
		d.fail(d.backend.wait(0))
	}
	return d.Err()
}
