package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Every op here is its forward pass and, below it, its gradient. A wrong shape is a programmer's error and panics.

func checkShape(op string, got []int, want ...int) {
	if !slices.Equal(got, want) {
		panic(fmt.Sprintf("nn: %s: shape %v, want %v", op, got, want))
	}
}

// Embedding returns rows of the table weight (V, C): out[n] = weight[token[n]], (N, C).
func (g *Graph) Embedding(in *Inputs, weight *Tensor) *Tensor {
	N, C := in.N, weight.Shape[1]
	out := g.tensor("embedding", []int{N, C}, weight)
	g.emit(shaders.EmbeddingForward{N: uint32(N), C: uint32(C), Token: in.Token, Weight: weight.Data, Out: out.Data}.Call())
	g.onBackward(out, func() {
		dweight, _ := g.gradient(weight)
		g.emit(shaders.EmbeddingBackward{N: uint32(N), C: uint32(C), Segments: uint32(in.segments()),
			Order: in.Order, Segment: in.Segment, Dout: g.dout(out), Dweight: dweight}.Call())
	})
	return out
}

// Linear returns x weight^T: x is (N, I), weight (O, I), the result (N, O).
func (g *Graph) Linear(x, weight *Tensor) *Tensor {
	N, I, O := x.Shape[0], x.Shape[1], weight.Shape[0]
	checkShape("linear "+weight.Name, weight.Shape, O, I)
	out := g.tensor(weight.Name+" out", []int{N, O}, x, weight)
	if g.decoding {
		g.emit(shaders.MatmulFew{N: uint32(N), I: uint32(I), O: uint32(O), E: 1, Share: 1, ROWS: rowsAtOnce(N), X: x.Data, Weight: weight.Data, Out: out.Data}.Call())
		return out
	}
	g.emit(shaders.MatmulForward{N: uint32(N), I: uint32(I), O: uint32(O), X: x.Data, Weight: weight.Data, Out: out.Data}.Call())
	g.onBackward(out, func() {
		if g.wants(weight) {
			g.matmulBackwardWeight(g.dout(out), g.saved(x), weight, N)
		}
		if g.wants(x) {
			dx, add := g.gradient(x)
			g.emit(shaders.MatmulBackwardInput{N: uint32(N), I: uint32(I), O: uint32(O), Accumulate: add,
				Dout: g.dout(out), Weight: weight.Data, Dx: dx}.Call())
		}
	})
	return out
}

// rowsAtOnce is how many of N rows share a look at a weight in matmul_few: as many as a thread has registers for.
func rowsAtOnce(N int) uint32 {
	rows := 1
	for rows < min(N, 8) {
		rows *= 2
	}
	return uint32(rows)
}

// matmulBackwardWeight adds dout^T x to the gradient of weight (O, I), for N rows. A GPU has more cores than a small
// weight has tiles: there the sum over rows is made in parts, which are then added in order.
func (g *Graph) matmulBackwardWeight(dout, x *host.Buffer, weight *Tensor, N int) {
	O, I := weight.Shape[0], weight.Shape[1]
	dweight, _ := g.gradient(weight)
	call := shaders.MatmulBackwardWeight{N: uint32(N), I: uint32(I), O: uint32(O), Accumulate: 1, Part: uint32(N), Dout: dout, X: x, Dweight: dweight}
	const busy, tile, leastRows = 512, 64 * 64, 256 // workgroups that keep a large GPU busy; outputs of one; rows worth a part
	parts := 1
	if !g.dev.Info.CPU {
		parts = min(max(busy*tile/(O*I), 1), max(N/leastRows, 1))
	}
	if parts == 1 {
		g.emit(call.Call())
		return
	}
	part := (N + parts - 1) / parts
	parts = (N + part - 1) / part
	sums := g.buffer("parts of d"+weight.Name, parts*O*I)
	call.Part, call.Accumulate, call.Dweight = uint32(part), 0, sums
	g.emit(call.Call(),
		shaders.SumParts{Count: uint32(O * I), Parts: uint32(parts), Accumulate: 1, PartsIn: sums, Out: dweight}.Call())
}

