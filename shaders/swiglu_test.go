package shaders

import (
	"math"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

func swiglu(gate, up float64) float64 { return gate / (1 + math.Exp(-gate)) * up }

func TestSwiglu(t *testing.T) {
	foldGrids(t, 3)
	for _, n := range []int{4, 7 * 132} {
		gate, up, dout := normals(1, n, 3), normals(2, n, 1), normals(3, n, 1)
		copy(gate, []float32{0, 200, -200, -90}) // exp overflows
		out, dgate, dup := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n {
			g, u, d := float64(gate[i]), float64(up[i]), float64(dout[i])
			out[i] = swiglu(g, u)
			slope := slopes([]float64{g, u}, func(x []float64) float64 { return d * swiglu(x[0], x[1]) })
			dgate[i], dup[i] = slope[0], slope[1]
		}
		gates, ups := hosttest.Upload(t, "gate", gate), hosttest.Upload(t, "up", up)
		outs, dgates, dups := hosttest.Zeros(t, "out", n), hosttest.Zeros(t, "dgate", n), hosttest.Zeros(t, "dup", n)
		hosttest.Run(t,
			SwigluForward{Count: uint32(n), Gate: gates, Up: ups, Out: outs}.Call(),
			SwigluBackward{Count: uint32(n), Gate: gates, Up: ups, Dout: hosttest.Upload(t, "dout", dout), Dgate: dgates, Dup: dups}.Call())
		within(t, "out", hosttest.Floats(t, outs), out, 1e-6)
		within(t, "dgate", hosttest.Floats(t, dgates), dgate, 1e-6)
		within(t, "dup", hosttest.Floats(t, dups), dup, 1e-6)
		if n > 4 { // the large ones set no measure for the others
			within(t, "out", hosttest.Floats(t, outs)[4:], out[4:], 1e-6)
			within(t, "dgate", hosttest.Floats(t, dgates)[4:], dgate[4:], 1e-6)
			within(t, "dup", hosttest.Floats(t, dups)[4:], dup[4:], 1e-6)
		}
	}
}

func BenchmarkSwiglu(b *testing.B) {
	const n = 1024 * 1408
	gate, up, dout := hosttest.Upload(b, "gate", normals(1, n, 1)), hosttest.Upload(b, "up", normals(2, n, 1)), hosttest.Upload(b, "dout", normals(3, n, 1))
	out, dgate := hosttest.Zeros(b, "out", n), hosttest.Zeros(b, "dgate", n)
	b.Run("forward", func(b *testing.B) {
		benchmarkCall(b, 12*n, SwigluForward{Count: n, Gate: gate, Up: up, Out: out}.Call())
	})
	b.Run("backward", func(b *testing.B) {
		benchmarkCall(b, 20*n, SwigluBackward{Count: n, Gate: gate, Up: up, Dout: dout, Dgate: dgate, Dup: out}.Call())
	})
}
