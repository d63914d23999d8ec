package shaders

import (
	"fmt"
	"math"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// rmsnormSizes are (N, C).
var rmsnormSizes = [][2]int{{1, 4}, {65, 132}, {7, 516}}

const rmsnormEps = 1e-5

// rmsnorm is the reference, of one row.
func rmsnorm(x, weight []float64) (out []float64, rstd float64) {
	squares := 0.0
	for _, v := range x {
		squares += v * v
	}
	rstd = 1 / math.Sqrt(squares/float64(len(x))+rmsnormEps)
	for i, v := range x {
		out = append(out, v*rstd*weight[i])
	}
	return out, rstd
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func TestRmsnorm(t *testing.T) {
	foldGrids(t, 20)
	for _, size := range rmsnormSizes {
		n, c := size[0], size[1]
		x, weight, dout := normals(1, n*c, 2), normals(2, c, 1), normals(3, n*c, 1)
		clear(x[:c]) // a row of zeros: eps alone holds it, and rstd is large
		for i := range c {
			dout[i] *= 0.01
		}
		wideX, wideWeight, wideDout := wide(x), wide(weight), wide(dout)
		const part = 50
		parts := (n + part - 1) / part
		var out, rstd, dx []float64
		dparts := make([]float64, parts*c)
		for i := range n {
			row, drow := wideX[i*c:(i+1)*c], wideDout[i*c:(i+1)*c]
			o, r := rmsnorm(row, wideWeight)
			out, rstd = append(out, o...), append(rstd, r)
			dx = append(dx, slopes(row, func(x []float64) float64 { o, _ := rmsnorm(x, wideWeight); return dot(o, drow) })...)
			for j, d := range slopes(wideWeight, func(w []float64) float64 { o, _ := rmsnorm(row, w); return dot(o, drow) }) {
				dparts[i/part*c+j] += d
			}
		}
		first := normals(4, n*c, 1) // what a gradient is added to
		sum := wide(first)
		for i := range sum {
			sum[i] += dx[i]
		}
		t.Run(fmt.Sprintf("%dx%d", n, c), func(t *testing.T) {
			forVariants(t, func(t *testing.T) {
				xs, ws, ds := hosttest.Upload(t, "x", x), hosttest.Upload(t, "weight", weight), hosttest.Upload(t, "dout", dout)
				outs, rs := hosttest.Zeros(t, "out", n*c), hosttest.Zeros(t, "rstd", n)
				dxs, added := hosttest.Upload(t, "dx", first), hosttest.Upload(t, "dx", first)
				ps := hosttest.Zeros(t, "parts", parts*c)
				N, C := uint32(n), uint32(c)
				hosttest.Run(t,
					RmsnormForward{N: N, C: C, Eps: rmsnormEps, X: xs, Weight: ws, Out: outs, Rstd: rs}.Call(),
					RmsnormBackward{N: N, C: C, X: xs, Weight: ws, Rstd: rs, Dout: ds, Dx: dxs}.Call(),
					RmsnormBackward{N: N, C: C, Accumulate: 1, X: xs, Weight: ws, Rstd: rs, Dout: ds, Dx: added}.Call(),
					RmsnormBackwardWeight{N: N, C: C, Part: part, X: xs, Rstd: rs, Dout: ds, Parts: ps}.Call())
				within(t, "out", hosttest.Floats(t, outs), out, 1e-6)
				within(t, "rstd", hosttest.Floats(t, rs), rstd, 1e-6)
				within(t, "dx", hosttest.Floats(t, dxs), dx, 2e-6)
				within(t, "dx added", hosttest.Floats(t, added), sum, 2e-6)
				within(t, "parts", hosttest.Floats(t, ps), dparts, 2e-6)
			}, &rmsnormForwardKernel, &rmsnormBackwardKernel)
		})
	}
}

func BenchmarkRmsnorm(b *testing.B) {
	const n, c = 1024, 512
	forVariants(b, func(b *testing.B) {
		x, weight := hosttest.Upload(b, "x", normals(1, n*c, 1)), hosttest.Upload(b, "weight", normals(2, c, 1))
		out, rstd := hosttest.Zeros(b, "out", n*c), hosttest.Zeros(b, "rstd", n)
		dout, dx := hosttest.Upload(b, "dout", normals(3, n*c, 1)), hosttest.Zeros(b, "dx", n*c)
		parts := hosttest.Zeros(b, "parts", n/64*c)
		b.Run("forward", func(b *testing.B) {
			benchmarkCall(b, 8*n*c, RmsnormForward{N: n, C: c, Eps: rmsnormEps, X: x, Weight: weight, Out: out, Rstd: rstd}.Call())
		})
		b.Run("backward", func(b *testing.B) {
			benchmarkCall(b, 12*n*c, RmsnormBackward{N: n, C: c, X: x, Weight: weight, Rstd: rstd, Dout: dout, Dx: dx}.Call())
		})
		b.Run("backward_weight", func(b *testing.B) {
			benchmarkCall(b, 8*n*c, RmsnormBackwardWeight{N: n, C: c, Part: 64, X: x, Rstd: rstd, Dout: dout, Parts: parts}.Call())
		})
	}, &rmsnormForwardKernel, &rmsnormBackwardKernel)
}
