package nn

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// A mixture of experts: a router chooses K of E experts for each token. The N*K choices become rows sorted by expert, each
// expert's from a multiple of shaders.ExpertTile on, so that one product for all experts goes over tiles of rows that share
// a weight. No token is dropped, and the rows of tiles that nobody chose cost nothing.

// routing is what a layer's router decided.
type routing struct {
	N, E, K  int
	gate     *Tensor      // (N, K): weights of the chosen
	weighted bool         // they are not all 1
	rows     int          // room for the choices, however they fall; in decoding, N*K
	choice   *host.Buffer // (N, K) u32: experts
	position *host.Buffer // (N, K) u32: row of each choice; nil in decoding, as are the next three
	source   *host.Buffer // (rows) u32: choice of each row that is one
	span     *host.Buffer // (E) vec2u: first row, and the end
	tile     *host.Buffer // (tiles) vec2u: expert, and the end of its rows
}

// balance is what the balance losses of a training graph need: over how many tokens balance is measured, what the
// micro-batch counts, and where loss and loads go.
type balance struct {
	T     int          // tokens of a row
	share *host.Buffer // (1) f32: the micro-batch's share of the step
	state *host.Buffer
}

// Route chooses experts by their probabilities, softmax(logits) (N, E). In training it adds the layer's balance loss to
// the state: AuxCoef * E * the sum over experts of their share of the choices times their mean probability; and counts
// each expert's choices there.
//
// A single choice whose weight is normalized weighs 1: its router then learns from the balance loss only.
func (g *Graph) Route(logits *Tensor, c *config.MoE, layer int) *routing {
	N, E, K := logits.Shape[0], c.NumExperts, c.NumExpertsPerTok
	n, e, k := uint32(N), uint32(E), uint32(K)
	normalize := c.NormTopKProb == "always" || c.NormTopKProb == "multi" && K > 1
	r := &routing{N: N, E: E, K: K, weighted: K > 1 || !normalize, gate: g.tensor("expert weights", []int{N, K}, logits)}
	prob := g.buffer("router probabilities", N*E)
	r.choice = g.buffer("choices", N*K)
	g.emit(shaders.RouterForward{N: n, E: e, K: k, Normalize: flag(normalize), Logits: logits.Data, Prob: prob, Choice: r.choice, Gate: r.gate.Data}.Call())
	if g.decoding {
		r.rows = N * K
		return r
	}

	T, factor := N, c.AuxCoef*float64(E) // tokens over which balance is measured: a row's, or all
	if g.balance != nil && c.Aux == "sequence" {
		T, factor = g.balance.T, factor/float64(K)
	}
	factor /= float64(N) * float64(T) // there are N/T such segments; both the share and the mean are over T
	t, blocks := uint32(T), shaders.ExpertBlocks(n, uint32(T))
	counts, sums := g.sortByExpert(r, prob, t, blocks)
	if !g.wants(logits) {
		return r
	}
	slope := g.buffer("balance slope", N/T*E)
	g.emit(shaders.ExpertBalance{N: n, T: t, E: e, Blocks: blocks, Factor: float32(factor), AuxSlot: stateAux, LoadSlot: uint32(stateWords + layer*E),
		Counts: counts, ProbSum: sums, Share: g.balance.share, Slope: slope, State: g.balance.state}.Call())
	g.onBackward(logits, func() {
		dgate := g.buffer("dexpert weights", N*K)
		if r.weighted {
			dgate = g.dout(r.gate)
		} else {
			g.emit(shaders.Fill{Count: n * k, Out: dgate}.Call())
		}
		dlogits, _ := g.gradient(logits)
		g.emit(shaders.RouterBackward{N: n, T: t, E: e, K: k, Normalize: flag(normalize), Prob: prob, Choice: r.choice, Gate: r.gate.Data,
			Dgate: dgate, Slope: slope, Dlogits: dlogits}.Call())
	})
	return r
}

