package checkpoint

import (
	"bytes"
	"io"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
)

// The 26M model with both moments: 310 MB, to and from memory.
func largeHeader(b *testing.B) (h *Header, buffer []byte, bytes int64) {
	b.Helper()
	m, err := config.Preset("minimind2-small")
	if err != nil {
		b.Fatal(err)
	}
	h = &Header{Model: m, Tensors: Tensors(m, GroupParameter, GroupMoment1, GroupMoment2)}
	largest := int64(0)
	for _, t := range h.Tensors {
		largest = max(largest, t.Bytes)
		bytes += t.Bytes
	}
	return h, make([]byte, largest), bytes
}

func writeLarge(b *testing.B, w io.Writer, h *Header, buffer []byte) {
	b.Helper()
	out, err := NewWriter(w, h)
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range h.Tensors {
		if err := out.Tensor(buffer[:t.Bytes]); err != nil {
			b.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	h, buffer, size := largeHeader(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		writeLarge(b, io.Discard, h, buffer)
	}
}

func BenchmarkRead(b *testing.B) {
	h, buffer, size := largeHeader(b)
	var file bytes.Buffer
	file.Grow(int(size) + 1<<20)
	writeLarge(b, &file, h, buffer)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range h.Tensors {
			if _, err := r.Next(buffer[:t.Bytes]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkCheckFinite(b *testing.B) {
	data := make([]byte, 16<<20)
	info := TensorInfo{Shape: []int{4 << 20}, DType: "f32", Bytes: 16 << 20}
	b.SetBytes(info.Bytes)
	for b.Loop() {
		if err := CheckFinite(info, data); err != nil {
			b.Fatal(err)
		}
	}
}
