package generate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// sampler chooses the tokens of one text.
type sampler struct {
	options Options
	random  *rand.PCG
	text    history
	choice  distribution
}

// history is what a text's tokens so far say of the next.
type history struct {
	seen    []bool      // by token: in the prompt or after it
	written map[int]int // how often, after the prompt
}

func newSampler(o Options, prompt []int, vocab int) *sampler {
	return &sampler{options: o, random: rand.NewPCG(o.Seed, 0), text: newHistory(prompt, vocab)}
}

func newHistory(prompt []int, vocab int) history {
	h := history{seen: make([]bool, vocab), written: map[int]int{}}
	for _, t := range prompt {
		h.seen[t] = true
	}
	return h
}

func (h *history) write(token int) {
	h.seen[token] = true
	h.written[token]++
}

func (s *sampler) choose(logits []float32) int {
	s.choice.adjust(logits, s.text, s.options)
	token := 0
	if s.options.Greedy || s.options.Temperature == 0 {
		token = likeliest(s.choice.x)
	} else {
		token = s.draw(s.choice.probabilities(s.options))
	}
	s.text.write(token)
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
func likeliest(logits []float64) int {
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	return best
}

// Probabilities are those that the token after a prompt, and what was written since, is drawn from: penalties and biases,
// temperature, top-k, top-p (the token that crosses the threshold stays), in this order.
func Probabilities(logits []float32, prompt, written []int, o Options) []float64 {
	h := newHistory(prompt, len(logits))
	for _, t := range written {
		h.write(t)
	}
	var d distribution
	d.adjust(logits, h, o)
	return d.probabilities(o)
}

// distribution is the memory that one text's choices need, again and again.
type distribution struct {
	x, p  []float64
	order ranking
	kept  []int
}

// adjust makes x of the logits: penalties for what was there before, then biases.
func (d *distribution) adjust(logits []float32, h history, o Options) {
	if d.x == nil {
		d.x, d.p = make([]float64, len(logits)), make([]float64, len(logits))
	}
	for i, l := range logits {
		d.x[i] = float64(l)
		if h.seen[i] && o.RepetitionPenalty != 0 && l > 0 {
			d.x[i] /= o.RepetitionPenalty
		} else if h.seen[i] && o.RepetitionPenalty != 0 {
			d.x[i] *= o.RepetitionPenalty
		}
	}
	if o.PresencePenalty != 0 || o.FrequencyPenalty != 0 {
		for token, n := range h.written {
			d.x[token] -= o.PresencePenalty + float64(n)*o.FrequencyPenalty
		}
	}
	for token, bias := range o.LogitBias {
		d.x[token] += bias
	}
}

// probabilities makes p of x.
func (d *distribution) probabilities(o Options) []float64 {
	x, p := d.x, d.p
	temperature := cmp.Or(o.Temperature, 1)
	highest := math.Inf(-1)
	for i := range x {
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
