package shaders

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

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
	foldGrids(t, 5)
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
	weights := hosttest.Floats(t, gate)
	for i, e := range integers(t, choice) {
		g := weights[i]
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
	rows := integers(t, source)
	for row, want := range r.sources() {
		if got := rows[row]; want >= 0 && got != uint32(want) {
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
	foldGrids(t, 8)
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
