package generate

import (
	"math"
	"math/rand/v2"
	"slices"
)

// sampler chooses tokens of one text.
type sampler struct {
	options Options
	random  *rand.PCG
	seen    []int
}

func newSampler(o Options, prompt []int) *sampler {
	return &sampler{options: o, random: rand.NewPCG(o.Seed, 0), seen: slices.Clone(prompt)}
}

func (s *sampler) choose(logits []float32) int {
	token := 0
	if s.options.Greedy || s.options.Temperature == 0 {
		token = likeliest(logits)
	} else {
		token = s.draw(Probabilities(logits, s.seen, s.options))
	}
	s.seen = append(s.seen, token)
	return token
}

// draw takes a token by its probability.
func (s *sampler) draw(probabilities []float64) int {
	u := float64(s.random.Uint64()>>11) / (1 << 53)
	last := 0
	for i, p := range probabilities {
		if p == 0 {
			continue
		}
		last = i
		if u -= p; u < 0 {
			break
		}
	}
	return last
}

// likeliest is the token with the largest logit, the first of equals.
func likeliest(logits []float32) int {
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	return best
}

// Probabilities are those that the next token is drawn from: repetition penalty over the tokens seen, temperature,
// top-k, top-p (the token that crosses the threshold stays), in this order.
func Probabilities(logits []float32, seen []int, o Options) []float64 {
	x := make([]float64, len(logits))
	for i, l := range logits {
		x[i] = float64(l)
	}
	if o.RepetitionPenalty != 0 && o.RepetitionPenalty != 1 {
		done := map[int]bool{}
		for _, t := range seen {
			if !done[t] && x[t] > 0 {
				x[t] /= o.RepetitionPenalty
			} else if !done[t] {
				x[t] *= o.RepetitionPenalty
			}
			done[t] = true
		}
	}
	temperature := o.Temperature
	if temperature == 0 {
		temperature = 1
	}
	order := make([]int, len(x)) // by falling logit
	for i := range x {
		x[i] /= temperature
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] > x[b]:
			return -1
		case x[a] < x[b]:
			return 1
		}
		return 0
	})
	keep := len(order)
	if o.TopK > 0 && o.TopK < keep {
		for keep = o.TopK; keep < len(order) && x[order[keep]] == x[order[o.TopK-1]]; keep++ { // ties stay
		}
	}
	p, sum := make([]float64, len(x)), 0.0
	for _, i := range order[:keep] {
		p[i] = math.Exp(x[i] - x[order[0]])
		sum += p[i]
	}
	if o.TopP > 0 && o.TopP < 1 {
		before, kept := 0.0, 0.0
		for rank, i := range order[:keep] {
			if rank > 0 && before > o.TopP*sum {
				p[i] = 0
				continue
			}
			before += p[i]
			kept += p[i]
		}
		sum = kept
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}
