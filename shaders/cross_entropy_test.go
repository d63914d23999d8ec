package shaders

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// logSoftmax is the reference, of one row.
func logSoftmax(logits []float64) []float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, l := range logits {
		largest = max(largest, l)
	}
	for _, l := range logits {
		sum += math.Exp(l - largest)
	}
	p := make([]float64, len(logits))
	for v, l := range logits {
		p[v] = l - largest - math.Log(sum)
	}
	return p
}

func randomTokens(seed uint64, n, V int) []uint32 {
	r := rand.New(rand.NewPCG(seed, 3))
	v := make([]uint32, n)
	for i := range v {
		v[i] = uint32(r.IntN(V))
	}
	return v
}

// runCrossEntropy returns the log-probabilities and what then stands in the place of the logits.
func runCrossEntropy(t *testing.T, V int, gradient uint32, logits []float32, targets []uint32, weight []float32) (logProb, out []float32) {
	t.Helper()
	ls, ps := hosttest.Upload(t, "logits", logits), hosttest.Zeros(t, "log_prob", len(targets))
	hosttest.Run(t, CrossEntropy{N: uint32(len(targets)), V: uint32(V), Gradient: gradient, Logits: ls,
		Targets: hosttest.Upload(t, "targets", targets), Weight: hosttest.Upload(t, "weight", weight), LogProb: ps}.Call())
	return hosttest.Floats(t, ps), hosttest.Floats(t, ls)
}

func TestCrossEntropy(t *testing.T) {
	foldGrids(t, 20)
	for _, size := range [][2]int{{1, 1}, {65, 98}, {3, 256}, {2, 6401}} {
		n, V := size[0], size[1]
		logits, targets, weight := normals(1, n*V, 4), randomTokens(2, n, V), normals(3, n, 0.1)
		for i := range V { // a row far from zero
			logits[(n-1)*V+i] += 300
		}
		targets[0] = uint32(V - 1)
		weight[n/2] = 0
		if n > 1 {
			weight[n-1] = float32(math.Copysign(0, -1))
		}
		all := wide(logits)
		var logProb, gradient []float64
		for i := range n {
			row, w := all[i*V:(i+1)*V], float64(weight[i])
			p := logSoftmax(row)
			logProb = append(logProb, p[targets[i]])
			analytic := make([]float64, V)
			for v := range V {
				analytic[v] = w * math.Exp(p[v])
			}
			analytic[targets[i]] -= w
			if V <= 131 {
				for v, d := range slopes(row, func(x []float64) float64 { return -w * logSoftmax(x)[targets[i]] }) {
					if math.Abs(d-analytic[v]) > 1e-8 {
						t.Fatalf("row %d, logit %d: the reference has gradient %v, central differences %v", i, v, analytic[v], d)
					}
				}
			}
			gradient = append(gradient, analytic...)
		}
		t.Run(fmt.Sprintf("%dx%d", n, V), func(t *testing.T) {
			forVariants(t, func(t *testing.T) {
				p, kept := runCrossEntropy(t, V, 0, logits, targets, weight)
				within(t, "log_prob", p, logProb, 1e-6)
				within(t, "logits", kept, all, 0)
				p, got := runCrossEntropy(t, V, 1, logits, targets, weight)
				within(t, "log_prob", p, logProb, 1e-6)
				within(t, "gradient", got, gradient, 2e-6)
				for i, g := range got {
					if weight[i/V] == 0 && g != 0 {
						t.Fatalf("row %d of weight 0 has gradient %v at %d", i/V, g, i%V)
					}
				}
			}, &crossEntropyKernel)
		})
	}
}

// A NaN or an infinity in a row that counts must reach the finite check; in a row of weight 0 it must not.
func TestCrossEntropyNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	const n, V = 3, 523
	forVariants(t, func(t *testing.T) {
		for _, bad := range []float32{float32(math.NaN()), -float32(math.NaN()), inf} {
			for _, at := range []int{0, 5, 300, V - 1} {
				logits := normals(1, n*V, 1)
				logits[at], logits[2*V+at] = bad, bad
				_, got := runCrossEntropy(t, V, 1, logits, []uint32{7, 7, 7}, []float32{0, 0.5, 0.5})
				for i, g := range got {
					finite := math.Float32bits(g)&0x7f800000 != 0x7f800000
					switch row := i / V; {
					case row == 0 && g != 0, row == 1 && !finite:
						t.Fatalf("%v at logit %d of rows 0 (weight 0) and 2: gradient %v in row %d", bad, at, g, row)
					case row == 2 && finite:
						t.Fatalf("%v at logit %d of row 2: gradient %v at logit %d hides it", bad, at, g, i%V)
					}
				}
			}
		}
		_, got := runCrossEntropy(t, 2, 1, []float32{1, 2}, []uint32{0}, []float32{float32(math.NaN())})
		if math.Float32bits(got[0])&0x7f800000 != 0x7f800000 {
			t.Fatalf("a weight of NaN gives gradient %v", got)
		}
	}, &crossEntropyKernel)
}

// Logits of -inf are tokens that cannot come: probability 0, gradient 0.
func TestCrossEntropyOfImpossibleTokens(t *testing.T) {
	never := float32(math.Inf(-1))
	logits := []float32{never, 1, never, 1}
	forVariants(t, func(t *testing.T) {
		p, got := runCrossEntropy(t, 4, 1, logits, []uint32{1}, []float32{1})
		within(t, "log_prob", p, []float64{-math.Ln2}, 1e-6)
		within(t, "gradient", got, []float64{0, -0.5, 0, 0.5}, 1e-6)
	}, &crossEntropyKernel)
}

func TestSumLoss(t *testing.T) {
	for _, n := range []int{1, 7, 65, 1024, 16384} {
		logProb, weight := normals(1, n, 3), normals(2, n, 1)
		for i := range n {
			logProb[i] = -float32(math.Abs(float64(logProb[i])))
			weight[i] = float32(math.Abs(float64(weight[i]))) / float32(n)
		}
		if n > 7 {
			logProb[5], weight[5] = float32(math.NaN()), 0
		}
		want := 0.25
		for i := range n {
			if weight[i] != 0 {
				want -= float64(weight[i]) * float64(logProb[i])
			}
		}
		state := hosttest.Zeros(t, "state", 64)
		hosttest.Device(t).Write(state, 0, []byte{0, 0, 0x80, 0x3e, 0, 0, 0x80, 0x3e}) // 0.25, 0.25
		hosttest.Run(t, SumLoss{N: uint32(n), Slot: 1, LogProb: hosttest.Upload(t, "log_prob", logProb), Weight: hosttest.Upload(t, "weight", weight), State: state}.Call())
		got := hosttest.Floats(t, state)
		within(t, "state", got[:3], []float64{0.25, want, 0}, 5e-7)
	}
}

func BenchmarkCrossEntropy(b *testing.B) {
	const n, V = 1024, 6400
	targets := hosttest.Upload(b, "targets", randomTokens(2, n, V))
	weight, logProb := hosttest.Upload(b, "weight", normals(3, n, 1)), hosttest.Zeros(b, "log_prob", n)
	logits := hosttest.Upload(b, "logits", normals(1, n*V, 1))
	forVariants(b, func(b *testing.B) {
		for _, gradient := range []uint32{0, 1} {
			b.Run(fmt.Sprintf("gradient=%d", gradient), func(b *testing.B) {
				benchmarkCall(b, 4*n*V, CrossEntropy{N: n, V: V, Gradient: gradient, Logits: logits, Targets: targets, Weight: weight, LogProb: logProb}.Call())
			})
		}
	}, &crossEntropyKernel)
}
