package interchange

import (
	"encoding/binary"
	"fmt"
	"math"
)

// DType is how a file stores values. All are little-endian.
type DType string

// The types that weights come in.
const (
	F32  DType = "F32"
	F16  DType = "F16"  // IEEE 754 binary16
	BF16 DType = "BF16" // the upper half of an F32
	F64  DType = "F64"  // only read
	Q8_0 DType = "Q8_0" // GGUF's: 32 values of a row as an F16 scale and 32 signed bytes
)

// blockQ8 is how many values of a row share one scale in Q8_0.
const blockQ8 = 32

// Fits reports whether rows of so many columns can be stored: Q8_0 takes whole blocks.
func (d DType) Fits(columns int) bool { return d != Q8_0 || columns%blockQ8 == 0 }

// Bytes is the size of so many values, which must be whole blocks.
func (d DType) Bytes(values int64) int64 {
	switch d {
	case F32:
		return 4 * values
	case F16, BF16:
		return 2 * values
	case F64:
		return 8 * values
	case Q8_0:
		return values / blockQ8 * (2 + blockQ8)
	}
	panic("interchange: no type " + string(d))
}

// decode fills dst with float32 values, little-endian, of all values in src.
func (d DType) decode(dst, src []byte) {
	put := func(i int, bits uint32) { binary.LittleEndian.PutUint32(dst[4*i:], bits) }
	switch d {
	case F32:
		copy(dst, src)
	case F16:
		for i := range len(src) / 2 {
			put(i, floatFromHalf(binary.LittleEndian.Uint16(src[2*i:])))
		}
	case BF16:
		for i := range len(src) / 2 {
			put(i, uint32(binary.LittleEndian.Uint16(src[2*i:]))<<16)
		}
	case F64:
		for i := range len(src) / 8 {
			put(i, math.Float32bits(float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))))
		}
	case Q8_0:
		for block := range len(src) / (2 + blockQ8) {
			q := src[block*(2+blockQ8):]
			scale := math.Float32frombits(floatFromHalf(binary.LittleEndian.Uint16(q)))
			for i, v := range q[2 : 2+blockQ8] {
				put(block*blockQ8+i, math.Float32bits(scale*float32(int8(v))))
			}
		}
	}
}

// Encode appends float32 values, little-endian, to dst as the type stores them, rounded to the nearest. The error names
// a finite value that the type has no room for.
func (d DType) Encode(dst, values []byte) ([]byte, error) {
	switch d {
	case F32:
		return append(dst, values...), nil
	case F16, BF16:
		convert, infinite := halfFromFloat, uint16(0x7c00)
		if d == BF16 {
			convert, infinite = bfloatFromFloat, 0x7f80
		}
		for at := 0; at < len(values); at += 4 {
			bits := binary.LittleEndian.Uint32(values[at:])
			v := convert(bits)
			if v&0x7fff == infinite && bits&0x7fffffff != 0x7f800000 {
				return nil, fmt.Errorf("element %d is %g, beyond the largest %s: choose another type", at/4, math.Float32frombits(bits), d)
			}
			dst = binary.LittleEndian.AppendUint16(dst, v)
		}
		return dst, nil
	case Q8_0:
		for at := 0; at < len(values); at += 4 * blockQ8 {
			dst = appendQ8(dst, values[at:at+4*blockQ8])
		}
		return dst, nil
	}
	return nil, fmt.Errorf("values cannot be written as %s", d)
}

// appendQ8 quantizes 32 values as ggml does: the largest becomes 127 or -127.
func appendQ8(dst, values []byte) []byte {
	var v [blockQ8]float32
	largest := float32(0)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(values[4*i:]))
		largest = max(largest, float32(math.Abs(float64(v[i]))))
	}
	scale, inverse := largest/127, float32(0)
	if scale != 0 {
		inverse = 1 / scale
	}
	dst = binary.LittleEndian.AppendUint16(dst, halfFromFloat(math.Float32bits(scale)))
	for _, x := range v {
		dst = append(dst, byte(int8(math.Round(float64(x*inverse)))))
	}
	return dst
}