// RMSNorm returns x / sqrt(mean(x^2) + eps) * weight over the last dimension C of x (N, C). Also the norm over heads:
// x (N*H, D). The result is recomputed for the backward pass.
func (g *Graph) RMSNorm(x, weight *Tensor, eps float64) *Tensor {
	N, C := x.Shape[0], x.Shape[1]
	checkShape("rmsnorm "+weight.Name, weight.Shape, C)
	out := g.tensor(weight.Name+" out", []int{N, C}, x, weight)
	rstd := g.buffer(weight.Name+" rstd", N)
	forward := func(out *host.Buffer) host.Call {
		return shaders.RmsnormForward{N: uint32(N), C: uint32(C), Eps: float32(eps), X: x.Data, Weight: weight.Data, Out: out, Rstd: rstd}.Call()
	}
	out.again = forward
	g.emit(forward(out.Data))
	g.onBackward(out, func() {
		if g.wants(weight) {
			const part = 64 // rows summed by one thread
			parts := (N + part - 1) / part
			sums := g.buffer("parts of d"+weight.Name, parts*C)
			dweight, _ := g.gradient(weight)
			g.emit(shaders.RmsnormBackwardWeight{N: uint32(N), C: uint32(C), Part: part, X: x.Data, Rstd: rstd, Dout: g.dout(out), Parts: sums}.Call(),
				shaders.SumParts{Count: uint32(C), Parts: uint32(parts), Accumulate: 1, PartsIn: sums, Out: dweight}.Call())
		}
		if g.wants(x) {
			dx, add := g.gradient(x)
			g.emit(shaders.RmsnormBackward{N: uint32(N), C: uint32(C), Accumulate: add, X: x.Data, Weight: weight.Data, Rstd: rstd, Dout: g.dout(out), Dx: dx}.Call())
		}
	})
	return out
}

// RoPE rotates the heads of x (N, heads*D) by their tokens' positions, in place: x's value before it is not needed by
// any gradient, and the gradient is the rotation back.
func (g *Graph) RoPE(x *Tensor, in *Inputs, rope *Rope) *Tensor {
	N, heads := x.Shape[0], x.Shape[1]/rope.D
	call := func(sign float32, data *host.Buffer) host.Call {
		return shaders.Rope{N: uint32(N), H: uint32(heads), T: uint32(rope.T), Sign: sign, D: uint32(rope.D),
			Position: in.Position, Cos: rope.Cos, Sin: rope.Sin, X: data}.Call()
	}
	out := &Tensor{Name: x.Name + " rotated", Shape: x.Shape, Data: x.Data, learns: x.learns}
	g.emit(call(1, x.Data))
	g.onBackward(out, func() {
		g.emit(call(-1, g.dout(out)))
		x.grad = out.grad
	})
	return out
}

// Attention returns softmax(q k^T / sqrt(D)) v for each head, over the keys that in.Keys allows: q (N, H*D), k and v
// (N, K*D); query head h uses key head h/(H/K). No T x T matrix is kept: the backward pass computes its elements again
// from the rows' log-sum-exp.
func (g *Graph) Attention(q, k, v *Tensor, in *Inputs, D int) *Tensor {
	N, H, K := q.Shape[0], q.Shape[1]/D, k.Shape[1]/D
	scale := float32(1 / math.Sqrt(float64(D)))
	out := g.tensor("attention", []int{N, H * D}, q, k, v)
	lse := g.buffer("attention lse", N*H)
	g.emit(shaders.AttentionForward{N: uint32(N), H: uint32(H), K: uint32(K), Scale: scale, D: uint32(D),
		Query: q.Data, Key: k.Data, Value: v.Data, Keys: in.Keys, Out: out.Data, Lse: lse}.Call())
	g.onBackward(out, func() {
		delta := g.buffer("attention delta", N*H)
		dout := g.dout(out)
		if g.wants(q) || g.wants(k) {
			g.emit(shaders.AttentionBackwardDelta{N: uint32(N), H: uint32(H), D: uint32(D), Out: out.Data, Dout: dout, Delta: delta}.Call())
		}
		if g.wants(q) {
			dq, _ := g.gradient(q)
			g.emit(shaders.AttentionBackwardQuery{N: uint32(N), H: uint32(H), K: uint32(K), Scale: scale, D: uint32(D),
				Query: q.Data, Key: k.Data, Value: v.Data, Keys: in.Keys, Dout: dout, Lse: lse, Delta: delta, Dq: dq}.Call())
		}
		if g.wants(k) {
			dk, _ := g.gradient(k)
			g.emit(shaders.AttentionBackwardKey{N: uint32(N), H: uint32(H), K: uint32(K), Scale: scale, D: uint32(D),
				Query: q.Data, Key: k.Data, Value: v.Data, Queries: in.Queries, Dout: dout, Lse: lse, Delta: delta, Dk: dk}.Call())
		}
		if g.wants(v) {
			dv, _ := g.gradient(v)
			g.emit(shaders.AttentionBackwardValue{N: uint32(N), H: uint32(H), K: uint32(K), Scale: scale, D: uint32(D),
				Query: q.Data, Key: k.Data, Queries: in.Queries, Dout: dout, Lse: lse, Dv: dv}.Call())
		}
	})
	return out
}

