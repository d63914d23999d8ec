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

// TestMatmulFew also shows that a row's bits do not depend on how many rows there are.
func TestMatmulFew(t *testing.T) {
	forVariants(t, func(t *testing.T) {
		for _, s := range [][2]int{{4, 1}, {68, 131}, {516, 5}} {
			i, o := s[0], s[1]
			x, w := uniform(1, 9*i), uniform(2, o*i)
			want := matmul(9, o, i, func(r, d int) float32 { return x[r*i+d] }, func(d, c int) float32 { return w[c*i+d] })
			weight := hosttest.Upload(t, "weight", w)
			var all []float32
			for _, n := range []int{9, 1, 3} {
				for _, rows := range []int{1, 2, 4, 8} {
					out := hosttest.Zeros(t, "out", n*o)
					hosttest.Run(t, MatmulFew{N: uint32(n), I: uint32(i), O: uint32(o), E: 1, Share: 1, ROWS: uint32(rows),
						X: hosttest.Upload(t, "x", x[:n*i]), Weight: weight, Out: out}.Call())
					got := hosttest.Floats(t, out)
					near(t, got, want[:n*o], i)
					if all == nil {
						all = got
					} else if !slices.Equal(got, all[:n*o]) {
						t.Fatalf("%d x %d: %d rows, %d at a time, have other bits than all of them", i, o, n, rows)
					}
				}
			}
		}
	}, &matmulFewKernel)
}

// TestMatmulFewOfExperts has each row be of the expert that it chose, and one row of x for both choices of a token or one
// for each: its bits are those of the expert's weight alone, however many rows share a look at it.
func TestMatmulFewOfExperts(t *testing.T) {
	const N, K, E, I, O, gap = 5, 2, 4, 68, 131, 12
	choice := []uint32{2, 0, 1, 2, 2, 1, 0, 2, 2, 0} // nobody chose 3
	x, w := uniform(1, N*K*I), uniform(2, E*(O*I+gap))
	forVariants(t, func(t *testing.T) {
		for _, share := range []int{K, 1} {
			xs := hosttest.Upload(t, "x", x[:N*K/share*I])
			want, alone := make([]float64, N*K*O), make([]float32, N*K*O)
			for e := range E { // all rows by one expert
				weight, out := w[e*(O*I+gap):][:O*I], hosttest.Zeros(t, "alone", N*K*O)
				hosttest.Run(t, MatmulFew{N: N * K, I: I, O: O, E: 1, Share: uint32(share), ROWS: 1, X: xs, Weight: hosttest.Upload(t, "weight", weight), Out: out}.Call())
				by := hosttest.Floats(t, out)
				exact := matmul(N*K, O, I, func(r, d int) float32 { return x[r/share*I+d] }, func(d, c int) float32 { return weight[c*I+d] })
				for n := range choice {
					if int(choice[n]) == e {
						copy(want[n*O:][:O], exact[n*O:])
						copy(alone[n*O:][:O], by[n*O:])
					}
				}
			}
			for _, rows := range []uint32{1, 4} {
				out := hosttest.Zeros(t, "out", N*K*O)
				hosttest.Run(t, MatmulFew{N: N * K, I: I, O: O, E: E, Stride: (O*I + gap) / 4, Share: uint32(share), ROWS: rows, X: xs,
					Weight: hosttest.Upload(t, "weight", w), Choice: hosttest.Upload(t, "choice", choice), Out: out}.Call())
				got := hosttest.Floats(t, out)
				near(t, got, want, I)
				if !slices.Equal(got, alone) {
					t.Errorf("%d choices to a row of x, %d at a time: other bits than alone", share, rows)
				}
			}
		}
	}, &matmulFewKernel)
}

// toHalf rounds to the nearest half, of the normal ones, which spares it the others.
func toHalf(x float32) (half uint32, rounded float32) {
	b := math.Float32bits(x)
	b = (b + 0xfff + b>>13&1) &^ 0x1fff
	if exponent := int(b>>23&0xff) - 127; exponent < -14 {
		return 0, 0
	}
	return b>>16&0x8000 | (b>>13-(127-15)<<10)&0x7fff, math.Float32frombits(b)
}

// halves rounds numbers to halves, in place, and packs them.
func halves(v []float64) (words []uint32) {
	for i := 0; i < len(v); i += 2 {
		low, a := toHalf(float32(v[i]))
		high, b := toHalf(float32(v[i+1]))
		v[i], v[i+1] = float64(a), float64(b)
		words = append(words, low|high<<16)
	}
	return words
}

// cached solves a problem by attention_part and attention_combine, with P parts.
func (a *attention) cached(t *testing.T, P int, half uint32) []float32 {
	t.Helper()
	const part = 64
	upload := func(name string, v []float64) *host.Buffer {
		if half == 1 {
			return hosttest.Upload(t, name, halves(v))
		}
		return hosttest.Upload(t, name, float32s(v))
	}
	N, H, K, D := uint32(a.N), uint32(a.H), uint32(a.K), uint32(a.D)
	keys, out := hosttest.Upload(t, "keys", pairs(a.keys)), hosttest.Zeros(t, "out", len(a.q))
	nan := slices.Repeat([]float32{float32(math.NaN())}, a.N*a.H*P*(a.D+2)) // what is not written is not read
	sums := hosttest.Upload(t, "sums", nan[:a.N*a.H*P*a.D])
	peak := hosttest.Upload(t, "peak", nan[:a.N*a.H*P*2])
	hosttest.Run(t,
		AttentionPart{N: N, H: H, K: K, P: uint32(P), Scale: float32(a.scale), D: D, HEADS: H / K, PART: part, HALF: half, Query: hosttest.Upload(t, "q", float32s(a.q)),
			Key: upload("k", a.k), Value: upload("v", a.v), Keys: keys, Sums: sums, Peak: peak}.Call(),
		AttentionCombine{N: N, H: H, P: uint32(P), D: D, PART: part, Sums: sums, Peak: peak, Keys: keys, Out: out}.Call())
	return hosttest.Floats(t, out)
}

