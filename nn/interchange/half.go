package interchange

import "math"

// The two 16-bit floats, between their bits and a float32's. Rounding is to the nearest, ties to even.

// halfFromFloat rounds to binary16: 5 bits of exponent, 10 of fraction. Too large becomes infinite.
func halfFromFloat(bits uint32) uint16 {
	sign, abs := uint16(bits>>16)&0x8000, bits&0x7fffffff
	switch {
	case abs > 0x7f800000: // NaN
		return sign | 0x7e00
	case abs >= 0x47800000: // 2^16 and more
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(abs))*(1<<24)))
	}
	abs += 0xfff + abs>>13&1                   // a carry goes on into the exponent, up to infinity
	return sign | uint16((abs-0x38000000)>>13) // the exponent's bias is 15, not 127
}

// floatFromHalf is exact.
func floatFromHalf(h uint16) uint32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, h>>10&31, uint32(h&0x3ff)
	switch exponent {
	case 0:
		return sign | math.Float32bits(float32(fraction)/(1<<24))
	case 31:
		return sign | 0x7f800000 | fraction<<13
	}
	return sign | (uint32(h&0x7fff)<<13 + 0x38000000)
}

// bfloatFromFloat rounds to the upper half of a float32. Too large becomes infinite.
func bfloatFromFloat(bits uint32) uint16 {
	if bits&0x7fffffff > 0x7f800000 { // NaN stays one
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
