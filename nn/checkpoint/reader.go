package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/tinylib/msgp/msgp"
)

// Reader reads a checkpoint: the header by NewReader, each tensor by Next. After an error it only returns that error.
type Reader struct {
	Header *Header

	r    io.Reader
	next int    // index of the tensor to come
	sum  uint32 // CRC-32C of what was read, checksums left out
	err  error
}

// NewReader reads and checks the header. size is the checkpoint's length in bytes, such as the file's: every length in
// the stream is held against it before anything is allocated, and a checkpoint that is cut short is refused here,
// before any tensor is read.
func NewReader(r io.Reader, size int64) (*Reader, error) {
	in := &Reader{r: r}
	if err := in.readPreface(size); err != nil {
		return nil, err
	}
	size -= int64(len(magic) + frameBytes)
	body, err := in.readHeader(size)
	if err != nil {
		return nil, err
	}
	size -= int64(frameBytes + len(body) + frameBytes)
	if in.Header, err = decodeHeader(body); err != nil {
		return nil, fmt.Errorf("the checkpoint's header is not usable: %w", err)
	}
	if err := in.checkSize(size); err != nil {
		return nil, err
	}
	if len(in.Header.Tensors) == 0 {
		if err := in.readEnd(); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// readPreface reads what every checkpoint begins with.
func (r *Reader) readPreface(size int64) error {
	preface := make([]byte, len(magic)+frameBytes)
	n, err := r.read(preface)
	known := min(n, len(magic))
	if n == 0 && ended(err) {
		return errors.New("not a minimind-gpu checkpoint: it is empty")
	}
	if !bytes.Equal(preface[:known], magic[:known]) {
		return fmt.Errorf("not a minimind-gpu checkpoint: it begins with %q; a model of another program is to be imported first", preface[:known])
	}
	if err != nil {
		return r.failed("its first bytes", len(preface)-n, err)
	}
	if size < int64(len(preface)) {
		return cutShort("its first bytes", int64(len(preface))-size)
	}
	tag, version := preface[len(magic)], binary.BigEndian.Uint32(preface[len(magic)+1:])
	if tag != tagUint32 {
		return fmt.Errorf("the checkpoint is damaged at its format version: %s", damagedAdvice)
	}
	if version != Version {
		return fmt.Errorf("the checkpoint has format version %d and this minimind-gpu reads version %d: use the release that wrote it, or begin a new run", version, Version)
	}
	return nil
}

// readHeader reads the encoded header, of which size bytes and no more can be left.
func (r *Reader) readHeader(size int64) ([]byte, error) {
	const place = "its header"
	start := make([]byte, frameBytes)
	if n, err := r.read(start); err != nil {
		return nil, r.failed(place, len(start)-n, err)
	}
	length := int64(binary.BigEndian.Uint32(start[1:]))
	if start[0] != tagBin32 || length > maxHeader {
		return nil, damaged(place)
	}
	if missing := frameBytes + length + frameBytes - size; missing > 0 {
		return nil, cutShort(place, missing)
	}
	body := make([]byte, length)
	if n, err := r.read(body); err != nil {
		return nil, r.failed(place, len(body)-n, err)
	}
	return body, r.readChecksum(place)
}

// decodeHeader decodes and checks a header whose checksum was right, which is no proof of good will.
func decodeHeader(body []byte) (*Header, error) {
	// Walking over the objects first proves that as many are there as their counts say, before lists are allocated.
	if rest, err := skip(body); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("it is not one MessagePack object (%d bytes follow, %w)", len(rest), err)
	}
	h := new(Header)
	if _, err := h.UnmarshalMsg(body); err != nil {
		return nil, err
	}
	return h, h.validate()
}

// maxNesting is how deep lists and maps may lie in each other: a header's lie half as deep.
const maxNesting = 16

// skip returns what follows the first object of b. It does not recurse, as msgp.Skip does on each list in a list: the
// stack of a browser ends long before what a hostile file can hold.
func skip(b []byte) ([]byte, error) {
	left := []uint64{1} // objects to come, at each level
	for len(left) > 0 {
		top := len(left) - 1
		if left[top] == 0 {
			left = left[:top]
			continue
		}
		left[top]--
		var n uint32
		var err error
		switch msgp.NextType(b) {
		case msgp.MapType:
			n, b, err = msgp.ReadMapHeaderBytes(b)
			left = append(left, 2*uint64(n))
		case msgp.ArrayType:
			n, b, err = msgp.ReadArrayHeaderBytes(b)
			left = append(left, uint64(n))
		default:
			b, err = msgp.Skip(b)
		}
		if err != nil {
			return b, err
		}
		if len(left) > maxNesting {
			return b, fmt.Errorf("lists lie more than %d deep in each other", maxNesting)
		}
	}
	return b, nil
}

// checkSize holds the bytes that are left against those that the index asks for.
func (r *Reader) checkSize(size int64) error {
	for i, t := range r.Header.Tensors {
		want := frameBytes + t.Bytes + frameBytes
		if size < want {
			missing := want - size + int64(len(endMarker))
			for _, later := range r.Header.Tensors[i+1:] {
				missing += frameBytes + later.Bytes + frameBytes
			}
			return cutShort(r.Header.place(i), missing)
		}
		size -= want
	}
	switch extra := size - int64(len(endMarker)); {
	case extra < 0:
		return cutShort("its end marker", -extra)
	case extra > 0:
		return fmt.Errorf("the checkpoint is damaged: %d bytes follow its end: %s", extra, damagedAdvice)
	}
	return nil
}

// Next reads the values of the next tensor into dst, which must be as long as Header.Tensors says, and checks them.
// With the last tensor it checks that the checkpoint ends there; after it, Next returns io.EOF.
// What is in dst after an error must not be used.
func (r *Reader) Next(dst []byte) (TensorInfo, error) {
	if r.err != nil {
		return TensorInfo{}, r.err
	}
	if r.next == len(r.Header.Tensors) {
		return TensorInfo{}, io.EOF
	}
	info := r.Header.Tensors[r.next]
	r.err = r.readTensor(info, dst)
	r.next++
	if r.err == nil && r.next == len(r.Header.Tensors) {
		r.err = r.readEnd()
	}
	return info, r.err
}

func (r *Reader) readTensor(info TensorInfo, dst []byte) error {
	place := r.Header.place(r.next)
	if int64(len(dst)) != info.Bytes {
		return fmt.Errorf("%s: a buffer of %d bytes for %d", place, len(dst), info.Bytes)
	}
	start := make([]byte, frameBytes)
	if n, err := r.read(start); err != nil {
		return r.failed(place, len(start)-n, err)
	}
	if !bytes.Equal(start, frame(tagBin32, uint32(info.Bytes))) {
		return damaged(place)
	}
	if n, err := r.read(dst); err != nil {
		return r.failed(place, len(dst)-n, err)
	}
	return r.readChecksum(place)
}

// readEnd reads the end marker and makes sure that nothing follows.
func (r *Reader) readEnd() error {
	const place = "its end marker"
	marker := make([]byte, len(endMarker))
	if n, err := r.read(marker); err != nil {
		return r.failed(place, len(marker)-n, err)
	}
	if !bytes.Equal(marker, endMarker) {
		return damaged(place)
	}
	switch n, err := io.ReadFull(r.r, make([]byte, 1)); {
	case n > 0:
		return fmt.Errorf("the checkpoint is damaged: bytes follow its end: %s", damagedAdvice)
	case err != io.EOF:
		return r.failed(place, 0, err)
	}
	return nil
}

// readChecksum holds the checksum of all that was read against the one that follows.
func (r *Reader) readChecksum(place string) error {
	want := frame(tagUint32, r.sum)
	got := make([]byte, frameBytes)
	if n, err := io.ReadFull(r.r, got); err != nil {
		return r.failed(place, len(got)-n, err)
	}
	if !bytes.Equal(got, want) {
		return damaged(place)
	}
	return nil
}

// read fills p and adds it to the checksum.
func (r *Reader) read(p []byte) (int, error) {
	n, err := io.ReadFull(r.r, p)
	r.sum = crc32.Update(r.sum, castagnoli, p[:n])
	return n, err
}

func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// failed explains why a place could not be read whole.
func (r *Reader) failed(place string, missing int, err error) error {
	if ended(err) {
		return cutShort(place, int64(missing))
	}
	return fmt.Errorf("reading %s: %w", place, err)
}

func cutShort(place string, missing int64) error {
	return fmt.Errorf("the checkpoint is cut short in %s: at least %d bytes are missing: %s", place, missing, damagedAdvice)
}

func damaged(place string) error {
	return fmt.Errorf("the checkpoint is damaged in %s: its bytes are not those that were written: %s", place, damagedAdvice)
}
