package interchange

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

// decodeHalf is the definition of binary16.
func decodeHalf(h uint16) float64 {
	sign := 1 - 2*float64(h>>15)
	exponent, fraction := int(h>>10&31), float64(h&0x3ff)
	switch {
	case exponent == 31 && fraction == 0:
		return sign * math.Inf(1)
	case exponent == 31:
		return math.NaN()
	case exponent == 0:
		return sign * math.Ldexp(fraction, -24)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

func decodeBfloat(b uint16) float64 { return float64(math.Float32frombits(uint32(b) << 16)) }

// TestSixteenBitFloats goes through every value: it comes back as itself, and what lies between it and the next is
// rounded to the nearer, in the middle to the even.
func TestSixteenBitFloats(t *testing.T) {
	for name, c := range map[string]struct {
		from   func(uint32) uint16
		to     func(uint16) uint32
		define func(uint16) float64
	}{
		"F16":  {halfFromFloat, floatFromHalf, decodeHalf},
		"BF16": {bfloatFromFloat, func(b uint16) uint32 { return uint32(b) << 16 }, decodeBfloat},
	} {
		for h := range 1 << 16 {
			want := c.define(uint16(h))
			got := float64(math.Float32frombits(c.to(uint16(h))))
			if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("%s %#04x is %v, want %v", name, h, got, want)
			}
			back := c.from(math.Float32bits(float32(want)))
			if math.IsNaN(want) {
				if !math.IsNaN(c.define(back)) {
					t.Fatalf("%s of NaN is %#04x", name, back)
				}
				continue
			}
			if back != uint16(h) {
				t.Fatalf("%s %#04x comes back as %#04x", name, h, back)
			}
			next := c.define(uint16(h) + 1)
			if math.IsInf(want, 0) || math.IsNaN(next) {
				continue
			}
			if math.IsInf(next, 0) { // as if the exponents went on
				next = 2*want - c.define(uint16(h)-1)
			}
			middle := float32((want + next) / 2)
			if float64(middle) != (want+next)/2 {
				continue // of the smallest BF16: no float32
			}
			even := uint16(h + h&1)
			below, above := math.Nextafter32(middle, float32(want)), math.Nextafter32(middle, float32(next))
			for _, r := range []struct {
				v    float32
				want uint16
			}{{below, uint16(h)}, {middle, even}, {above, uint16(h) + 1}} {
				if got := c.from(math.Float32bits(r.v)); got != r.want {
					t.Fatalf("%s of %v is %#04x, want %#04x", name, r.v, got, r.want)
				}
			}
		}
	}
}

func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func TestEncodeSaysWhatDoesNotFit(t *testing.T) {
	for d, largest := range map[DType]float32{F16: 65504, BF16: 0x1.fep127} {
		for _, sign := range []float32{1, -1} {
			fits, _ := d.Encode(nil, floats(sign*largest))
			back := make([]byte, 4)
			d.decode(back, fits)
			if !bytes.Equal(back, floats(sign*largest)) {
				t.Errorf("the largest %s comes back as %x", d, back)
			}
			_, err := d.Encode(nil, floats(1, sign*math.MaxFloat32))
			if err == nil || !strings.Contains(err.Error(), "element 1 is") || !strings.Contains(err.Error(), string(d)) {
				t.Errorf("%s: %v", d, err)
			}
		}
	}
}

// TestQ8 holds the quantization against its definition: no value is further off than half a step of its block.
func TestQ8(t *testing.T) {
	var values []float32
	for i := range 4 * blockQ8 {
		values = append(values, float32(math.Sin(float64(i*i)))*float32(i/blockQ8)) // the first block is zero
	}
	encoded, err := Q8_0.Encode(nil, floats(values...))
	if err != nil || int64(len(encoded)) != Q8_0.Bytes(int64(len(values))) {
		t.Fatalf("%d bytes, %v", len(encoded), err)
	}
	decoded := make([]byte, 4*len(values))
	Q8_0.decode(decoded, encoded)
	for block := range 4 {
		largest := 0.0
		for _, v := range values[block*blockQ8:][:blockQ8] {
			largest = max(largest, math.Abs(float64(v)))
		}
		for i, v := range values[block*blockQ8:][:blockQ8] {
			got := math.Float32frombits(binary.LittleEndian.Uint32(decoded[4*(block*blockQ8+i):]))
			if off := math.Abs(float64(got - v)); off > largest/127*0.5+largest/2048 { // the scale itself is an F16
				t.Errorf("value %d of block %d is %v, want %v", i, block, got, v)
			}
		}
	}
}