// attentionPart is how many keys of a cache one workgroup attends to. It decides the order of sums.
const attentionPart = 64

// CachedAttention is Attention for texts that grow: k and v are first put into the cache's rows in.Row, and the keys that
// in.Keys allows are rows of the cache. It has no gradient.
func (g *Graph) CachedAttention(q, k, v *Tensor, in *Inputs, D int, cache *Cache) *Tensor {
	N, H, K := uint32(q.Shape[0]), uint32(q.Shape[1]/D), uint32(k.Shape[1]/D)
	P := uint32((cache.longest + attentionPart - 1) / attentionPart)
	half := uint32(0)
	if cache.half {
		half = 1
	}
	out := g.tensor("attention", q.Shape)
	sums, peak := g.buffer("attention parts", int(N*H*P)*D), g.buffer("attention peaks", int(2*N*H*P))
	g.emit(
		shaders.CacheRows{N: N, C: K * uint32(D), HALF: half, X: k.Data, Row: in.Row, Out: cache.Keys}.Call(),
		shaders.CacheRows{N: N, C: K * uint32(D), HALF: half, X: v.Data, Row: in.Row, Out: cache.Values}.Call(),
		shaders.AttentionPart{N: N, H: H, K: K, P: P, Scale: float32(1 / math.Sqrt(float64(D))), D: uint32(D), HEADS: H / K, PART: attentionPart, HALF: half,
			Query: q.Data, Key: cache.Keys, Value: cache.Values, Keys: in.Keys, Sums: sums, Peak: peak}.Call(),
		shaders.AttentionCombine{N: N, H: H, P: P, D: uint32(D), PART: attentionPart, Sums: sums, Peak: peak, Keys: in.Keys, Out: out.Data}.Call())
	return out
}

// SwiGLU returns silu(gate) * up. The result is recomputed for the backward pass.
func (g *Graph) SwiGLU(gate, up *Tensor) *Tensor {
	checkShape("swiglu", up.Shape, gate.Shape...)
	n := uint32(gate.Elements())
	out := g.tensor("swiglu", gate.Shape, gate, up)
	out.again = func(out *host.Buffer) host.Call {
		return shaders.SwigluForward{Count: n, Gate: gate.Data, Up: up.Data, Out: out}.Call()
	}
	g.emit(out.again(out.Data))
	g.onBackward(out, func() {
		dgate, _ := g.gradient(gate)
		dup, _ := g.gradient(up)
		g.emit(shaders.SwigluBackward{Count: n, Gate: gate.Data, Up: up.Data, Dout: g.dout(out), Dgate: dgate, Dup: dup}.Call())
	})
	return out
}

// Residual returns x + branch, where nothing else uses the branch. Both gradients are dout itself: the branch's
// backward pass has read it before x's other uses add to it.
func (g *Graph) Residual(x, branch *Tensor) *Tensor {
	checkShape("residual", branch.Shape, x.Shape...)
	out := g.tensor("residual", x.Shape, x, branch)
	g.emit(shaders.Add{Count: uint32(x.Elements()), A: x.Data, B: branch.Data, Out: out.Data}.Call())
	g.onBackward(out, func() { x.grad, branch.grad = g.dout(out), g.dout(out) })
	return out
}

// Reshape shows x's elements in another shape.
func (g *Graph) Reshape(x *Tensor, shape ...int) *Tensor {
	out := &Tensor{Name: x.Name, Shape: shape, Data: x.Data, learns: x.learns}
	if out.Elements() != x.Elements() {
		panic(fmt.Sprintf("nn: reshape %s from %v to %v", x.Name, x.Shape, shape))
	}
	g.onBackward(out, func() { x.grad = g.dout(out) })
	return out
}

// Logits returns x weight^T whole, (N, V): for a few rows only, or a small vocabulary.
func (g *Graph) Logits(x, weight *Tensor) *Tensor { return g.Linear(x, weight) }
