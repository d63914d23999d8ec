package shaders

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// attention is one attention problem in float64, and its plain solution. Zero values of the results mean not solved.
type attention struct {
	N, S, H, K, D int
	scale         float64
	keys, queries [][2]int // (N) inclusive ranges; queries only where S = N

	q, k, v, dout []float64 // (N, H, D), (S, K, D), (S, K, D), (N, H, D)

	out, lse   []float64 // (N, H, D), (N, H)
	dq, dk, dv []float64
}

// random fills q, k, v and dout with normal numbers, rounded to float32 so that the kernels get the very same.
func (a *attention) random(seed uint64, spread float64) *attention {
	r := rand.New(rand.NewPCG(seed, 0))
	normal := func(n int, spread float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(float32(spread * r.NormFloat64()))
		}
		return x
	}
	a.q, a.k = normal(a.N*a.H*a.D, spread), normal(a.S*a.K*a.D, spread)
	a.v, a.dout = normal(a.S*a.K*a.D, 1), normal(a.N*a.H*a.D, 1)
	a.scale = float64(float32(1 / math.Sqrt(float64(a.D))))
	return a
}

// packed is a causal problem over rows of documents; a negative length is padding, which sees nothing and is not seen.
func packed(H, K, D int, rows ...[]int) *attention {
	a := &attention{H: H, K: K, D: D}
	for _, documents := range rows {
		for _, length := range documents {
			first := a.N
			for range max(length, -length) {
				keys, queries := [2]int{first, a.N}, [2]int{a.N, first + length - 1}
				if length < 0 {
					keys, queries = [2]int{1, 0}, [2]int{1, 0}
				}
				a.keys, a.queries = append(a.keys, keys), append(a.queries, queries)
				a.N++
			}
		}
	}
	a.S = a.N
	return a
}

// visit calls f with every query row, head and seen key row, and its offsets in q, k and lse.
func (a *attention) visit(f func(q, k, row int)) {
	for n := range a.N {
		for h := range a.H {
			for s := a.keys[n][0]; s <= a.keys[n][1]; s++ {
				f((n*a.H+h)*a.D, (s*a.K+h/(a.H/a.K))*a.D, n*a.H+h)
			}
		}
	}
}

