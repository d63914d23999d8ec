package shaders

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// adamwRun trains count parameters on the device: gradient_norm and adamw of each step, as in training.
type adamwRun struct {
	gradient, parts, state, rate            *host.Buffer
	correction, parameter, moment1, moment2 *host.Buffer
	recording                               *host.Recording
}

const (
	adamwBeta1, adamwBeta2, adamwEps, adamwDecay = 0.9, 0.999, 1e-8, 0.1
	adamwMaxNorm                                 = 1.0
)

func newAdamwRun(t testing.TB, parameter []float32, correction []float32) *adamwRun {
	n := len(parameter)
	parts := int(SumSquaresParts(uint32(n)))
	r := &adamwRun{gradient: hosttest.Zeros(t, "gradient", n), parts: hosttest.Zeros(t, "parts", parts),
		state: hosttest.Zeros(t, "state", 64), rate: hosttest.Zeros(t, "step", 1), correction: hosttest.Upload(t, "correction", correction),
		parameter: hosttest.Upload(t, "parameter", parameter), moment1: hosttest.Zeros(t, "moment1", n), moment2: hosttest.Zeros(t, "moment2", n)}
	r.recording = hosttest.Device(t).Record(
		SumSquares{Count: uint32(n), X: r.gradient, Parts: r.parts}.Call(),
		GradientNorm{Parts: uint32(parts), MaxNorm: adamwMaxNorm, PartsIn: r.parts, State: r.state}.Call(),
		r.call(n, len(correction)/2))
	t.Cleanup(r.recording.Release)
	return r
}

func (r *adamwRun) call(n, corrections int) host.Call {
	return Adamw{Count: uint32(n), Beta1: adamwBeta1, Beta2: adamwBeta2, Eps: adamwEps, WeightDecay: adamwDecay, Corrections: uint32(corrections),
		Gradient: r.gradient, State: r.state, Step: r.rate, Correction: r.correction,
		Parameter: r.parameter, Moment1: r.moment1, Moment2: r.moment2}.Call()
}

func (r *adamwRun) step(t testing.TB, rate float32, gradient []float32) {
	t.Helper()
	d := hosttest.Device(t)
	d.Write(r.gradient, 0, host.AsBytes(gradient))
	d.Write(r.rate, 0, host.AsBytes([]float32{rate}))
	d.Replay(nil, r.recording)
	if err := d.Wait(); err != nil {
		t.Fatal(err)
	}
}

// adamwReference is PyTorch's AdamW in float64, for step t (from 1) with corrections of step min(t, last).
func adamwReference(t, last int, rate float64, gradient, parameter, moment1, moment2 []float64) {
	norm := 0.0
	for _, g := range gradient {
		norm += g * g
	}
	coefficient := min(1, adamwMaxNorm/(math.Sqrt(norm)+1e-6))
	at := float64(min(t, last))
	for i, g := range gradient {
		g *= coefficient
		parameter[i] *= 1 - rate*adamwDecay
		moment1[i] = adamwBeta1*moment1[i] + (1-adamwBeta1)*g
		moment2[i] = adamwBeta2*moment2[i] + (1-adamwBeta2)*g*g
		parameter[i] -= rate * moment1[i] / (1 - math.Pow(adamwBeta1, at)) / (math.Sqrt(moment2[i]/(1-math.Pow(adamwBeta2, at))) + adamwEps)
	}
}

// Six steps: gradients above and below the clip, a skipped one in the middle, and at the end more steps than the
// table has pairs.
func TestAdamw(t *testing.T) {
	for _, n := range []int{4, 132, 20_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			const pairs = 4
			parameter := normals(1, n, 0.5)
			p, m, v := wide(parameter), make([]float64, n), make([]float64, n)
			r := newAdamwRun(t, parameter, AdamCorrections(adamwBeta1, adamwBeta2)[:2*pairs])
			applied := 0
			for step := range 6 {
				gradient := normals(uint64(step+10), n, 0.1/float64(step+1)) // clipped at n = 20,000
				gradient[n/2] = 0
				rate := 0.01 / float64(step+1)
				if step == 2 {
					before := []*host.Buffer{r.parameter, r.moment1, r.moment2}
					var were [][]float32
					for _, b := range before {
						were = append(were, hosttest.Floats(t, b))
					}
					gradient[n-2] = float32(math.NaN())
					r.step(t, float32(rate), gradient)
					for i, b := range before {
						if now := hosttest.Floats(t, b); !slices.Equal(now, were[i]) {
							t.Fatalf("the skipped step changed %s", b.Name)
						}
					}
					if got := readState(t, r.state); got.applied != 0 || got.applieds != 2 || got.skipped != 1 {
						t.Fatalf("after the skipped step: %+v", got)
					}
					continue
				}
				r.step(t, float32(rate), gradient)
				applied++
				adamwReference(applied, pairs, rate, wide(gradient), p, m, v)
				within(t, "parameter", hosttest.Floats(t, r.parameter), p, 1e-6)
				within(t, "moment1", hosttest.Floats(t, r.moment1), m, 1e-6)
				within(t, "moment2", hosttest.Floats(t, r.moment2), v, 1e-6)
			}
			if got := readState(t, r.state); got.applieds != 5 || got.skipped != 1 {
				t.Fatalf("at the end: %+v", got)
			}
		})
	}
}

func TestAdamCorrections(t *testing.T) {
	pairs := AdamCorrections(0.9, 0.999)
	if n := len(pairs) / 2; n != 18_013 {
		t.Fatalf("%d pairs", n)
	}
	for _, at := range []int{1, 2, 10, 1000, 18_013} {
		for i, beta := range []float64{0.9, 0.999} {
			power := 1.0
			for range at {
				power *= beta
			}
			if got, want := float64(pairs[2*(at-1)+i]), 1-power; math.Abs(got/want-1) > 1e-7 {
				t.Errorf("1 - %v^%d is %v, want %v", beta, at, got, want)
			}
		}
	}
	// Exactly 1 at the end, so that the last pair holds for every later step.
	if last := pairs[len(pairs)-2:]; last[0] != 1 || last[1] != 1 {
		t.Errorf("the table ends with %v", last)
	}
	if got := AdamCorrections(0, 0); !slices.Equal(got, []float32{1, 1}) {
		t.Errorf("betas of 0: %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a beta of 1 was taken")
		}
	}()
	AdamCorrections(0.9, 1)
}

func BenchmarkAdamw(b *testing.B) {
	const n = 4 << 20
	r := newAdamwRun(b, normals(1, n, 1), AdamCorrections(adamwBeta1, adamwBeta2))
	r.step(b, 0.001, normals(2, n, 1))
	b.Run("sum_squares", func(b *testing.B) {
		forVariants(b, func(b *testing.B) {
			benchmarkCall(b, 4*n, SumSquares{Count: n, X: r.gradient, Parts: r.parts}.Call())
		}, &sumSquaresKernel)
	})
	b.Run("gradient_norm", func(b *testing.B) {
		benchmarkCall(b, int(r.parts.Size), GradientNorm{Parts: SumSquaresParts(n), MaxNorm: 1, PartsIn: r.parts, State: r.state}.Call())
	})
	b.Run("adamw", func(b *testing.B) {
		benchmarkCall(b, 28*n, r.call(n, 100))
	})
}
