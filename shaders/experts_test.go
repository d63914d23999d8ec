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
	all := map[string]*routing{"one token": even(1, 1, 4, 2), "one expert": even(66, 33, 1, 1), "top 1": even(1000, 1000, 4, 1),
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

// integers reads a buffer of integers.
func integers(t testing.TB, b *host.Buffer) []uint32 {
	t.Helper()
	v := make([]uint32, b.Size/4)
	if err := hosttest.Device(t).Read(b, 0, host.AsBytes(v)); err != nil {
		t.Fatal(err)
	}
	return v
}

func equalIntegers(t *testing.T, name string, got, want []uint32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

func TestRouter(t *testing.T) {
	for name, r := range routings() {
		for _, normalize := range []bool{true, false} {
			t.Run(fmt.Sprint(name, normalize), func(t *testing.T) { testRouter(t, r, normalize) })
		}
	}
}

func testRouter(t *testing.T, r *routing, normalize bool) {
	r.route(normalize)
	n, e, k := uint32(r.N), uint32(r.E), uint32(r.K)
	prob, choice, gate := hosttest.Zeros(t, "prob", r.N*r.E), hosttest.Zeros(t, "choice", r.N*r.K), hosttest.Zeros(t, "gate", r.N*r.K)
	dgate, slope := normals(2, r.N*r.K, 1), normals(3, r.N/r.T*r.E, 1)
	dlogits := hosttest.Zeros(t, "dlogits", r.N*r.E)
	hosttest.Run(t,
		RouterForward{N: n, E: e, K: k, Normalize: word(normalize), Logits: hosttest.Upload(t, "logits", r.logits), Prob: prob, Choice: choice, Gate: gate}.Call(),
		RouterBackward{N: n, T: uint32(r.T), E: e, K: k, Normalize: word(normalize), Prob: prob, Choice: choice, Gate: gate,
			Dgate: hosttest.Upload(t, "dgate", dgate), Slope: hosttest.Upload(t, "slope", slope), Dlogits: dlogits}.Call())
	equalIntegers(t, "choice", integers(t, choice), r.choice)
	within(t, "prob", hosttest.Floats(t, prob), r.prob, 1e-6)
	within(t, "gate", hosttest.Floats(t, gate), r.gate, 1e-6)
	var want []float64
	for n := range r.N {
		chosen := r.choice[n*r.K : (n+1)*r.K]
		want = append(want, slopes(wide(r.logits[n*r.E:(n+1)*r.E]), func(logits []float64) float64 {
			p, loss := softmax(logits), 0.0
			for k, g := range gates(p, chosen, normalize) {
				loss += float64(dgate[n*r.K+k]) * g
			}
			for e := range p {
				loss += float64(slope[n/r.T*r.E+e]) * p[e]
			}
			return loss
		})...)
	}
	within(t, "dlogits", hosttest.Floats(t, dlogits), want, 2e-6)
}

func word(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// A row that is not finite gets weights that are not, and choices of experts that exist.
func TestRouterOfNaN(t *testing.T) {
	nan := float32(math.NaN())
	logits := []float32{0, nan, 1, 2, float32(math.Inf(1)), 0, nan, nan, nan, 3, 2, 1}
	prob, choice, gate := hosttest.Zeros(t, "prob", 12), hosttest.Zeros(t, "choice", 8), hosttest.Zeros(t, "gate", 8)
	hosttest.Run(t, RouterForward{N: 4, E: 3, K: 2, Normalize: 1, Logits: hosttest.Upload(t, "logits", logits), Prob: prob, Choice: choice, Gate: gate}.Call())
	for i, e := range integers(t, choice) {
		g := hosttest.Floats(t, gate)[i]
		if e >= 3 || (g == g) != (i >= 6) {
			t.Errorf("choice %d is expert %d of weight %v", i, e, g)
		}
	}
}

func TestExpertLayout(t *testing.T) {
	for name, r := range routings() {
		t.Run(name, func(t *testing.T) { testExpertLayout(t, r) })
	}
}

func testExpertLayout(t *testing.T, r *routing) {
	T, e, k, blocks := uint32(r.T), uint32(r.E), uint32(r.K), uint32(r.blocks())
	prob := make([]float32, len(r.prob))
	for i := range prob {
		prob[i] = float32(r.prob[i])
	}
	const share, factor, before = 0.5, 0.01, 3.0
	choice := hosttest.Upload(t, "choice", r.choice)
	counts, sums, start := hosttest.Zeros(t, "counts", r.blocks()*r.E), hosttest.Zeros(t, "prob_sum", r.blocks()*r.E), hosttest.Zeros(t, "start", r.blocks()*r.E)
	span, tile := hosttest.Zeros(t, "span", 2*r.E), hosttest.Upload(t, "tile", slices.Repeat([]uint32{77}, 2*r.tiles()))
	position, source := hosttest.Zeros(t, "position", r.N*r.K), hosttest.Zeros(t, "source", r.rows())
	slope := hosttest.Zeros(t, "slope", r.N/r.T*r.E)
	state := hosttest.Upload(t, "state", append([]uint32{9, math.Float32bits(before)}, slices.Repeat([]uint32{5}, r.E)...))
	hosttest.Run(t,
		ExpertCount{T: T, E: e, K: k, Blocks: blocks, Prob: hosttest.Upload(t, "prob", prob), Choice: choice, Counts: counts, ProbSum: sums}.Call(),
		ExpertLayout{E: e, Blocks: blocks, Tiles: uint32(r.tiles()), Counts: counts, Start: start, Span: span, Tile: tile}.Call(),
		ExpertPlace{T: T, E: e, K: k, Blocks: blocks, Choice: choice, Start: start, Span: span, Position: position, Source: source}.Call(),
		ExpertBalance{N: uint32(r.N), T: T, E: e, Blocks: blocks, Factor: factor, AuxSlot: 1, LoadSlot: 2, Counts: counts, ProbSum: sums,
			Share: hosttest.Upload(t, "share", []float32{share}), Slope: slope, State: state}.Call())
	equalIntegers(t, "span", integers(t, span), r.span)
	equalIntegers(t, "tile", integers(t, tile), r.tile)
	equalIntegers(t, "position", integers(t, position), r.position)
	for row, want := range r.sources() {
		if got := integers(t, source)[row]; want >= 0 && got != uint32(want) {
			t.Fatalf("row %d is of choice %d, want %d", row, got, want)
		}
	}

	aux, slopes, load := before, make([]float64, r.N/r.T*r.E), slices.Repeat([]uint32{5}, r.E)
	for s := range r.N / r.T {
		for e := range r.E {
			count, sum := 0.0, 0.0
			for n := s * r.T; n < (s+1)*r.T; n++ {
				sum += r.prob[n*r.E+e]
				for _, c := range r.choice[n*r.K : (n+1)*r.K] {
					if int(c) == e {
						count++
						load[e]++
					}
				}
			}
			slopes[s*r.E+e] = share * factor * count
			aux += share * factor * count * sum
		}
	}
	got := integers(t, state)
	within(t, "aux", []float32{math.Float32frombits(got[1])}, []float64{aux}, 1e-6)
	equalIntegers(t, "load", got[2:], load)
	within(t, "slope", hosttest.Floats(t, slope), slopes, 1e-6)
}

// The largest number of tiles is what the worst of all routings needs, and no more.
func TestExpertTiles(t *testing.T) {
	for choices := 0; choices < 400; choices += 7 {
		for E := 1; E <= 3; E++ {
			worst := 0
			for a := range choices + 1 {
				for b := range choices - a + 1 {
					tiles := func(n int) int { return (n + ExpertTile - 1) / ExpertTile }
					switch {
					case E == 3:
						worst = max(worst, tiles(a)+tiles(b)+tiles(choices-a-b))
					case E == 2 && b == 0:
						worst = max(worst, tiles(a)+tiles(choices-a))
					case a == 0 && b == 0:
						worst = max(worst, tiles(choices))
					}
				}
			}
			if got := int(ExpertTiles(uint32(choices), uint32(E))); got != worst {
				t.Fatalf("%d tiles for %d choices of %d experts, want %d", got, choices, E, worst)
			}
		}
	}
}

func TestExpertGatherAndCombine(t *testing.T) {
	for name, r := range routings() {
		t.Run(name, func(t *testing.T) { testGatherAndCombine(t, r) })
	}
}

func testGatherAndCombine(t *testing.T, r *routing) {
	const C = 12
	n, k, rows := uint32(r.N), uint32(r.K), uint32(r.rows())
	x, y, before := normals(1, r.N*C, 1), normals(2, r.rows()*C, 1), normals(4, r.N*C, 1)
	gate := normals(3, r.N*r.K, 1)
	source, untouched := make([]uint32, r.rows()), make([]bool, r.rows())
	for row, i := range r.sources() {
		source[row], untouched[row] = uint32(max(i, 0)), i < 0
		if i < 0 {
			y[row*C] = float32(math.NaN()) // nothing may touch it
		}
	}
	xs, ys, gates := hosttest.Upload(t, "x", x), hosttest.Upload(t, "y", y), hosttest.Upload(t, "gate", gate)
	positions, sources, tiles := hosttest.Upload(t, "position", r.position), hosttest.Upload(t, "source", source), hosttest.Upload(t, "tile", r.tile)
	for _, weighted := range []bool{true, false} {
		weight := func(i int) float64 {
			if weighted {
				return float64(gate[i])
			}
			return 1
		}
		gather := ExpertGather{Rows: rows, C: C, K: k, Weighted: word(weighted), X: xs, Source: sources, Tile: tiles,
			Out: hosttest.Upload(t, "rows", slices.Repeat([]float32{-7}, r.rows()*C))}
		combine := ExpertCombine{N: n, C: C, K: k, Weighted: word(weighted), Sorted: 1, Y: ys, Position: positions, Out: hosttest.Upload(t, "out", before)}
		if weighted {
			gather.Gate, combine.Gate = gates, gates
		}
		inOrder, ordered := combine, make([]float32, r.N*r.K*C)
		for i, row := range r.position {
			copy(ordered[i*C:], y[int(row)*C:][:C])
		}
		inOrder.Sorted, inOrder.Position, inOrder.Y, inOrder.Out = 0, nil, hosttest.Upload(t, "y", ordered), hosttest.Zeros(t, "out", r.N*C)
		add := combine
		add.Accumulate, add.Out = 1, hosttest.Upload(t, "sum", before)
		hosttest.Run(t, gather.Call(), combine.Call(), inOrder.Call(), add.Call())

		wantRows, out, sum := make([]float64, r.rows()*C), make([]float64, r.N*C), wide(before)
		for row := range r.rows() {
			for c := range C {
				wantRows[row*C+c] = -7
				if !untouched[row] {
					wantRows[row*C+c] = weight(int(source[row])) * float64(x[int(source[row])/r.K*C+c])
				}
			}
		}
		for i, row := range r.position {
			for c := range C {
				out[i/r.K*C+c] += weight(i) * float64(y[int(row)*C+c])
				sum[i/r.K*C+c] += weight(i) * float64(y[int(row)*C+c])
			}
		}
		within(t, "rows", hosttest.Floats(t, gather.Out), wantRows, 1e-6)
		within(t, "out", hosttest.Floats(t, combine.Out), out, 1e-6)
		within(t, "out of rows in order", hosttest.Floats(t, inOrder.Out), out, 1e-6)
		within(t, "sum", hosttest.Floats(t, add.Out), sum, 1e-6)
	}

	dgate, want := hosttest.Zeros(t, "dgate", r.N*r.K), make([]float64, r.N*r.K)
	hosttest.Run(t, ExpertCombineBackwardGate{N: n, C: C, K: k, Dout: xs, Y: ys, Position: positions, Dgate: dgate}.Call())
	for i, row := range r.position {
		for c := range C {
			want[i] += float64(x[i/r.K*C+c]) * float64(y[int(row)*C+c])
		}
	}
	within(t, "dgate", hosttest.Floats(t, dgate), want, 1e-6)
}

// The three matrix products with each row's expert's weight, in both variants: experts lie further apart than a weight is
// long, and rows of no expert hold NaN, which nothing may touch.
func TestExpertMatmul(t *testing.T) {
	d := hosttest.Device(t)
	all := routings()
	for _, variant := range []string{"cpu", "gpu"} {
		for name, sizes := range map[string][][2]int{"one token": {{132, 12}}, "top 1": {{36, 70}}, "to one": {{8, 2602}}, "none to some": {{36, 70}, {132, 12}}} {
			for _, size := range sizes {
				t.Run(fmt.Sprintf("%s/%s/%d", variant, name, size[0]), func(t *testing.T) {
					for _, k := range matmuls {
						was := d.Choice(k)
						d.Choose(k.Name, host.Choice{Variant: variant})
						defer d.Choose(k.Name, was)
					}
					testExpertMatmul(t, all[name], size[0], size[1])
				})
			}
		}
	}
}

func testExpertMatmul(t *testing.T, r *routing, I, O int) {
	stride := O*I/4 + 7 // vec4
	nan, source := float32(math.NaN()), r.sources()
	x, dout, dx := uniform(1, r.rows()*I), uniform(2, r.rows()*O), uniform(5, r.rows()*I)
	expert := make([]int, r.rows()) // -1: none
	for row := range expert {
		expert[row] = -1
		if source[row] >= 0 {
			expert[row] = int(r.choice[source[row]])
			continue
		}
		for i := range I {
			x[row*I+i] = nan
		}
		for o := range O {
			dout[row*O+o] = nan
		}
	}
	size := (r.E-1)*stride*4 + O*I
	weight, dweight := uniform(3, size), uniform(4, size)
	out, want := slices.Repeat([]float32{-7}, r.rows()*O), slices.Repeat([]float64{-7}, r.rows()*O)
	wantDx, wantDweight := wide(dx), wide(dweight)
	for row, e := range expert {
		if e < 0 {
			continue
		}
		for o := range O {
			want[row*O+o] = 0
			for i := range I {
				w, g := float64(weight[e*stride*4+o*I+i]), float64(dout[row*O+o])
				want[row*O+o] += float64(x[row*I+i]) * w
				wantDx[row*I+i] += g * w
				wantDweight[e*stride*4+o*I+i] += g * float64(x[row*I+i])
			}
		}
	}
	xs, douts, weights := hosttest.Upload(t, "x", x), uploadDout(t, dout), hosttest.Upload(t, "weight", weight)
	outs, dxs, dweights := hosttest.Upload(t, "out", out), hosttest.Upload(t, "dx", dx), hosttest.Upload(t, "dweight", dweight)
	tile, span := hosttest.Upload(t, "tile", r.tile), hosttest.Upload(t, "span", r.span)
	n, in, o := uint32(r.rows()), uint32(I), uint32(O)
	hosttest.Run(t,
		MatmulForward{N: n, I: in, O: o, Stride: uint32(stride), X: xs, Weight: weights, Out: outs, Tile: tile}.Call(),
		MatmulBackwardInput{N: n, I: in, O: o, Accumulate: 1, Stride: uint32(stride), Dout: douts, Weight: weights, Dx: dxs, Tile: tile}.Call(),
		MatmulBackwardWeight{N: uint32(r.E), I: in, O: o, Accumulate: 1, Part: 1, Stride: uint32(stride), Dout: douts, X: xs, Dweight: dweights, Span: span}.Call())
	near(t, hosttest.Floats(t, outs), want, I)
	near(t, hosttest.Floats(t, dxs), wantDx, O)
	near(t, hosttest.Floats(t, dweights), wantDweight, r.N*r.K)
}

// Every tile size that tuning tries gives workgroups whose rows are of one expert.
func TestTilesFitExperts(t *testing.T) {
	for _, c := range gpuTiles {
		if bm := c.Constants["BM"]; ExpertTile%bm != 0 {
			t.Errorf("tiles of %d rows do not divide those of experts, %d", bm, ExpertTile)
		}
	}
}

// BenchmarkExperts times what a mixture adds to a layer of minimind3-moe's width besides its matrix products.
func BenchmarkExperts(b *testing.B) {
	const N, E, K, C = 4096, 4, 1, 768
	random := rand.New(rand.NewPCG(1, 1))
	r := &routing{N: N, T: N, E: E, K: K, logits: make([]float32, N*E)}
	for i := range r.logits {
		r.logits[i] = random.Float32()
	}
	r.route(true)
	blocks, rows := uint32(r.blocks()), uint32(r.rows())
	choice, prob := hosttest.Upload(b, "choice", r.choice), hosttest.Upload(b, "prob", normals(1, N*E, 1))
	counts, sums, start := hosttest.Zeros(b, "counts", r.blocks()*E), hosttest.Zeros(b, "prob_sum", r.blocks()*E), hosttest.Zeros(b, "start", r.blocks()*E)
	span, tile := hosttest.Zeros(b, "span", 2*E), hosttest.Zeros(b, "tile", 2*r.tiles())
	position, source := hosttest.Upload(b, "position", r.position), hosttest.Zeros(b, "source", r.rows())
	x, y := hosttest.Upload(b, "x", normals(1, N*C, 1)), hosttest.Zeros(b, "y", r.rows()*C)
	b.Run("layout", func(b *testing.B) {
		benchmarkCall(b, 12*N,
			ExpertCount{T: N, E: E, K: K, Blocks: blocks, Prob: prob, Choice: choice, Counts: counts, ProbSum: sums}.Call(),
			ExpertLayout{E: E, Blocks: blocks, Tiles: uint32(r.tiles()), Counts: counts, Start: start, Span: span, Tile: tile}.Call(),
			ExpertPlace{T: N, E: E, K: K, Blocks: blocks, Choice: choice, Start: start, Span: span, Position: position, Source: source}.Call())
	})
	b.Run("gather", func(b *testing.B) {
		benchmarkCall(b, 8*N*C, ExpertGather{Rows: rows, C: C, K: K, X: x, Source: source, Tile: tile, Out: y}.Call())
	})
	b.Run("combine", func(b *testing.B) {
		benchmarkCall(b, 8*N*C, ExpertCombine{N: N, C: C, K: K, Sorted: 1, Y: y, Position: position, Out: x}.Call())
	})
}
