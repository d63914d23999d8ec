package shaders

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// normals are n normal numbers times spread.
func normals(seed uint64, n int, spread float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 2))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(spread * r.NormFloat64())
	}
	return v
}

func wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i := range v {
		w[i] = float64(v[i])
	}
	return w
}

// within fails where got differs from want by more than tolerance times the largest number of want.
func within(t testing.TB, name string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
	}
	largest := 0.0
	for _, w := range want {
		largest = max(largest, math.Abs(w))
	}
	for i := range got {
		if !(math.Abs(float64(got[i])-want[i]) <= tolerance*largest) {
			t.Fatalf("%s[%d] of %d is %v, want %v within %v", name, i, len(got), got[i], want[i], tolerance*largest)
		}
	}
}

// slopes are the central differences of f at x.
func slopes(x []float64, f func(x []float64) float64) []float64 {
	const h = 1e-6
	x = slices.Clone(x)
	d := make([]float64, len(x))
	for i, at := range x {
		x[i] = at + h
		up := f(x)
		x[i] = at - h
		d[i] = (up - f(x)) / (2 * h)
		x[i] = at
	}
	return d
}

// forVariants runs a test or benchmark with the CPU and the GPU variant of kernels.
func forVariants[T interface {
	testing.TB
	Run(string, func(T)) bool
}](t T, test func(t T), kernels ...*host.Kernel) {
	for _, variant := range []string{"cpu", "gpu"} {
		t.Run(variant, func(t T) {
			d := hosttest.Device(t)
			for _, k := range kernels {
				if !slices.ContainsFunc(k.Variants, func(v host.Variant) bool { return v.Name == variant }) {
					t.Fatalf("kernel %s has no variant %s", k.Name, variant)
				}
				d.Choose(k.Name, host.Choice{Variant: variant})
				t.Cleanup(func() { d.Choose(k.Name, host.Choice{}) })
			}
			test(t)
		})
	}
}

// foldGrids lets a dimension of a grid have only so many workgroups, so that grids of some more are folded into two.
func foldGrids(t testing.TB, groups int) {
	limits := &hosttest.Device(t).Info.Limits
	was := limits.GroupsPerDispatch
	limits.GroupsPerDispatch = groups
	t.Cleanup(func() { limits.GroupsPerDispatch = was })
}

// benchmarkCall replays one call and reports the bytes that it must move.
func benchmarkCall(b *testing.B, bytes int, calls ...host.Call) {
	d := hosttest.Device(b)
	r := d.Record(calls...)
	defer r.Release()
	for range 2 { // compile and pace
		d.Replay(nil, r)
	}
	b.SetBytes(int64(bytes))
	for b.Loop() {
		d.Replay(nil, r)
		if err := d.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestSumSquares(t *testing.T) {
	forVariants(t, func(t *testing.T) {
		for _, count := range []uint32{4, 132, 16384, 16388, 100_000} {
			x := normals(1, int(count), 3)
			want := make([]float64, SumSquaresParts(count)+3) // two before, one behind: not to be written
			for i, v := range wide(x) {
				want[2+i/16384] += v * v
			}
			parts := hosttest.Zeros(t, "parts", len(want))
			call := SumSquares{Count: count, First: 2, X: hosttest.Upload(t, "x", x), Parts: parts}.Call()
			if grid := call.Grid("", nil); grid != [3]uint32{SumSquaresParts(count), 1, 1} {
				t.Fatalf("%d elements: a grid of %v for %d parts", count, grid, SumSquaresParts(count))
			}
			hosttest.Run(t, call)
			within(t, "parts", hosttest.Floats(t, parts), want, 1e-6)
		}
	}, &sumSquaresKernel)
}

// words are the first words of the training state.
type words struct {
	norm, coefficient          float32
	applied, applieds, skipped uint32
}

func readState(t testing.TB, state *host.Buffer) words {
	t.Helper()
	f := hosttest.Floats(t, state)
	return words{f[0], f[1], math.Float32bits(f[2]), math.Float32bits(f[3]), math.Float32bits(f[4])}
}

func TestGradientNorm(t *testing.T) {
	for _, n := range []int{1, 7, 300, 100_000} {
		parts := normals(2, n, 1)
		sum := 0.0
		for i, p := range parts {
			parts[i] = p * p
			sum += float64(parts[i])
		}
		norm := math.Sqrt(sum)
		for _, c := range []struct{ maxNorm, coefficient float64 }{
			{0, 1}, {2 * norm, 1}, {norm / 3, norm / 3 / (norm + 1e-6)},
		} {
			state := hosttest.Zeros(t, "state", 64)
			call := GradientNorm{Parts: uint32(n), MaxNorm: float32(c.maxNorm), PartsIn: hosttest.Upload(t, "parts", parts), State: state}.Call()
			hosttest.Run(t, call)
			hosttest.Run(t, call)
			got := readState(t, state)
			within(t, "norm, coefficient", []float32{got.norm, got.coefficient}, []float64{norm, c.coefficient}, 1e-6)
			if got.applied != 1 || got.applieds != 2 || got.skipped != 0 {
				t.Errorf("%d parts: %+v, want two applied steps", n, got)
			}
		}
	}
}

func TestGradientNormOfZeros(t *testing.T) {
	state := hosttest.Zeros(t, "state", 64)
	hosttest.Run(t, GradientNorm{Parts: 9, MaxNorm: 1, PartsIn: hosttest.Zeros(t, "parts", 9), State: state}.Call())
	if got, want := readState(t, state), (words{0, 1, 1, 1, 0}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A NaN, an infinity or squares beyond float32, in any place, skip the step, and the next good one is applied.
func TestNotFiniteGradientSkips(t *testing.T) {
	forVariants(t, func(t *testing.T) {
		const count = 40_000
		inf := float32(math.Inf(1))
		for _, bad := range []float32{float32(math.NaN()), -float32(math.NaN()), inf, -inf, 1e20} {
			for _, at := range []int{0, 17, 16384, count - 1} {
				x := normals(3, count, 1)
				x[at] = bad
				gradient, parts := hosttest.Upload(t, "x", x), hosttest.Zeros(t, "parts", 3)
				state := hosttest.Zeros(t, "state", 64)
				calls := []host.Call{SumSquares{Count: count, X: gradient, Parts: parts}.Call(),
					GradientNorm{Parts: 3, MaxNorm: 1, PartsIn: parts, State: state}.Call()}
				hosttest.Run(t, calls...)
				if got := readState(t, state); got.applied != 0 || got.applieds != 0 || got.skipped != 1 {
					t.Fatalf("%v at %d: %+v, want one skipped step", bad, at, got)
				}
				hosttest.Device(t).Write(gradient, int64(4*at), host.AsBytes([]float32{1}))
				hosttest.Run(t, calls...)
				if got := readState(t, state); got.applied != 1 || got.applieds != 1 || got.skipped != 1 {
					t.Fatalf("a good step after %v at %d: %+v, want it applied", bad, at, got)
				}
			}
		}
	}, &sumSquaresKernel)
}