func TestAttentionParts(t *testing.T) {
	foldGrids(t, 15)
	forVariants(t, func(t *testing.T) {
		keys := [][2]int{{0, 0}, {3, 66}, {0, 199}, {1, 0}, {7, 71}, {199, 199}, {100, 227}}
		for _, c := range []struct {
			H, K, D int
			half    uint32
			spread  float64
		}{{2, 2, 4, 0, 1}, {8, 2, 36, 1, 1}, {8, 2, 36, 1, 5}, {8, 2, 128, 0, 1}} {
			t.Run(fmt.Sprintf("H=%d,K=%d,D=%d,half=%d,spread=%v", c.H, c.K, c.D, c.half, c.spread), func(t *testing.T) {
				a := (&attention{N: len(keys), S: 228, H: c.H, K: c.K, D: c.D, keys: keys}).random(5, c.spread)
				got := a.cached(t, 4, c.half)
				a.forward()
				bound := attentionBound
				if c.spread > 1 {
					bound = 5e-5 // see TestAttentionLargeScores
				}
				if d := distance(got, a.out); !(d <= bound) {
					t.Errorf("%.3g from the float64 reference (relative L2 norm), more than %g", d, bound)
				}
			})
		}
	}, &attentionPartKernel)
}

// TestAttentionPartsAlone has rows with the same keys at other places of the cache, among other neighbours, of longer
// caches: they must have the same bits.
func TestAttentionPartsAlone(t *testing.T) {
	forVariants(t, func(t *testing.T) {
		const H, K, D, length = 8, 2, 36, 150
		alone := (&attention{N: 1, S: length, H: H, K: K, D: D, keys: [][2]int{{0, length - 1}}}).random(5, 1)
		want := alone.cached(t, 3, 1)
		among := (&attention{N: 3, S: 400, H: H, K: K, D: D, keys: [][2]int{{0, 20}, {123, 122 + length}, {300, 399}}}).random(6, 1)
		copy(among.q[H*D:], alone.q)
		copy(among.k[123*K*D:], alone.k)
		copy(among.v[123*K*D:], alone.v)
		if got := among.cached(t, 5, 1); !slices.Equal(got[H*D:2*H*D], want) {
			t.Error("other bits among others")
		}
	}, &attentionPartKernel)
}

func TestCacheRows(t *testing.T) {
	const N, C, S = 3, 20, 7
	row, x := []uint32{6, 0, 3}, make([]float32, N*C)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		_, x[i] = toHalf(float32(r.NormFloat64()))
	}
	for _, half := range []uint32{0, 1} {
		words := S * C
		if half == 1 {
			words /= 2
		}
		want := slices.Repeat([]uint32{0xdeadbeef}, words)
		out := hosttest.Upload(t, "out", want)
		for n := range N {
			for c := 0; c < C; c += 2 {
				at := int(row[n])*C + c
				low, _ := toHalf(x[n*C+c])
				high, _ := toHalf(x[n*C+c+1])
				if half == 1 {
					want[at/2] = low | high<<16
				} else {
					want[at], want[at+1] = math.Float32bits(x[n*C+c]), math.Float32bits(x[n*C+c+1])
				}
			}
		}
		hosttest.Run(t, CacheRows{N: N, C: C, HALF: half, X: hosttest.Upload(t, "x", x), Row: hosttest.Upload(t, "row", row), Out: out}.Call())
		got := make([]uint32, words)
		if err := hosttest.Device(t).Read(out, 0, host.AsBytes(got)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("half %d: out = %x, want %x", half, got, want)
		}
	}
}

// BenchmarkMatmulFew reports the bytes of weight a second: what decoding waits for. Eight rows should take little longer
// than one.
func BenchmarkMatmulFew(b *testing.B) {
	const I, O = 512, 1408
	forVariants(b, func(b *testing.B) {
		for _, n := range []int{1, 8} {
			b.Run(fmt.Sprint(n), func(b *testing.B) {
				benchmarkCall(b, 4*I*O, MatmulFew{N: uint32(n), I: I, O: O, E: 1, Share: 1, ROWS: uint32(n), X: hosttest.Zeros(b, "x", n*I),
					Weight: hosttest.Zeros(b, "weight", O*I), Out: hosttest.Zeros(b, "out", n*O)}.Call())
			})
		}
	}, &matmulFewKernel)
}

// BenchmarkAttentionParts is a step of eight texts with 2,000 tokens each, of the 26M model.
func BenchmarkAttentionParts(b *testing.B) {
	const N, S, H, K, D, P = 8, 2000, 8, 2, 64, 32
	forVariants(b, func(b *testing.B) {
		keys := make([]uint32, 0, 2*N)
		for n := range uint32(N) {
			keys = append(keys, n*S, (n+1)*S-1)
		}
		benchmarkCall(b, 8*N*S*K*D, AttentionPart{N: N, H: H, K: K, P: P, Scale: 0.125, D: D, HEADS: H / K, PART: 64, Query: hosttest.Zeros(b, "q", N*H*D),
			Key: hosttest.Zeros(b, "k", N*S*K*D), Value: hosttest.Zeros(b, "v", N*S*K*D), Keys: hosttest.Upload(b, "keys", keys),
			Sums: hosttest.Zeros(b, "sums", N*H*P*D), Peak: hosttest.Zeros(b, "peak", 2*N*H*P)}.Call())
	}, &attentionPartKernel)
}
