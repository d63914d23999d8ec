package host

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"
)

// Alignment is what offsets of bindings are multiples of, in bytes.
const Alignment = 256

// Align rounds a size in bytes up to a multiple of Alignment.
func Align(bytes int64) int64 { return (bytes + Alignment - 1) / Alignment * Alignment }

// Buffer is a range of device memory. One that was made by Virtual has a size only, until Place gives it memory:
// a planner looks first at who needs what when.
type Buffer struct {
	Name string
	Size int64 // bytes

	memory *memory // nil while virtual, and in slices
	parent *Buffer // what a slice is a slice of, or where a virtual buffer was placed
	offset int64   // within the parent
}

// memory is one allocation of the backend.
type memory struct {
	handle  bufferHandle
	size    int64 // 0 before it is allocated and after it is released
	purpose string
	device  *Device
}

// Virtual makes a buffer without memory.
func Virtual(name string, size int64) *Buffer { return &Buffer{Name: name, Size: size} }

// Place gives b the first bytes of another buffer. Several virtual buffers may share them, if their lives do not
// overlap.
func (b *Buffer) Place(in *Buffer) {
	if b.Size > in.Size {
		panic(fmt.Sprintf("host: %s (%d bytes) does not fit into %s (%d bytes)", b.Name, b.Size, in.Name, in.Size))
	}
	b.parent = in
}

// Slice is the range [offset, offset+size) of b, in bytes; offset is a multiple of Alignment. b may still be virtual.
func (b *Buffer) Slice(name string, offset, size int64) *Buffer {
	if offset%Alignment != 0 || offset < 0 || size <= 0 || offset+size > b.Size {
		panic(fmt.Sprintf("host: slice [%d, +%d) of %s (%d bytes)", offset, size, b.Name, b.Size))
	}
	return &Buffer{Name: name, Size: size, parent: b, offset: offset}
}

// Span is the range from the beginning of a to the end of b, two slices of one buffer.
func Span(a, b *Buffer) *Buffer {
	if a.parent == nil || a.parent != b.parent || b.offset < a.offset {
		panic(fmt.Sprintf("host: no span from %s to %s", a.Name, b.Name))
	}
	return a.parent.Slice(a.Name, a.offset, b.offset+b.Size-a.offset)
}

// Root is the buffer that b is a slice of, or b.
func (b *Buffer) Root() *Buffer {
	for b.parent != nil {
		b = b.parent
	}
	return b
}

// Placed says that the buffer has memory.
func (b *Buffer) Placed() bool { return b.Root().memory != nil }

// at returns where the buffer's bytes begin.
func (b *Buffer) at() (*memory, int64) {
	offset := int64(0)
	for ; b.parent != nil; b = b.parent {
		offset += b.offset
	}
	return b.memory, offset
}

// Allocate makes a zeroed buffer. The purpose is its line in the ledger ("parameters", "activations", ...).
func (d *Device) Allocate(purpose, name string, size int64) *Buffer {
	b := Virtual(name, size)
	b.memory = &memory{purpose: purpose, device: d}
	if d.Err() != nil {
		return b
	}
	if Align(size) > d.Info.Limits.Buffer {
		d.fail(fmt.Errorf("%s (%s) needs one buffer of %s, and this adapter (%s) allows at most %s",
			name, purpose, Bytes(size), d.Info.Name, Bytes(d.Info.Limits.Buffer)))
		return b
	}
	if !d.planning {
		h, err := d.backend.allocate(Align(size), usageStorage)
		if err != nil {
			d.fail(fmt.Errorf("no memory for %s (%s of %s), after %s in use: %w",
				name, Bytes(size), purpose, Bytes(d.ledger.total), err))
			return b
		}
		b.memory.handle = h
	}
	b.memory.size = Align(size)
	d.ledger.add(purpose, b.memory.size)
	return b
}

// Release gives the allocation back, and with it every slice of it.
func (b *Buffer) Release() {
	m := b.memory
	if m == nil || m.device.closed() || m.size == 0 {
		return
	}
	if m.device.Err() == nil && !m.device.planning {
		m.device.backend.free(m.handle)
	}
	m.device.ledger.add(m.purpose, -m.size)
	m.size = 0
}

// Write copies data to the buffer's bytes from offset on, before any work submitted later. Offset and length are
// multiples of 4.
func (d *Device) Write(b *Buffer, offset int64, data []byte) {
	if offset < 0 || offset+int64(len(data)) > b.Size || offset%4 != 0 || len(data)%4 != 0 {
		panic(fmt.Sprintf("host: write of [%d, +%d) to %s (%d bytes)", offset, len(data), b.Name, b.Size))
	}
	if len(data) == 0 || d.planning || d.Err() != nil {
		return
	}
	m, start := b.at()
	d.fail(d.backend.write(m.handle, start+offset, data))
}

// Read waits for all submitted work and copies the buffer's bytes from offset on to dst.
func (d *Device) Read(b *Buffer, offset int64, dst []byte) error {
	if offset < 0 || offset+int64(len(dst)) > b.Size || offset%4 != 0 || len(dst)%4 != 0 {
		panic(fmt.Sprintf("host: read of [%d, +%d) from %s (%d bytes)", offset, len(dst), b.Name, b.Size))
	}
	if d.planning {
		d.fail(errPlanning)
	}
	if len(dst) > 0 && d.Err() == nil {
		m, start := b.at()
		d.fail(d.backend.read(m.handle, start+offset, dst))
	}
	return d.Err()
}

// AsBytes shows numbers as the bytes that Write takes and Read fills.
func AsBytes[T uint32 | int32 | float32](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
}

// ledger counts bytes by purpose.
type ledger struct {
	bytes map[string]int64
	total int64
	peak  int64
}

// Entry is a line of the ledger.
type Entry struct {
	Purpose string
	Bytes   int64
}

func (l *ledger) init() { l.bytes = map[string]int64{} }

func (l *ledger) add(purpose string, n int64) {
	l.bytes[purpose] += n
	l.total += n
	l.peak = max(l.peak, l.total)
}

// Ledger returns the bytes in use by purpose, largest first, their sum, and the largest sum so far.
func (d *Device) Ledger() (entries []Entry, total, peak int64) {
	for p, n := range d.ledger.bytes {
		if n != 0 {
			entries = append(entries, Entry{p, n})
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		if a.Bytes != b.Bytes {
			return int(min(max(b.Bytes-a.Bytes, -1), 1))
		}
		return strings.Compare(a.Purpose, b.Purpose)
	})
	return entries, d.ledger.total, d.ledger.peak
}

// Bytes writes a size for people.
func Bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// AsWord is a number's bits, as they stand in a buffer of words.
func AsWord(v float32) uint32 { return math.Float32bits(v) }