// sortByExpert gives every choice its row: a counting sort, stable, over blocks of a segment's tokens. It returns what each
// block has of every expert, (blocks, E): choices, and the sum of its probabilities.
func (g *Graph) sortByExpert(r *routing, prob *host.Buffer, T, blocks uint32) (counts, sums *host.Buffer) {
	e, k := uint32(r.E), uint32(r.K)
	tiles := shaders.ExpertTiles(uint32(r.N*r.K), e)
	r.rows = int(tiles) * shaders.ExpertTile
	r.position, r.source = g.buffer("rows of choices", r.N*r.K), g.buffer("choices of rows", r.rows)
	r.span, r.tile = g.buffer("rows of experts", 2*r.E), g.buffer("tiles of experts", 2*int(tiles))
	size := int(blocks) * r.E
	counts, sums = g.buffer("choices of blocks", size), g.buffer("probabilities of blocks", size)
	start := g.buffer("rows before blocks", size)
	g.emit(
		shaders.ExpertCount{T: T, E: e, K: k, Blocks: blocks, Prob: prob, Choice: r.choice, Counts: counts, ProbSum: sums}.Call(),
		shaders.ExpertLayout{E: e, Blocks: blocks, Tiles: tiles, Counts: counts, Start: start, Span: r.span, Tile: r.tile}.Call(),
		shaders.ExpertPlace{T: T, E: e, K: k, Blocks: blocks, Choice: r.choice, Start: start, Span: r.span, Position: r.position, Source: r.source}.Call())
	return counts, sums
}

// ToExperts returns the rows (rows, C) of the tokens x (N, C) that experts were chosen for; in decoding, x itself. It is
// recomputed for the backward pass.
func (g *Graph) ToExperts(x *Tensor, r *routing) *Tensor {
	C := x.Shape[1]
	checkShape("to experts", x.Shape, r.N, C)
	if g.decoding {
		return x
	}
	out := g.tensor("rows of tokens", []int{r.rows, C}, x)
	gather := func(x, out *host.Buffer) host.Call {
		return shaders.ExpertGather{Rows: uint32(r.rows), C: uint32(C), K: uint32(r.K), X: x, Source: r.source, Tile: r.tile, Out: out}.Call()
	}
	out.again = func(out *host.Buffer) host.Call { return gather(g.saved(x), out) }
	g.emit(gather(x.Data, out.Data))
	g.onBackward(out, func() {
		dx, add := g.gradient(x)
		g.emit(shaders.ExpertCombine{N: uint32(r.N), C: uint32(C), K: uint32(r.K), Accumulate: add, Sorted: 1, Y: g.dout(out), Position: r.position, Out: dx}.Call())
	})
	return out
}

// FromExperts returns, for each token, the sum of its rows of y (rows, C) by their weights: (N, C).
func (g *Graph) FromExperts(y *Tensor, r *routing) *Tensor {
	N, C, K := uint32(r.N), uint32(y.Shape[1]), uint32(r.K)
	checkShape("from experts", y.Shape, r.rows, int(C))
	out := g.tensor("mixture", []int{r.N, int(C)}, y, r.gate)
	g.emit(shaders.ExpertCombine{N: N, C: C, K: K, Weighted: flag(r.weighted), Sorted: flag(!g.decoding), Y: y.Data, Position: r.position, Gate: r.gate.Data, Out: out.Data}.Call())
	g.onBackward(out, func() {
		if r.weighted && g.wants(r.gate) {
			dgate, _ := g.gradient(r.gate)
			g.emit(shaders.ExpertCombineBackwardGate{N: N, C: C, K: K, Dout: g.dout(out), Y: y.Data, Position: r.position, Dgate: dgate}.Call())
		}
		if g.wants(y) {
			dy, _ := g.gradient(y)
			g.emit(shaders.ExpertGather{Rows: uint32(r.rows), C: C, K: K, Weighted: flag(r.weighted), X: g.dout(out), Source: r.source, Tile: r.tile,
				Gate: r.gate.Data, Out: dy}.Call())
		}
	})
	return out
}

