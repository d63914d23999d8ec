//go:build !js

package shaders

import (
	"math"
	"testing"
)

// Mesa's software adapter ends loops, silently; Node has another one. Here loops are as long as they may be.

// TestAttentionLongRows has rows as long as AttentionReach promises.
func TestAttentionLongRows(t *testing.T) {
	// Sums of n numbers, one after the other, are off by some sqrt(n) * 2^-24.
	const D, bound = 128, 5e-6
	S := int(AttentionReach(D, 1))
	a := (&attention{N: 3, S: S, H: 4, K: 1, D: D, keys: [][2]int{{0, S - 1}, {0, S - 2}, {1, S - 1}}}).random(6, 1)
	a.solveForward(t, a.upload(t), bound)

	// Every row sees the first keys and no other, so that only they have queries: all N, times four heads.
	N := int(AttentionReach(D, 4))
	a = &attention{N: N, S: N, H: 4, K: 1, D: D}
	for range N {
		a.keys, a.queries = append(a.keys, [2]int{0, 2}), append(a.queries, [2]int{1, 0})
	}
	for n := range 3 {
		a.queries[n] = [2]int{0, N - 1}
	}
	a.random(7, 1).solve(t, bound)
}

// The sum over rows has as many as a batch may.
func TestMatmulBackwardWeightOfManyRows(t *testing.T) { testMatmulBackwardWeight(t, RowReach, 4, 5) }

// A deep sum in parts is made for as many rows at a time as there is room for.
func TestMatmulBackwardInputDeep(t *testing.T) {
	for _, s := range [][3]int{{150, 4, 2101}, {40, 4, 20001}} {
		testMatmulBackwardInput(t, s[0], s[1], s[2])
	}
}

// Rows of the largest vocabulary: the gradient reaches their ends, of one that counts for nothing, too. A sum of 16,384 fours,
// one after the other, is off by some 1e-5.
func TestLossesOfTheLargestVocabulary(t *testing.T) {
	const V, w = 65535, 0.1 // which four does not divide
	logits, teacher, targets, weight := normals(1, 2*V, 3), normals(2, 2*V, 3), []uint32{V - 1, 0}, []float32{w, 0}
	want, soft := make([]float64, 2*V), make([]float64, 2*V)
	p, q := logSoftmax(wide(logits[:V])), logSoftmax(wide(teacher[:V]))
	for v := range V {
		want[v], soft[v] = w*math.Exp(p[v]), w*(math.Exp(p[v])-math.Exp(q[v]))
	}
	want[V-1] -= w
	_, got := runCrossEntropy(t, V, 1, logits, targets, weight)
	within(t, "cross-entropy's gradient", got, want, 2e-5)
	_, _, got = runDistillation(t, Distillation{Temperature: 1, Gradient: 1}, logits, teacher, targets, weight)
	within(t, "distillation's gradient", got, soft, 2e-5)
}
