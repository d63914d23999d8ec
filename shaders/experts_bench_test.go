package shaders

import (
	"math/rand/v2"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

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
