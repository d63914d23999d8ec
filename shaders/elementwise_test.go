package shaders

import (
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func TestFillAndAdd(t *testing.T) {
	const n = 5124
	foldGrids(t, 5)
	a, b, out := hosttest.Zeros(t, "a", n), make([]float32, n), hosttest.Zeros(t, "out", n)
	for i := range b {
		b[i] = float32(i)
	}
	hosttest.Run(t,
		Fill{Count: n, Value: 0.5, Out: a}.Call(),
		Add{Count: n, A: a, B: hosttest.Upload(t, "b", b), Out: out}.Call())
	for i, got := range hosttest.Floats(t, out) {
		if want := float32(i) + 0.5; got != want {
			t.Fatalf("out[%d] = %v, want %v", i, got, want)
		}
	}
}

func TestScale(t *testing.T) {
	foldGrids(t, 2)
	for _, n := range []int{4, 2052} {
		x, before := normals(1, n, 2), normals(2, n, 1)
		for accumulate := range uint32(2) {
			out := hosttest.Upload(t, "out", before)
			hosttest.Run(t, Scale{Count: uint32(n), Factor: 0.75, Accumulate: accumulate, X: hosttest.Upload(t, "x", x), Out: out}.Call())
			want := make([]float64, n)
			for i := range want {
				want[i] = 0.75*float64(x[i]) + float64(accumulate)*float64(before[i])
			}
			within(t, "out", hosttest.Floats(t, out), want, 1e-7)
		}
	}
}
