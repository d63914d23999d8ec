package shaders

import (
	"math"
	"slices"
)

// routing is N tokens' choice of K among E experts, in segments of T, made by plain loops, and the layout of the rows.
type routing struct {
	N, T, E, K int
	logits     []float32
	prob, gate []float64
	choice     []uint32
	position   []uint32 // the row of each choice
	span, tile []uint32 // pairs, as the kernels have them
}

// routings are of sizes that neither a block nor a tile divides: even and uneven loads, an expert with every token, experts
// with none, ties, and one token.
func routings() map[string]*routing {
	even := func(N, T, E, K int) *routing {
		return &routing{N: N, T: T, E: E, K: K, logits: normals(uint64(N*E), N*E, 1)}
	}
	one := even(300, 300, 4, 1) // all to expert 2, 0 next
	two := even(303, 101, 5, 2) // nobody to 0 and 3
	for n := range 300 {
		one.logits[4*n] = 4 + one.logits[4*n]/4
		one.logits[4*n+2] = 6 + one.logits[4*n+2]/4
	}
	for n := range 303 {
		two.logits[5*n], two.logits[5*n+3] = -20, -300
	}
	ties := even(70, 35, 4, 3)
	for i := range ties.logits {
		ties.logits[i] = float32(i % 8 / 5) // 0 0 0 0 | 0 1 1 1
	}
	all := map[string]*routing{"one token": even(1, 1, 4, 2), "one expert": even(66, 33, 1, 1), "top 1": even(330, 330, 4, 1),
		"top 2": even(390, 65, 4, 2), "all chosen": even(130, 130, 3, 3), "to one": one, "none to some": two, "ties": ties}
	for _, r := range all {
		r.route(true)
	}
	return all
}

// route chooses, and lays the rows out.
func (r *routing) route(normalize bool) {
	r.prob, r.gate, r.choice = nil, nil, nil
	for n := range r.N {
		p := softmax(wide(r.logits[n*r.E : (n+1)*r.E]))
		order := make([]uint32, r.E)
		for e := range order {
			order[e] = uint32(e)
		}
		slices.SortStableFunc(order, func(a, b uint32) int {
			return -cmpFloat(float64(r.logits[n*r.E+int(a)]), float64(r.logits[n*r.E+int(b)]))
		})
		r.prob = append(r.prob, p...)
		r.choice = append(r.choice, order[:r.K]...)
		r.gate = append(r.gate, gates(p, order[:r.K], normalize)...)
	}
	r.position = make([]uint32, r.N*r.K)
	r.span, r.tile = nil, nil
	next := 0
	for e := range r.E {
		first := next
		for i, c := range r.choice {
			if int(c) == e {
				r.position[i] = uint32(next)
				next++
			}
		}
		r.span = append(r.span, uint32(first), uint32(next))
		for at := first; at < next; at += ExpertTile {
			r.tile = append(r.tile, uint32(e), uint32(min(at+ExpertTile, next)))
		}
		next = (next + ExpertTile - 1) / ExpertTile * ExpertTile
	}
	for len(r.tile) < 2*r.tiles() {
		r.tile = append(r.tile, 0, 0)
	}
}

func (r *routing) tiles() int  { return int(ExpertTiles(uint32(r.N*r.K), uint32(r.E))) }
func (r *routing) rows() int   { return r.tiles() * ExpertTile }
func (r *routing) blocks() int { return int(ExpertBlocks(uint32(r.N), uint32(r.T))) }

// sources are the choices of the rows; -1 for rows of no expert.
func (r *routing) sources() []int {
	source := slices.Repeat([]int{-1}, r.rows())
	for i, row := range r.position {
		source[row] = i
	}
	return source
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func softmax(logits []float64) []float64 {
	largest, sum := slices.Max(logits), 0.0
	p := make([]float64, len(logits))
	for i, l := range logits {
		p[i] = math.Exp(l - largest)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// gates are the weights of the chosen.
func gates(p []float64, chosen []uint32, normalize bool) []float64 {
	g, sum := make([]float64, len(chosen)), 0.0
	for k, e := range chosen {
		g[k] = p[e]
		sum += p[e]
	}
	if normalize {
		for k := range g {
			g[k] /= sum + 1e-20
		}
	}
	return g
}
