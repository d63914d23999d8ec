package checkpoint

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Writer writes a checkpoint: the header by NewWriter, each tensor by Tensor, the end by Close.
// After an error it only returns that error.
type Writer struct {
	w      io.Writer
	header *Header
	next   int    // index of the tensor to come
	sum    uint32 // CRC-32C of what was written, checksums left out
	err    error
}

// NewWriter checks the header and writes it. The header must not change until Close.
func NewWriter(w io.Writer, h *Header) (*Writer, error) {
	if err := h.validate(); err != nil {
		return nil, fmt.Errorf("cannot write this checkpoint: %w", err)
	}
	body, err := h.MarshalMsg(nil)
	if err != nil {
		return nil, fmt.Errorf("cannot write this checkpoint's header: %w", err)
	}
	if len(body) > maxHeader {
		return nil, fmt.Errorf("cannot write this checkpoint: its header of %d bytes (of which the tokenizer is %d) is above the limit of %d", len(body), len(h.Tokenizer), maxHeader)
	}
	out := &Writer{w: w, header: h}
	out.write(magic)
	out.write(frame(tagUint32, Version))
	out.bin(body)
	return out, out.err
}

// Tensor writes the values of the next tensor of the header's index, little-endian.
func (w *Writer) Tensor(data []byte) error {
	if w.err != nil {
		return w.err
	}
	if w.next == len(w.header.Tensors) {
		w.err = fmt.Errorf("all %d tensors of the checkpoint are already written", w.next)
		return w.err
	}
	if want := w.header.Tensors[w.next].Bytes; int64(len(data)) != want {
		w.err = fmt.Errorf("%s: %d bytes to write, but the index says %d", w.header.place(w.next), len(data), want)
		return w.err
	}
	w.bin(data)
	w.next++
	return w.err
}

// Close writes the end marker; nothing can be written after it. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.err == nil && w.next < len(w.header.Tensors) {
		w.err = fmt.Errorf("the checkpoint is not complete: %s is still to be written", w.header.place(w.next))
	}
	w.write(endMarker)
	if w.err != nil {
		return w.err
	}
	w.err = errors.New("the checkpoint is already closed")
	return nil
}

// bin writes data as a bin 32, and the checksum.
func (w *Writer) bin(data []byte) {
	w.write(frame(tagBin32, uint32(len(data))))
	w.write(data)
	sum := w.sum
	w.write(frame(tagUint32, sum))
	w.sum = sum // a checksum does not enter the next one
}

func (w *Writer) write(p []byte) {
	if w.err != nil {
		return
	}
	w.sum = crc32.Update(w.sum, castagnoli, p)
	_, w.err = w.w.Write(p)
}
