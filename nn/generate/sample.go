package generate

import (
	"math"
	"math/rand/v2"
	"slices"
)

// sampler chooses the tokens of one text.
type sampler struct {
	options Options
	random  *rand.PCG
	seen    []bool // by token
	choice  distribution
}

func newSampler(o Options, prompt []int, vocab int) *sampler {
	return &sampler{options: o, random: rand.NewPCG(o.Seed, 0), seen: marks(prompt, vocab)}
}

func marks(tokens []int, vocab int) []bool {
	seen := make([]bool, vocab)
	for _, t := range tokens {
		seen[t] = true
	}
	return seen
}

func (s *sampler) choose(logits []float32) int {
	token := 0
	if s.options.Greedy || s.options.Temperature == 0 {
		token = likeliest(logits)
	} else {
		token = s.draw(s.choice.probabilities(logits, s.seen, s.options))
	}
	s.seen[token] = true
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
	var d distribution
	return d.probabilities(logits, marks(seen, len(logits)), o)
}

// distribution is the memory that one text's choices need, again and again.
type distribution struct {
	x, p  []float64
	order ranking
	kept  []int
}

func (d *distribution) probabilities(logits []float32, seen []bool, o Options) []float64 {
	if d.x == nil {
		d.x, d.p = make([]float64, len(logits)), make([]float64, len(logits))
	}
	x, p := d.x, d.p
	temperature, penalty := o.Temperature, o.RepetitionPenalty
	if temperature == 0 {
		temperature = 1
	}
	highest := math.Inf(-1)
	for i, l := range logits {
		x[i] = float64(l)
		if seen[i] && penalty != 0 && x[i] > 0 {
			x[i] /= penalty
		} else if seen[i] && penalty != 0 {
			x[i] *= penalty
		}
		x[i] /= temperature
		highest = max(highest, x[i])
	}
	sum := 0.0
	for i := range x {
		p[i] = math.Exp(x[i] - highest)
		sum += p[i]
	}
	if o.TopK > 0 && o.TopK < len(x) || o.TopP > 0 && o.TopP < 1 {
		sum = d.cut(sum, o)
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// cut leaves top-k's and top-p's tokens in p and returns their sum; before it is that of all.
func (d *distribution) cut(sum float64, o Options) float64 {
	d.order.begin(d.x)
	d.kept = d.kept[:0]
	limit := len(d.x)
	if o.TopK > 0 {
		sum = 0
		for len(d.order.heap) > 0 && (len(d.kept) < o.TopK || d.x[d.order.heap[0]] == d.x[d.kept[o.TopK-1]]) { // ties stay
			d.kept = append(d.kept, d.order.take())
			sum += d.p[d.kept[len(d.kept)-1]]
		}
		limit = len(d.kept)
	}
	n, kept := 0, 0.0
	for n < limit && (n == 0 || o.TopP == 0 || o.TopP == 1 || kept <= o.TopP*sum) {
		if n == len(d.kept) {
			d.kept = append(d.kept, d.order.take())
		}
		kept += d.p[d.kept[n]]
		n++
	}
	d.kept = d.kept[:n]
	slices.Sort(d.kept)
	next := 0 // of the kept
	for i := range d.p {
		if next < n && d.kept[next] == i {
			next++
		} else {
			d.p[i] = 0
		}
	}
	return kept
}

// ranking gives the places of numbers from the largest down, of equals the first first: a heap, since only the first few
// are asked for as a rule.
type ranking struct {
	x    []float64
	heap []int
}

func (r *ranking) begin(x []float64) {
	r.x, r.heap = x, r.heap[:0]
	for i := range x {
		r.heap = append(r.heap, i)
	}
	for i := len(x)/2 - 1; i >= 0; i-- {
		r.sink(i)
	}
}

// take removes the largest that is left.
func (r *ranking) take() int {
	top, last := r.heap[0], len(r.heap)-1
	r.heap[0] = r.heap[last]
	r.heap = r.heap[:last]
	r.sink(0)
	return top
}

func (r *ranking) before(a, b int) bool { return r.x[a] > r.x[b] || r.x[a] == r.x[b] && a < b }

func (r *ranking) sink(i int) {
	for h := r.heap; 2*i+1 < len(h); {
		child := 2*i + 1
		if child+1 < len(h) && r.before(h[child+1], h[child]) {
			child++
		}
		if !r.before(h[child], h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// logProbs is a token with its log-probability, and so many of the likeliest.
func logProbs(logits []float32, id, alternatives int) Token {
	x := make([]float64, len(logits))
	highest, sum := math.Inf(-1), 0.0
	for i, l := range logits {
		x[i] = float64(l)
		highest = max(highest, x[i])
	}
	for i := range x {
		sum += math.Exp(x[i] - highest)
	}
	total := highest + math.Log(sum)
	token := Token{Alternative: Alternative{ID: id, LogProb: x[id] - total}}
	if alternatives > 0 {
		var order ranking
		order.begin(x)
		for range min(alternatives, len(x)) {
			i := order.take()
			token.Top = append(token.Top, Alternative{ID: i, LogProb: x[i] - total})
		}
	}
	return token
}
