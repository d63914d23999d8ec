package shaders

import (
	"fmt"
	"math"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// distilled is the reference of a row: its log-probability, and the value that distillation makes larger.
func distilled(student, teacher []float64, target uint32, alpha, temperature float64) (logProb, value float64) {
	soften := func(logits []float64) []float64 {
		soft := make([]float64, len(logits))
		for v, l := range logits {
			soft[v] = l / temperature
		}
		return logSoftmax(soft)
	}
	p, q := soften(student), soften(teacher)
	divergence := 0.0
	for v := range p {
		if !math.IsInf(q[v], -1) {
			divergence += math.Exp(q[v]) * (q[v] - p[v])
		}
	}
	logProb = logSoftmax(student)[target]
	return logProb, alpha*logProb - (1-alpha)*temperature*temperature*divergence
}

// runDistillation returns log-probabilities, values and what then stands in the place of the logits.
func runDistillation(t *testing.T, k Distillation, student, teacher []float32, targets []uint32, weight []float32) (logProb, value, out []float32) {
	t.Helper()
	k.N, k.V = uint32(len(targets)), uint32(len(student)/len(targets))
	k.Logits, k.Teacher = hosttest.Upload(t, "logits", student), hosttest.Upload(t, "teacher", teacher)
	k.Targets, k.Weight = hosttest.Upload(t, "targets", targets), hosttest.Upload(t, "weight", weight)
	k.LogProb, k.Value = hosttest.Zeros(t, "log_prob", len(targets)), hosttest.Zeros(t, "value", len(targets))
	hosttest.Run(t, k.Call())
	return hosttest.Floats(t, k.LogProb), hosttest.Floats(t, k.Value), hosttest.Floats(t, k.Logits)
}

func TestDistillation(t *testing.T) {
	foldGrids(t, 20)
	for _, size := range [][2]int{{7, 3}, {65, 40}, {3, 515}} {
		for _, setting := range [][2]float32{{0.3, 1.5}, {0, 0.7}} {
			n, V := size[0], size[1]
			alpha, temperature := float64(setting[0]), float64(setting[1])
			student, teacher, targets, weight := normals(1, n*V, 3), normals(4, n*V, 3), randomTokens(2, n, V), normals(3, n, 0.1)
			for i := range V { // rows far from zero, and one of a student that is the teacher
				student[(n-1)*V+i] += 300
				teacher[(n-1)*V+i] -= 200
				if n > 2 {
					teacher[V+i] = student[V+i]
				}
			}
			targets[0] = uint32(V - 1)
			if n > 1 {
				weight[n/2] = 0
			}
			students, teachers := wide(student), wide(teacher)
			var logProb, value, gradient []float64
			for i := range n {
				row, guide, w := students[i*V:(i+1)*V], teachers[i*V:(i+1)*V], float64(weight[i])
				p, v := distilled(row, guide, targets[i], alpha, temperature)
				logProb, value = append(logProb, p), append(value, v)
				if V <= 131 {
					gradient = append(gradient, slopes(row, func(x []float64) float64 {
						_, v := distilled(x, guide, targets[i], alpha, temperature)
						return -w * v
					})...)
				}
			}
			t.Run(fmt.Sprintf("%dx%d alpha=%v temperature=%v", n, V, setting[0], setting[1]), func(t *testing.T) {
				forVariants(t, func(t *testing.T) {
					k := Distillation{Alpha: setting[0], Temperature: setting[1]}
					p, v, kept := runDistillation(t, k, student, teacher, targets, weight)
					within(t, "log_prob", p, logProb, 1e-6)
					within(t, "value", v, value, 2e-6)
					within(t, "logits", kept, students, 0)
					k.Gradient = 1
					_, _, got := runDistillation(t, k, student, teacher, targets, weight)
					if gradient != nil {
						within(t, "gradient", got, gradient, 1e-5)
					}
					for i := range n {
						sum := 0.0 // a shift of all logits changes nothing
						for _, g := range got[i*V : (i+1)*V] {
							sum += float64(g)
							if weight[i] == 0 && g != 0 {
								t.Fatalf("row %d of weight 0 has gradient %v", i, g)
							}
						}
						if math.Abs(sum) > 1e-5*math.Abs(float64(weight[i])) {
							t.Errorf("row %d: the gradient adds up to %v", i, sum)
						}
					}
				}, &distillationKernel)
			})
		}
	}
}

// A NaN or an infinity of the student or the teacher in a row that counts must reach the finite check; tokens that the
// teacher rules out must not disturb.
func TestDistillationNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	const n, V = 2, 523
	forVariants(t, func(t *testing.T) {
		for _, bad := range []float32{float32(math.NaN()), inf} {
			for _, at := range []int{0, V - 1} {
				for side := range 2 {
					rows := [2][]float32{normals(1, n*V, 1), normals(2, n*V, 1)}
					rows[side][at], rows[side][V+at] = bad, bad
					k := Distillation{Alpha: 0.5, Temperature: 2, Gradient: 1}
					_, _, got := runDistillation(t, k, rows[0], rows[1], []uint32{7, 7}, []float32{0, 0.5})
					for i, g := range got {
						finite := math.Float32bits(g)&0x7f800000 != 0x7f800000
						if i < V && g != 0 || i >= V && finite {
							t.Fatalf("%v at logit %d: gradient %v in row %d", bad, at, g, i/V)
						}
					}
				}
			}
		}
		never := -inf
		_, v, got := runDistillation(t, Distillation{Temperature: 1, Gradient: 1}, []float32{0, 0, 0, 0}, []float32{never, 1, never, 1}, []uint32{1}, []float32{1})
		within(t, "value", v, []float64{-math.Ln2}, 1e-6)
		within(t, "gradient", got, []float64{0.25, -0.25, 0.25, -0.25}, 1e-6)
	}, &distillationKernel)
}

func BenchmarkDistillation(b *testing.B) {
	const n, V = 1024, 6400
	forVariants(b, func(b *testing.B) {
		benchmarkCall(b, 4*3*n*V, Distillation{N: n, V: V, Gradient: 1, Alpha: 0.5, Temperature: 1.5,
			Logits: hosttest.Upload(b, "logits", normals(1, n*V, 1)), Teacher: hosttest.Upload(b, "teacher", normals(2, n*V, 1)),
			Targets: hosttest.Upload(b, "targets", randomTokens(2, n, V)), Weight: hosttest.Upload(b, "weight", normals(3, n, 1)),
			LogProb: hosttest.Zeros(b, "log_prob", n), Value: hosttest.Zeros(b, "value", n)}.Call())
	}, &distillationKernel)
}
