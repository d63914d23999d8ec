package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// CheckFinite looks for a value that is NaN or infinite in a tensor's values, and says which and where it is. It looks
// at the bits, which no compiler may assume away.
func CheckFinite(info TensorInfo, data []byte) error {
	const exponent = 0x7f800000 // all ones: infinite or NaN
	if info.DType != "f32" {
		return nil
	}
	for at := 0; at+4 <= len(data); at += 4 {
		if bits := binary.LittleEndian.Uint32(data[at:]); bits&exponent == exponent {
			return fmt.Errorf("%s %s is %v at %v (element %d of %d): use a checkpoint from before training diverged",
				info.Group, info.Name, math.Float32frombits(bits), position(at/4, info.Shape), at/4, len(data)/4)
		}
	}
	return nil
}

// position turns the index of an element into one index per dimension.
func position(element int, shape []int) []int {
	at := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		at[i] = element % shape[i]
		element /= shape[i]
	}
	return at
}
