package shaders

import (
	"math"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// The update's size is the difference of the parameters before and after adamw, in float64, over groups whose parts lie
// side by side; a step that is left out has none.
func TestUpdateRatio(t *testing.T) {
	const n, split = 40_004, 16_448 // two groups, cut at a multiple of host.Alignment
	table := AdamCorrections(adamwBeta1, adamwBeta2)
	before := normals(1, n, 0.1)
	r := newAdamwRun(t, before, table)
	parts := []uint32{UpdateParts(split), UpdateParts(n - split)}
	spans := hosttest.Upload(t, "spans", []uint32{0, parts[0], parts[0], parts[1], 0, parts[0] + parts[1]})
	squares := hosttest.Zeros(t, "squares", 2*int(parts[0]+parts[1]))
	ratio := hosttest.Zeros(t, "ratio", 3)
	var calls []host.Call
	first := uint32(0)
	for i, span := range [][2]int64{{0, split}, {split, n - split}} {
		part := func(b *host.Buffer) *host.Buffer { return b.Slice("part", 4*span[0], 4*span[1]) }
		calls = append(calls, UpdateSquares{Count: uint32(span[1]), First: first, Eps: adamwEps, WeightDecay: adamwDecay, Corrections: uint32(len(table) / 2),
			State: r.state, Step: r.rate, Correction: r.correction, Parameter: part(r.parameter), Moment1: part(r.moment1), Moment2: part(r.moment2), Parts: squares}.Call())
		first += parts[i]
	}
	calls = append(calls, UpdateRatio{Groups: 3, GroupParts: spans, Parts: squares, Ratio: ratio}.Call())
	for step := range 3 {
		r.step(t, 0.01, normals(uint64(10+step), n, 2))
		after := hosttest.Floats(t, r.parameter)
		hosttest.Run(t, calls...)
		var want []float64
		for _, span := range [][2]int{{0, split}, {split, n}, {0, n}} {
			var update, weight float64
			for i := span[0]; i < span[1]; i++ {
				d := float64(before[i]) - float64(after[i])
				update += d * d
				weight += float64(after[i]) * float64(after[i])
			}
			want = append(want, math.Sqrt(update/weight))
		}
		within(t, "ratio", hosttest.Floats(t, ratio), want, 1e-5)
		before = after
	}
	bad := normals(20, n, 1)
	bad[77] = float32(math.NaN())
	r.step(t, 0.01, bad)
	hosttest.Run(t, calls...)
	within(t, "ratio of a step left out", hosttest.Floats(t, ratio), []float64{0, 0, 0}, 0)
	hosttest.Run(t, Fill{Count: n, Out: r.parameter}.Call())
	hosttest.Run(t, calls...)
	within(t, "ratio of no parameters", hosttest.Floats(t, ratio), []float64{0, 0, 0}, 0)
}

func TestLargest(t *testing.T) {
	for _, n := range []int{1, 4096, 9001} {
		parts := int(MagnitudeParts(uint32(n)))
		buffer, out := hosttest.Zeros(t, "parts", 3*parts), hosttest.Upload(t, "out", []float32{0, 1e9, 0})
		rows := [][]float32{normals(1, n, 3), normals(2, n, 3), normals(3, n, 1e-3)}
		rows[0][n-1], rows[2][n/2] = -50, float32(math.Inf(-1))
		magnitudes := func(row int) host.Call {
			return Magnitudes{Count: uint32(n), First: uint32(row * parts), X: hosttest.Upload(t, "x", rows[row]), Parts: buffer}.Call()
		}
		calls := []host.Call{magnitudes(0), magnitudes(1), magnitudes(2)}
		hosttest.Run(t, append(calls, Largest{Rows: 3, Parts: uint32(parts), PartsIn: buffer, Out: out}.Call())...)
		got := hosttest.Floats(t, out)
		if got[0] != 50 || got[1] != 1e9 || !math.IsInf(float64(got[2]), 1) {
			t.Errorf("%d elements: the largest are %v, want 50, 1e9 (as before) and infinity", n, got)
		}
		rows[0][0] = float32(math.NaN())
		hosttest.Run(t, magnitudes(0), Largest{Rows: 3, Parts: uint32(parts), PartsIn: buffer, Out: out}.Call())
		if got := hosttest.Floats(t, out)[0]; !math.IsNaN(float64(got)) {
			t.Errorf("%d elements with a NaN: the largest is %v", n, got)
		}
	}
}
