package interchange

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// Tensor is a tensor in a file.
type Tensor struct {
	Name    string
	Shape   []int
	DType   DType
	Data    io.ReaderAt       // its values from offset 0, row-major
	FileRow func(row int) int // the row of the file that holds a row, where the file has its own order; else nil
}

// maxTensor is a bound on sizes: a checkpoint's tensor stays below it.
const maxTensor = math.MaxUint32

// chunk is how much is read at once.
const chunk = 1 << 20

// Bytes is what the tensor takes in its file. The error says that no file can hold it.
func (t *Tensor) Bytes() (int64, error) {
	n := int64(1)
	for _, d := range t.Shape {
		if d < 1 || n > maxTensor/int64(d) {
			return 0, fmt.Errorf("%s has the shape %v, which is not that of a tensor below 4 GiB", t.Name, t.Shape)
		}
		n *= int64(d)
	}
	if _, columns := t.rows(); !t.DType.Fits(columns) {
		return 0, fmt.Errorf("%s has the shape %v, whose rows are not whole blocks of %s", t.Name, t.Shape, t.DType)
	}
	return t.DType.Bytes(n), nil
}

// rows sees the tensor as a matrix: the last dimension is a row.
func (t *Tensor) rows() (rows, columns int) {
	rows, columns = 1, 1
	for i, d := range t.Shape {
		if i == len(t.Shape)-1 {
			columns = d
		} else {
			rows *= d
		}
	}
	return rows, columns
}

// ReadFloat32 fills dst with the values, float32 and little-endian; it must be 4 bytes for each.
func (t *Tensor) ReadFloat32(dst []byte) error {
	rows, columns := t.rows()
	perRow := t.DType.Bytes(int64(columns))
	together := max(1, int(chunk/perRow))
	if t.FileRow != nil {
		together = 1
	}
	buffer := make([]byte, int64(min(together, rows))*perRow)
	for row := 0; row < rows; row += together {
		src, from := buffer[:int64(min(together, rows-row))*perRow], row
		if t.FileRow != nil {
			from = t.FileRow(row)
		}
		if err := readAt(t, src, int64(from)*perRow); err != nil {
			return err
		}
		t.DType.decode(dst[4*row*columns:], src)
	}
	return nil
}

func readAt(t *Tensor, p []byte, offset int64) error {
	if n, err := t.Data.ReadAt(p, offset); n < len(p) {
		return fmt.Errorf("%s: reading its values: %w", t.Name, err)
	}
	return nil
}

// sameValues compares two tensors bit for bit as they are stored.
func sameValues(a, b *Tensor) (bool, error) {
	if a == nil || b == nil || a.DType != b.DType || fmt.Sprint(a.Shape) != fmt.Sprint(b.Shape) {
		return false, nil
	}
	size, err := a.Bytes()
	if err != nil {
		return false, err
	}
	x, y := make([]byte, min(size, chunk)), make([]byte, min(size, chunk))
	for at := int64(0); at < size; at += chunk {
		n := min(size-at, chunk)
		if err := readAt(a, x[:n], at); err != nil {
			return false, err
		}
		if err := readAt(b, y[:n], at); err != nil {
			return false, err
		}
		if !bytes.Equal(x[:n], y[:n]) {
			return false, nil
		}
	}
	return true, nil
}
