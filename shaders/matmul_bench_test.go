package shaders

import (
	"fmt"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// BenchmarkMatmul times the three matmul kernels on the shapes of the 26M model at N = 1024, each beside gonum's
// float32 Gemm on the same numbers, turn by turn. It reports the best turn of both, in GFLOP/s, and their ratio.
func BenchmarkMatmul(b *testing.B) {
	const n = 1024
	for _, s := range [][2]int{{512, 512}, {512, 128}, {512, 1408}, {1408, 512}, {512, 6400}} {
		in, out := s[0], s[1]
		matrix := func(rows, columns int) blas32.General {
			return blas32.General{Rows: rows, Cols: columns, Stride: columns, Data: uniform(uint64(rows+columns), rows*columns)}
		}
		x, weight, dout := matrix(n, in), matrix(out, in), matrix(n, out)
		upload := func(m blas32.General) *host.Buffer { return hosttest.Upload(b, "matrix", m.Data) }
		run := func(name string, call host.Call, gemm func()) {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", name, n, in, out), func(b *testing.B) {
				compare(b, 2*n*in*out, call, gemm)
			})
		}
		product := matrix(n, out)
		run("forward", MatmulForward{N: n, I: uint32(in), O: uint32(out), X: upload(x), Weight: upload(weight), Out: upload(product)}.Call(),
			func() { blas32.Gemm(blas.NoTrans, blas.Trans, 1, x, weight, 0, product) })
		dx := matrix(n, in)
		run("backward_input", MatmulBackwardInput{N: n, I: uint32(in), O: uint32(out), Dout: upload(dout), Weight: upload(weight), Dx: upload(dx)}.Call(),
			func() { blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, dout, weight, 0, dx) })
		dweight := matrix(out, in)
		run("backward_weight", MatmulBackwardWeight{N: n, I: uint32(in), O: uint32(out), Part: n, Dout: upload(dout), X: upload(x), Dweight: upload(dweight)}.Call(),
			func() { blas32.Gemm(blas.Trans, blas.NoTrans, 1, dout, x, 0, dweight) })
	}
}

// compare runs a call and its counterpart in turns.
func compare(b *testing.B, flops int, call host.Call, gemm func()) {
	d := hosttest.Device(b)
	r := d.Record(call)
	defer r.Release()
	turn := func(f func()) time.Duration {
		start := time.Now()
		f()
		return time.Since(start)
	}
	replay := func() {
		d.Replay(nil, r)
		if err := d.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	replay() // compiles
	replay()
	ours, theirs := time.Hour, time.Hour
	for b.Loop() {
		ours = min(ours, turn(replay))
		theirs = min(theirs, turn(gemm))
	}
	b.ReportMetric(float64(flops)/ours.Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(float64(flops)/theirs.Seconds()/1e9, "gonum-GFLOP/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
}