// ExpertLinear is Linear with each row's expert's weight of the stack: x is (rows, I), the result (rows, O). In decoding,
// x may be (N, I): a token's choices share its row.
func (g *Graph) ExpertLinear(x *Tensor, weight *stack, r *routing) *Tensor {
	O, I := weight.Shape[0], weight.Shape[1]
	out := g.tensor(weight.Name+" out", []int{r.rows, O}, x, &weight.Tensor)
	rows, i, o := uint32(r.rows), uint32(I), uint32(O)
	if g.decoding {
		share := r.rows / x.Shape[0]
		checkShape("expert linear "+weight.Name, x.Shape, r.rows/share, I)
		g.emit(shaders.MatmulFew{N: rows, I: i, O: o, E: uint32(r.E), Stride: weight.stride, Share: uint32(share), ROWS: rowsAtOnce((r.rows + r.E - 1) / r.E),
			X: x.Data, Weight: weight.Data, Choice: r.choice, Out: out.Data}.Call())
		return out
	}
	checkShape("expert linear "+weight.Name, x.Shape, r.rows, I)
	g.emit(shaders.MatmulForward{N: rows, I: i, O: o, Stride: weight.stride, X: x.Data, Weight: weight.Data, Out: out.Data, Tile: r.tile}.Call())
	g.onBackward(out, func() {
		if g.wants(&weight.Tensor) {
			dweight, add := g.gradient(&weight.Tensor)
			g.emit(shaders.MatmulBackwardWeight{N: uint32(r.E), I: i, O: o, Accumulate: add, Part: 1, Stride: weight.stride,
				Dout: g.dout(out), X: g.saved(x), Dweight: dweight, Span: r.span}.Call())
		}
		if g.wants(x) {
			dx, add := g.gradient(x)
			g.emit(shaders.MatmulBackwardInput{N: rows, I: i, O: o, Accumulate: add, Stride: weight.stride,
				Dout: g.dout(out), Weight: weight.Data, Dx: dx, Tile: r.tile}.Call())
		}
	})
	return out
}

// stack is one weight (O, I) of each expert of a layer: the arena from the first's to the last's, at equal distances.
type stack struct {
	Tensor
	stride uint32 // in vec4, from one expert's to the next
}

// expertStack is the stack of a layer's "gate_proj", "up_proj" or "down_proj".
func (m *Model) expertStack(layer int, projection string) *stack {
	weight := func(e int) *Tensor { return m.weight(fmt.Sprintf("mlp.experts.%d.%s", e, projection), layer) }
	first, last := weight(0), weight(m.Config.MoE.NumExperts-1)
	s := &stack{Tensor: Tensor{Name: "experts' " + projection, Shape: first.Shape, Data: host.Span(first.Data, last.Data), learns: first.learns},
		stride: uint32(first.Elements() / 4)}
	if first.grad != nil {
		s.grad = host.Span(first.grad, last.grad)
	}
	if n := m.Config.MoE.NumExperts; n > 1 {
		s.stride = uint32(s.Data.Size-last.Data.Size) / 16 / uint32(n-1)
	}
	return s
}

// mixture is the feed-forward of a layer with experts, those that every token passes included.
func (m *Model) mixture(g *Graph, l int, x *Tensor) *Tensor {
	c := m.Config.MoE
	r := g.Route(g.Linear(x, m.weight("mlp.gate", l)), c, l)
	rows := g.ToExperts(x, r)
	gate := g.ExpertLinear(rows, m.expertStack(l, "gate_proj"), r)
	up := g.ExpertLinear(rows, m.expertStack(l, "up_proj"), r)
	y := g.FromExperts(g.ExpertLinear(g.SwiGLU(gate, up), m.expertStack(l, "down_proj"), r), r)
	for s := range c.NumSharedExperts {
		y = g.Residual(y, m.swiglu(g, fmt.Sprintf("mlp.shared_experts.%d", s), l, x))
	}
	return y
}

// checkExperts refuses experts whose weights an adapter's kernels cannot be shown together.
func checkExperts(c config.Model, limits host.Limits, adapter string) error {
	if c.MoE == nil {
		return nil
	}
	limit := min(limits.StorageBinding, limits.Buffer)
	E, C := int64(c.MoE.NumExperts), int64(c.HiddenSize)
	if bytes := 3 * E * host.Align(4*C*int64(c.MoE.MoEIntermediateSize)); bytes > limit {
		return fmt.Errorf("the %d experts of a layer are %s and this adapter (%s) shows a kernel at most %s: a moe_intermediate_size of %d would fit, or fewer experts",
			E, host.Bytes(bytes), adapter, host.Bytes(limit), limit/(3*E)/host.Alignment*host.Alignment/(4*C)/4*4)
	}
	return nil
}

// expertTokens is the largest number of tokens whose choices' rows an adapter's kernels can be shown.
func expertTokens(c config.Model, limit int64) int64 {
	E, K := int64(c.MoE.NumExperts), int64(c.MoE.NumExpertsPerTok)
	tiles := limit / (4 * int64(max(c.MoE.MoEIntermediateSize, c.HiddenSize))) / shaders.ExpertTile
	choices := tiles
	if tiles >= E {
		choices = E + (tiles-E+1)*shaders.ExpertTile - 1
	}
	return choices / K
}
