package shaders

import "math"

// SumSquaresParts is the number of partial sums that sum_squares writes for count elements.
func SumSquaresParts(count uint32) uint32 { return ceil(count, 16384) }

// AdamCorrections returns the pairs 1-beta1^t, 1-beta2^t for t = 1, 2, ... that adamw reads: by far more precise than
// a GPU's pow. They end where both powers are below 2^-26, from where on both corrections round to 1. The betas are in
// [0, 1); the closer they are to 1, the longer the table (18,013 pairs for 0.999).
func AdamCorrections(beta1, beta2 float64) []float32 {
	if !(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1) {
		panic("shaders: AdamW's betas must be at least 0 and below 1")
	}
	var pairs []float32
	for t := 1.0; ; t++ {
		power1, power2 := math.Pow(beta1, t), math.Pow(beta2, t)
		pairs = append(pairs, float32(1-power1), float32(1-power2))
		if max(power1, power2) < 1.0/(1<<26) {
			return pairs
		}
	}
}

// UpdateParts is the number of parts that update_squares writes for count elements.
func UpdateParts(count uint32) uint32 { return ceil(count, 16384) }

// MagnitudeParts is the number of parts that magnitudes writes for count elements.
func MagnitudeParts(count uint32) uint32 { return ceil(count, 4096) }

// RowReach bounds the rows that one call may have on software adapters: embedding_backward adds up the rows of one token in
// one loop, which lavapipe ends silently after 65,535 looks at its condition. Other kernels take several rows a turn.
const RowReach = 65534
