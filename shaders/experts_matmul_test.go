package shaders

import (
	"math"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// The three matrix products with each row's expert's weight, in both variants: experts lie further apart than a weight is
// long, and rows of no expert hold NaN, which nothing may touch.
func TestExpertMatmul(t *testing.T) {
	all := routings()
	forVariants(t, func(t *testing.T) {
		for _, c := range []struct {
			routing string
			I, O    int
			depth   uint32 // of a part of matmul_backward_input.cpu's sums; 0: as it is
		}{{"one token", 12, 7, 0}, {"none to some", 132, 70, 0}, {"to one", 8, 150, 48}} {
			t.Run(c.routing, func(t *testing.T) {
				d, k := hosttest.Device(t), &matmulBackwardInputKernel
				if was := d.Choice(k); was.Variant == "cpu" && c.depth > 0 {
					d.Choose(k.Name, host.Choice{Variant: "cpu", Constants: map[string]uint32{"DEPTH": c.depth}})
					defer d.Choose(k.Name, was)
				}
				testExpertMatmul(t, all[c.routing], c.I, c.O)
			})
		}
	}, matmuls...)
}

func testExpertMatmul(t *testing.T, r *routing, I, O int) {
	stride := O*I/4 + 7 // vec4
	nan, source := float32(math.NaN()), r.sources()
	x, dout, dx := uniform(1, r.rows()*I), uniform(2, r.rows()*O), uniform(5, r.rows()*I)
	expert := make([]int, r.rows()) // -1: none
	for row := range expert {
		expert[row] = -1
		if source[row] >= 0 {
			expert[row] = int(r.choice[source[row]])
			continue
		}
		for i := range I {
			x[row*I+i] = nan
		}
		for o := range O {
			dout[row*O+o] = nan
		}
	}
	size := (r.E-1)*stride*4 + O*I
	weight, dweight := uniform(3, size), uniform(4, size)
	out, want := slices.Repeat([]float32{-7}, r.rows()*O), slices.Repeat([]float64{-7}, r.rows()*O)
	wantDx, wantDweight := wide(dx), wide(dweight)
	for row, e := range expert {
		if e < 0 {
			continue
		}
		for o := range O {
			want[row*O+o] = 0
			for i := range I {
				w, g := float64(weight[e*stride*4+o*I+i]), float64(dout[row*O+o])
				want[row*O+o] += float64(x[row*I+i]) * w
				wantDx[row*I+i] += g * w
				wantDweight[e*stride*4+o*I+i] += g * float64(x[row*I+i])
			}
		}
	}
	xs, douts, weights := hosttest.Upload(t, "x", x), uploadDout(t, dout), hosttest.Upload(t, "weight", weight)
	outs, dxs, dweights := hosttest.Upload(t, "out", out), hosttest.Upload(t, "dx", dx), hosttest.Upload(t, "dweight", dweight)
	tile, span := hosttest.Upload(t, "tile", r.tile), hosttest.Upload(t, "span", r.span)
	n, in, o := uint32(r.rows()), uint32(I), uint32(O)
	hosttest.Run(t,
		MatmulForward{N: n, I: in, O: o, Stride: uint32(stride), X: xs, Weight: weights, Out: outs, Tile: tile}.Call(),
		MatmulBackwardInput{N: n, I: in, O: o, Accumulate: 1, Stride: uint32(stride), Dout: douts, Weight: weights, Dx: dxs, Tile: tile}.Call(),
		MatmulBackwardWeight{N: uint32(r.E), I: in, O: o, Accumulate: 1, Part: 1, Stride: uint32(stride), Dout: douts, X: xs, Dweight: dweights, Span: span}.Call())
	near(t, hosttest.Floats(t, outs), want, I)
	near(t, hosttest.Floats(t, dxs), wantDx, O)
	near(t, hosttest.Floats(t, dweights), wantDweight, r.N*r.K)
}