func dot64(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// forward solves out and lse: the textbook softmax, subtracting the row's maximum.
func (a *attention) forward() *attention {
	a.out, a.lse = make([]float64, len(a.q)), make([]float64, a.N*a.H)
	highest, total := make([]float64, a.N*a.H), make([]float64, a.N*a.H)
	for i := range highest {
		highest[i] = math.Inf(-1)
	}
	score := func(q, k int) float64 { return a.scale * dot64(a.q[q:q+a.D], a.k[k:k+a.D]) }
	a.visit(func(q, k, row int) { highest[row] = max(highest[row], score(q, k)) })
	a.visit(func(q, k, row int) { total[row] += math.Exp(score(q, k) - highest[row]) })
	for i := range total {
		if total[i] > 0 {
			a.lse[i] = highest[i] + math.Log(total[i])
		}
	}
	a.visit(func(q, k, row int) {
		p := math.Exp(score(q, k) - a.lse[row])
		for d := range a.D {
			a.out[q+d] += p * a.v[k+d]
		}
	})
	return a
}

// backward solves the gradients of sum(out * dout), after forward.
func (a *attention) backward() *attention {
	a.dq, a.dk, a.dv = make([]float64, len(a.q)), make([]float64, len(a.k)), make([]float64, len(a.v))
	a.visit(func(q, k, row int) {
		query, key, dout := a.q[q:q+a.D], a.k[k:k+a.D], a.dout[q:q+a.D]
		p := math.Exp(a.scale*dot64(query, key) - a.lse[row])
		ds := p * (dot64(dout, a.v[k:k+a.D]) - dot64(dout, a.out[q:q+a.D]))
		for d := range a.D {
			a.dq[q+d] += a.scale * ds * key[d]
			a.dk[k+d] += a.scale * ds * query[d]
			a.dv[k+d] += p * dout[d]
		}
	})
	return a
}

func TestAttentionReferenceGradient(t *testing.T) {
	a := packed(4, 2, 4, []int{3, 5}, []int{6, -2}).random(1, 1).forward().backward()
	const h = 1e-5
	for name, pair := range map[string][2][]float64{"dq": {a.q, a.dq}, "dk": {a.k, a.dk}, "dv": {a.v, a.dv}} {
		x, dx := pair[0], pair[1]
		for i, at := range x {
			x[i] = at + h
			high := dot64(a.forward().out, a.dout)
			x[i] = at - h
			low := dot64(a.forward().out, a.dout)
			x[i] = at
			// Central differences are off by h^2 and by the rounding of a sum of some 100, divided by h.
			if want := (high - low) / (2 * h); math.Abs(dx[i]-want) > 1e-8 {
				t.Fatalf("%s[%d] = %v, central differences say %v", name, i, dx[i], want)
			}
		}
	}
}

func float32s(v []float64) []float32 {
	f := make([]float32, len(v))
	for i, x := range v {
		f[i] = float32(x)
	}
	return f
}

func pairs(v [][2]int) []uint32 {
	var f []uint32
	for _, p := range v {
		f = append(f, uint32(p[0]), uint32(p[1]))
	}
	return f
}

// attentionBuffers are a problem on the device.
type attentionBuffers struct{ q, k, v, keys, queries, dout, out, lse, delta, dq, dk, dv *host.Buffer }

func (a *attention) upload(t testing.TB) attentionBuffers {
	up := func(name string, v []float64) *host.Buffer { return hosttest.Upload(t, name, float32s(v)) }
	b := attentionBuffers{q: up("q", a.q), k: up("k", a.k), v: up("v", a.v), dout: up("dout", a.dout),
		keys: hosttest.Upload(t, "keys", pairs(a.keys)),
		out:  hosttest.Zeros(t, "out", len(a.q)), lse: hosttest.Zeros(t, "lse", a.N*a.H), delta: hosttest.Zeros(t, "delta", a.N*a.H),
		dq: hosttest.Zeros(t, "dq", len(a.q)), dk: hosttest.Zeros(t, "dk", len(a.k)), dv: hosttest.Zeros(t, "dv", len(a.v))}
	if a.queries != nil {
		b.queries = hosttest.Upload(t, "queries", pairs(a.queries))
	}
	return b
}

func (a *attention) forwardCall(b attentionBuffers) host.Call {
	return AttentionForward{N: uint32(a.N), H: uint32(a.H), K: uint32(a.K), D: uint32(a.D), Scale: float32(a.scale),
		Query: b.q, Key: b.k, Value: b.v, Keys: b.keys, Out: b.out, Lse: b.lse}.Call()
}

func (a *attention) backwardCalls(b attentionBuffers) []host.Call {
	N, H, K, D, scale := uint32(a.N), uint32(a.H), uint32(a.K), uint32(a.D), float32(a.scale)
	return []host.Call{
		AttentionBackwardDelta{N: N, H: H, D: D, Out: b.out, Dout: b.dout, Delta: b.delta}.Call(),
		AttentionBackwardQuery{N: N, H: H, K: K, D: D, Scale: scale, Query: b.q, Key: b.k, Value: b.v, Keys: b.keys,
			Dout: b.dout, Lse: b.lse, Delta: b.delta, Dq: b.dq}.Call(),
		AttentionBackwardKey{N: N, H: H, K: K, D: D, Scale: scale, Query: b.q, Key: b.k, Value: b.v, Queries: b.queries,
			Dout: b.dout, Lse: b.lse, Delta: b.delta, Dk: b.dk}.Call(),
		AttentionBackwardValue{N: N, H: H, K: K, D: D, Scale: scale, Query: b.q, Key: b.k, Queries: b.queries,
			Dout: b.dout, Lse: b.lse, Dv: b.dv}.Call(),
	}
}

// distance is |got - want| / |want|, in the L2 norm; NaN counts as infinitely far.
func distance(got []float32, want []float64) float64 {
	difference, norm := 0.0, 0.0
	for i, w := range want {
		difference += (float64(got[i]) - w) * (float64(got[i]) - w)
		norm += w * w
	}
	if d := math.Sqrt(difference / norm); d == d {
		return d
	}
	return math.Inf(1)
}

// solveForward runs the forward kernel and compares; solve goes on with the backward kernels.
func (a *attention) solveForward(t *testing.T, b attentionBuffers, bound float64) {
	t.Helper()
	hosttest.Run(t, a.forwardCall(b))
	a.forward()
	a.compare(t, "out", b.out, a.out, bound)
	a.compare(t, "lse", b.lse, a.lse, bound)
}

func (a *attention) solve(t *testing.T, bound float64) attentionBuffers {
	t.Helper()
	b := a.upload(t)
	a.solveForward(t, b, bound)
	a.backward()
	hosttest.Run(t, a.backwardCalls(b)...)
	a.compare(t, "dq", b.dq, a.dq, bound)
	a.compare(t, "dk", b.dk, a.dk, bound)
	a.compare(t, "dv", b.dv, a.dv, bound)
	return b
}

func (a *attention) compare(t *testing.T, name string, got *host.Buffer, want []float64, bound float64) {
	t.Helper()
	d := distance(hosttest.Floats(t, got), want)
	t.Logf("%s: %.2g", name, d)
	if !(d <= bound) {
		t.Errorf("%s is %.3g from the float64 reference (relative L2 norm), more than %g", name, d, bound)
	}
}

var attentionKernels = []*host.Kernel{&attentionForwardKernel, &attentionBackwardQueryKernel, &attentionBackwardKeyKernel, &attentionBackwardValueKernel}

// float32 rounds to 2^-24, or 6e-8; dot products over D and sums over some 40 keys bring it to 3e-7.
const attentionBound = 1e-6

// Each head size is a kernel of its own to compile. With 36 numbers, or nine vectors, nothing divides a head: neither the
// chunks of four vectors, nor the eight threads that share its columns. 128 is the largest.
func TestAttention(t *testing.T) {
	foldGrids(t, 5)
	rows := [][]int{{11, 1, 25}, {37}, {5, 20, -12}}
	forVariants(t, func(t *testing.T) {
		for _, c := range []struct{ H, K, D int }{{4, 1, 36}, {3, 3, 36}, {4, 2, 128}} {
			t.Run(fmt.Sprintf("H=%d,K=%d,D=%d", c.H, c.K, c.D), func(t *testing.T) {
				packed(c.H, c.K, c.D, rows...).random(2, 1).solve(t, attentionBound)
			})
		}
	}, attentionKernels...)
}

func TestAttentionLargeScores(t *testing.T) {
	// Scores reach 80 and more, both ways. A score of 80 is off by some 80 * 2^-24 * sqrt(D) in float32, and so is,
	// relative to its size, each probability.
	forVariants(t, func(t *testing.T) {
		a := packed(4, 2, 36, []int{29, 75}).random(3, 5)
		largest := 0.0
		a.visit(func(q, k, _ int) { largest = max(largest, math.Abs(a.scale*dot64(a.q[q:q+a.D], a.k[k:k+a.D]))) })
		if largest < 80 {
			t.Fatalf("the largest score is %v; the test means to have 80", largest)
		}
		a.solve(t, 5e-5)
	}, attentionKernels...)
}

func TestAttentionRepeats(t *testing.T) {
	forVariants(t, func(t *testing.T) {
		var results [2][]float32
		for i := range results {
			b := packed(4, 2, 36, []int{29, 8}).random(4, 1).solve(t, attentionBound)
			results[i] = slices.Concat(hosttest.Floats(t, b.out), hosttest.Floats(t, b.lse),
				hosttest.Floats(t, b.dq), hosttest.Floats(t, b.dk), hosttest.Floats(t, b.dv))
		}
		for i, x := range results[0] {
			if math.Float32bits(x) != math.Float32bits(results[1][i]) {
				t.Fatalf("number %d of out, lse, dq, dk, dv is %v and then %v", i, x, results[1][i])
			}
		}
	}, attentionKernels...)
}

func TestAttentionForwardWithCache(t *testing.T) {
	forVariants(t, func(t *testing.T) {
		for _, keys := range [][][2]int{
			{{0, 36}},                   // one new token after 36
			{{4, 34}, {4, 35}, {4, 36}}, // three, in a cache whose first rows are another's
			{{30, 36}, {0, 2}, {1, 0}, {17, 17}, {0, 36}}, // any ranges, and a row without keys
		} {
			a := (&attention{N: len(keys), S: 37, H: 4, K: 2, D: 36, keys: keys}).random(5, 1)
			a.solveForward(t, a.upload(t), attentionBound)
		}
	}, attentionKernels...)
}
