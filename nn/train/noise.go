package train

import (
	"math"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
)

// The gradient noise scale says from how many targets on a larger batch brings less than it costs. It is tr(S)/|G|^2, for
// the true gradient G and the covariance S of one target's gradient, and is estimated from the squared norms of the
// gradients of a small batch (a step's first micro-batch) and of a large one (all of the step):
//
//	|G|^2 = (large*|g_large|^2 - small*|g_small|^2) / (large - small)
//	tr(S) = (|g_small|^2 - |g_large|^2) / (1/small - 1/large)
//
// Each is averaged over steps before they are divided (McCandlish, Kaplan, Amodei, 2018: "An Empirical Model of
// Large-Batch Training", appendix A.1).

// noiseDecay averages over about twenty steps.
const noiseDecay = 0.95

// addNoise adds a step's squared norms, of batches of so many targets.
func addNoise(n checkpoint.Noise, smallSquares, largeSquares, small, large float64) checkpoint.Noise {
	if !(large > small) || math.IsNaN(smallSquares+largeSquares) || math.IsInf(smallSquares+largeSquares, 0) {
		return n
	}
	decay := math.Min(noiseDecay, 1-1/float64(n.Seen+1))
	n.Signal = decay*n.Signal + (1-decay)*(large*largeSquares-small*smallSquares)/(large-small)
	n.Scatter = decay*n.Scatter + (1-decay)*(smallSquares-largeSquares)/(1/small-1/large)
	n.Seen++
	return n
}

// NoiseScale is the gradient noise scale in targets: 0 before it is measured, +Inf when the gradient is lost in the
// noise.
func NoiseScale(n checkpoint.Noise) float64 {
	switch {
	case n.Seen == 0 || n.Scatter <= 0:
		return 0
	case n.Signal <= 0:
		return math.Inf(1)
	}
	return n.Scatter / n.Signal
}
