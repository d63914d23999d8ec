package shaders

import (
	"fmt"
	"math"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// preferences is the reference: DPO's loss as the paper writes it, and the means of the rewards and of what is right.
func preferences(logProb, mask, reference, weight []float64, T int, mean bool, beta float64) (sums [4]float64) {
	n := len(weight)
	row := func(r int) float64 {
		sum, length := 0.0, 0.0
		for t := r * T; t < (r+1)*T; t++ {
			if mask[t] != 0 {
				sum += mask[t] * logProb[t]
				length += mask[t]
			}
		}
		if mean {
			sum /= length
		}
		return beta * (sum - reference[r])
	}
	for i, w := range weight {
		if w == 0 {
			continue
		}
		chosen, rejected := row(i), row(n+i)
		sums[0] += w * math.Log1p(math.Exp(rejected-chosen))
		sums[1] += w * chosen
		sums[2] += w * rejected
		if chosen > rejected {
			sums[3] += w
		}
	}
	return sums
}

func runPreference(t *testing.T, logProb, mask, reference, weight []float32, T int, mean uint32, beta float32) (state, tokens []float32) {
	t.Helper()
	s, w := hosttest.Zeros(t, "state", 128), hosttest.Zeros(t, "token_weight", len(mask))
	hosttest.Run(t, Preference{Pairs: uint32(len(weight)), T: uint32(T), Slot: 64, Mean: mean, Beta: beta,
		LogProb: hosttest.Upload(t, "log_prob", logProb), Mask: hosttest.Upload(t, "mask", mask), Reference: hosttest.Upload(t, "reference", reference),
		PairWeight: hosttest.Upload(t, "pair_weight", weight), State: s, TokenWeight: w}.Call())
	return hosttest.Floats(t, s), hosttest.Floats(t, w)
}

func TestPreference(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {5, 21}, {3, 259}} {
		for mean := range uint32(2) {
			for _, beta := range []float32{0.1, 2} {
				n, T := size[0], size[1]
				logProb, mask := normals(1, 2*n*T, 2), make([]float32, 2*n*T)
				reference, weight := make([]float32, 2*n), make([]float32, n)
				for i := range logProb {
					logProb[i] = -float32(math.Abs(float64(logProb[i])))
					if i%T == 0 || i%3 != 0 {
						mask[i] = float32(1 + i%5/4) // 1, and a tag's 2
					}
					if mask[i] == 0 {
						logProb[i] = float32(math.Inf(-1)) // of what does not count
					} else {
						reference[i/T] += mask[i] * logProb[i]
					}
				}
				rounding := 2e-6 // of the results, and of a row's sum, from which the reference's is subtracted
				for r := range reference {
					rounding = max(rounding, 2e-7*float64(beta)*math.Abs(float64(reference[r])))
					if mean != 0 {
						reference[r] /= float32(T)
					}
					reference[r] += normals(uint64(r), 1, 2)[0]
				}
				for i := range weight {
					weight[i] = 1 / float32(n)
				}
				if n > 1 {
					weight[1] = 0
				}
				args := [][]float64{wide(mask), wide(reference), wide(weight)}
				loss := func(x []float64) float64 {
					return preferences(x, args[0], args[1], args[2], T, mean != 0, float64(beta))[0]
				}
				want := preferences(wide(logProb), args[0], args[1], args[2], T, mean != 0, float64(beta))
				t.Run(fmt.Sprintf("%dx%d mean=%d beta=%v", n, T, mean, beta), func(t *testing.T) {
					state, tokens := runPreference(t, logProb, mask, reference, weight, T, mean, beta)
					within(t, "sums", state[64:68], want[:], rounding)
					finite := wide(logProb)
					for i := range finite {
						finite[i] = max(finite[i], -1e9)
					}
					slope := slopes(finite, loss)
					for i := range slope {
						slope[i] *= -1
					}
					within(t, "token_weight", tokens, slope, 5*rounding)
					for i, w := range tokens {
						if (mask[i] == 0 || weight[i/T%n] == 0) && w != 0 {
							t.Fatalf("token %d counts for nothing and weighs %v", i, w)
						}
					}
				})
			}
		}
	}
}

// Small losses keep their digits, large margins do not overflow, and what is not finite reaches the tokens that count.
func TestPreferenceAtTheEnds(t *testing.T) {
	for _, margin := range []float64{0, 9, 12, 60, 1000, -9, -60, -1000} {
		state, tokens := runPreference(t, []float32{float32(margin), 0}, []float32{1, 1}, []float32{0, 0}, []float32{1}, 1, 0, 1)
		loss, slope := math.Log1p(math.Exp(-margin)), 1/(1+math.Exp(margin))
		if margin < -700 {
			loss = -margin
		}
		if got := float64(state[64]); math.Abs(got-loss) > 5e-6*loss {
			t.Errorf("margin %v: loss %v, want %v", margin, got, loss)
		}
		if got := float64(tokens[0]); math.Abs(got-slope) > 5e-6*slope+1e-34 {
			t.Errorf("margin %v: weight %v, want %v", margin, got, slope)
		}
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		logProb, mask := make([]float32, 12), []float32{1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1} // three pairs of rows of two
		logProb[1], logProb[5] = bad, bad                                                   // of the first pair, and of the third, which weighs nothing
		_, tokens := runPreference(t, logProb, mask, make([]float32, 6), []float32{1, 1, 0}, 2, 0, 1)
		for i, w := range tokens {
			finite := math.Float32bits(w)&0x7f800000 != 0x7f800000
			switch pair := i / 2 % 3; {
			case pair == 0 && finite, pair == 1 && !finite, pair == 2 && w != 0:
				t.Errorf("a log-probability of %v: token %d, of pair %d, weighs %v", bad, i, pair, w)
			}
		}
	}
}
