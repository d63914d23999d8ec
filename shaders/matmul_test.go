package shaders

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// matmulSizes are (N, I, O): the smallest, such that no tile divides them, and long reductions; O may be odd, I may not.
var matmulSizes = [][3]int{{1, 4, 1}, {5, 12, 7}, {33, 20, 97}, {70, 36, 131}, {130, 68, 65}, {64, 64, 128},
	{3, 6400, 6}, {3, 4, 6401}}

// forMatmulVariants runs a test for both variants of the matmul kernels and all sizes.
func forMatmulVariants(t *testing.T, test func(t *testing.T, n, i, o int)) {
	forVariants(t, func(t *testing.T) {
		for _, s := range some(matmulSizes, 6) {
			t.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(t *testing.T) { test(t, s[0], s[1], s[2]) })
		}
	}, matmuls...)
}

// some is the part of a test's cases that runs in the browser build, whose adapter takes its time: the first n, which
// compile each kernel. Natively it is all of them.
func some[T any](cases []T, n int) []T {
	if runtime.GOOS == "js" {
		return cases[:n]
	}
	return cases
}

func uniform(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = 2*r.Float32() - 1
	}
	return v
}

// matmul is the reference: the sum over d < depth of a(row, d) * b(d, column), for all rows and columns.
func matmul(rows, columns, depth int, a, b func(i, j int) float32) []float64 {
	out := make([]float64, rows*columns)
	for r := range rows {
		for c := range columns {
			for d := range depth {
				out[r*columns+c] += float64(a(r, d)) * float64(b(d, c))
			}
		}
	}
	return out
}

// near fails where float32 sums of depth products of numbers below 1 are further from want than rounding allows.
func near(t *testing.T, got []float32, want []float64, depth int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	bound := 1e-7 * float64(depth+2)
	for i := range got {
		if !(math.Abs(float64(got[i])-want[i]) <= bound) {
			t.Fatalf("number %d of %d is %v, want %v within %v", i, len(got), got[i], want[i], bound)
		}
	}
}

// uploadDout uploads dout as its bindings ask for it, rounded up to 16 bytes, with NaN there, which nothing may touch.
func uploadDout(t *testing.T, dout []float32) *host.Buffer {
	t.Helper()
	for len(dout)%4 != 0 {
		dout = append(dout, float32(math.NaN()))
	}
	return hosttest.Upload(t, "dout", dout)
}

func TestMatmulForward(t *testing.T) { forMatmulVariants(t, testMatmulForward) }

func testMatmulForward(t *testing.T, n, i, o int) {
	t.Helper()
	x, w := uniform(1, n*i), uniform(2, o*i)
	out := hosttest.Zeros(t, "out", n*o)
	call := MatmulForward{N: uint32(n), I: uint32(i), O: uint32(o), X: hosttest.Upload(t, "x", x), Weight: hosttest.Upload(t, "weight", w), Out: out}.Call()
	hosttest.Run(t, call)
	got := hosttest.Floats(t, out)
	near(t, got, matmul(n, o, i,
		func(r, d int) float32 { return x[r*i+d] }, func(d, c int) float32 { return w[c*i+d] }), i)
	hosttest.Run(t, call)
	if !slices.Equal(got, hosttest.Floats(t, out)) {
		t.Fatal("the same call gave other bits")
	}
}

func TestMatmulBackwardInput(t *testing.T) { forMatmulVariants(t, testMatmulBackwardInput) }

// The variant for software adapters goes through a deep sum in parts, here shallow ones.
func TestMatmulBackwardInputInParts(t *testing.T) {
	d, k := hosttest.Device(t), &matmulBackwardInputKernel
	was := d.Choice(k)
	d.Choose(k.Name, host.Choice{Variant: "cpu", Constants: map[string]uint32{"DEPTH": 48}})
	defer d.Choose(k.Name, was)
	testMatmulBackwardInput(t, 150, 4, 150)
}

func testMatmulBackwardInput(t *testing.T, n, i, o int) {
	t.Helper()
	dout, w, before := uniform(3, n*o), uniform(2, o*i), uniform(4, n*i)
	want := matmul(n, i, o, func(r, d int) float32 { return dout[r*o+d] }, func(d, c int) float32 { return w[d*i+c] })
	dx := hosttest.Upload(t, "dx", before)
	call := MatmulBackwardInput{N: uint32(n), I: uint32(i), O: uint32(o), Accumulate: 1,
		Dout: uploadDout(t, dout), Weight: hosttest.Upload(t, "weight", w), Dx: dx}
	hosttest.Run(t, call.Call())
	more := slices.Clone(want)
	for j := range more {
		more[j] += float64(before[j])
	}
	near(t, hosttest.Floats(t, dx), more, o)
	call.Accumulate = 0
	hosttest.Run(t, call.Call())
	near(t, hosttest.Floats(t, dx), want, o)
}

func TestMatmulBackwardWeight(t *testing.T) { forMatmulVariants(t, testMatmulBackwardWeight) }

func testMatmulBackwardWeight(t *testing.T, n, i, o int) {
	t.Helper()
	dout, x, before := uniform(3, n*o), uniform(1, n*i), uniform(4, o*i)
	want := matmul(o, i, n, func(r, d int) float32 { return dout[d*o+r] }, func(d, c int) float32 { return x[d*i+c] })
	dweight := hosttest.Upload(t, "dweight", before)
	call := MatmulBackwardWeight{N: uint32(n), I: uint32(i), O: uint32(o), Accumulate: 1, Part: uint32(n),
		Dout: uploadDout(t, dout), X: hosttest.Upload(t, "x", x), Dweight: dweight}
	hosttest.Run(t, call.Call())
	more := slices.Clone(want)
	for j := range more {
		more[j] += float64(before[j])
	}
	near(t, hosttest.Floats(t, dweight), more, n)
	call.Accumulate = 0
	hosttest.Run(t, call.Call())
	near(t, hosttest.Floats(t, dweight), want, n)

	// The same in parts, which sum_parts adds up.
	part := (n + 2) / 3
	parts := (n + part - 1) / part
	call.Part, call.Dweight = uint32(part), hosttest.Zeros(t, "parts", parts*o*i)
	sum := SumParts{Count: uint32(o * i), Parts: uint32(parts), PartsIn: call.Dweight, Out: dweight}
	hosttest.Run(t, call.Call(), sum.Call())
	got := hosttest.Floats(t, dweight)
	near(t, got, want, n)
	hosttest.Run(t, call.Call(), sum.Call())
	if !slices.Equal(got, hosttest.Floats(t, dweight)) {
		t.Fatal("the same calls gave other bits")
	}
	sum.Accumulate = 1
	hosttest.Run(t, sum.Call())
	for j := range want {
		want[j] *= 2
	}
	near(t, hosttest.Floats(t, dweight), want, 2*n)
}
