package shaders

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
)

// embeddingSegments are the order and the segments of embedding_backward, with one segment a token of the vocabulary.
func embeddingSegments(token []uint32, V int) (order, segment []uint32) {
	for n := range token {
		order = append(order, uint32(n))
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return cmp.Compare(token[a], token[b]) })
	end := 0
	for v := range uint32(V) {
		first := end
		for end < len(order) && token[order[end]] == v {
			end++
		}
		segment = append(segment, v, uint32(first), uint32(end), 0)
	}
	return order, segment
}

func TestEmbedding(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	foldGrids(t, 20)
	for _, size := range [][3]int{{1, 4, 1}, {65, 132, 131}, {300, 4, 2}} {
		n, c, V := size[0], size[1], size[2]
		token := make([]uint32, n)
		for i := range token {
			token[i] = uint32(r.IntN(V))
		}
		order, segment := embeddingSegments(token, V)
		weight, dout, first := normals(1, V*c, 1), normals(2, n*c, 1), normals(3, V*c, 1)
		var out []float64
		dweight := wide(first)
		for i, v := range token {
			for j := range c {
				out = append(out, float64(weight[int(v)*c+j]))
				// out is linear in weight: the derivative of sum(dout * out) needs no differences.
				dweight[int(v)*c+j] += float64(dout[i*c+j])
			}
		}
		outs, dweights := hosttest.Zeros(t, "out", n*c), hosttest.Upload(t, "dweight", first)
		N, C := uint32(n), uint32(c)
		hosttest.Run(t,
			EmbeddingForward{N: N, C: C, Token: hosttest.Upload(t, "token", token), Weight: hosttest.Upload(t, "weight", weight), Out: outs}.Call(),
			EmbeddingBackward{N: N, C: C, Segments: uint32(V), Order: hosttest.Upload(t, "order", order),
				Segment: hosttest.Upload(t, "segment", segment), Dout: hosttest.Upload(t, "dout", dout), Dweight: dweights}.Call())
		within(t, "out", hosttest.Floats(t, outs), out, 0)
		within(t, "dweight", hosttest.Floats(t, dweights), dweight, 1e-6)
	}
}

// One token everywhere: the longest loop that a thread makes.
func TestEmbeddingBackwardOfOneToken(t *testing.T) {
	const n, c = RowReach, 4
	order := make([]uint32, n)
	dout := make([]float32, n*c)
	for i := range order {
		order[i] = uint32(i)
		for j := range c {
			dout[i*c+j] = float32(j + 1) // whole numbers below 2^24: exact
		}
	}
	dweight := hosttest.Zeros(t, "dweight", 2*c)
	hosttest.Run(t, EmbeddingBackward{N: n, C: c, Segments: 2, Order: hosttest.Upload(t, "order", order),
		Segment: hosttest.Upload(t, "segment", []uint32{1, 0, n, 0, 0, 0, 0, 0}),
		Dout:    hosttest.Upload(t, "dout", dout), Dweight: dweight}.Call())
	within(t, "dweight", hosttest.Floats(t, dweight), []float64{0, 0, 0, 0, n, 2 * n, 3 * n, 4 * n}, 0)
}

func BenchmarkEmbedding(b *testing.B) {
	const n, c, V = 1024, 512, 6400
	r := rand.New(rand.NewPCG(5, 5))
	token := make([]uint32, n)
	for i := range token {
		token[i] = uint32(float64(V) * r.Float64() * r.Float64() * r.Float64() * r.Float64())
	}
	order, segment := embeddingSegments(token, V)
	segment = slices.Concat(slices.Collect(func(yield func([]uint32) bool) { // the used ones, as nn has at most N
		for s := range slices.Chunk(segment, 4) {
			if s[1] < s[2] && !yield(s) {
				return
			}
		}
	})...)
	weight, dout := hosttest.Upload(b, "weight", normals(1, V*c, 1)), hosttest.Upload(b, "dout", normals(2, n*c, 1))
	out, dweight := hosttest.Zeros(b, "out", n*c), hosttest.Zeros(b, "dweight", V*c)
	tokens, orders, segments := hosttest.Upload(b, "token", token), hosttest.Upload(b, "order", order), hosttest.Upload(b, "segment", segment)
	b.Run("forward", func(b *testing.B) {
		benchmarkCall(b, 8*n*c, EmbeddingForward{N: n, C: c, Token: tokens, Weight: weight, Out: out}.Call())
	})
	b.Run("backward", func(b *testing.B) {
		benchmarkCall(b, 4*n*c, EmbeddingBackward{N: n, C: c, Segments: uint32(len(segment) / 4), Order: orders, Segment: segments, Dout: dout, Dweight: dweight}.Call())
	})
}
