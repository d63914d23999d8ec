package nn

import (
	"fmt"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// statistics measures what a step did, on the device: the size of the first micro-batch's gradient, to be held against
// the whole step's; the size of the update against that of the weights, for each layer; and, in a graph that is probed,
// each layer's largest activation. They come with the step's State.
type statistics struct {
	layers  int             // whose update is measured, each by itself
	micro   *host.Recording // after a step's first micro-batch
	update  *host.Recording // after AdamW
	squares *host.Buffer    // partial sums of update_squares
	spans   *host.Buffer    // each group's parts
}

// mostLayers is how many layers the state has words for; more are measured together only.
const mostLayers = 126

// newStatistics records the measurements of an optimizer's step.
func newStatistics(o *optimizer, a AdamW) *statistics {
	s := &statistics{}
	dev := o.device
	var first []host.Call
	parts := uint32(0)
	for _, g := range o.gradients.buffers {
		n := uint32(g.Size / 4)
		first = append(first, shaders.SumSquares{Count: n, First: parts, X: g, Parts: o.parts}.Call())
		parts += shaders.SumSquaresParts(n)
	}
	// Four sums of every fourth part: what lies behind the last part is zero.
	first = append(first, shaders.SumParts{Count: 4, Parts: (parts + 3) / 4, PartsIn: o.parts, Out: o.state.Slice("first gradient", 4*stateMicro, 16)}.Call())
	s.micro = dev.Record(first...)

	runs := o.layerRuns()
	groups := [][2]uint32{{}} // all of them, then each layer: first part, parts
	parts = 0
	layer := -1 // the last with a group
	for _, r := range runs {
		n := shaders.UpdateParts(uint32(r.size / 4))
		switch {
		case r.layer < 0 || r.layer >= mostLayers:
		case r.layer == layer: // goes on in the next arena
			groups[len(groups)-1][1] += n
		default:
			groups = append(groups, [2]uint32{parts, n})
			layer = r.layer
		}
		parts += n
	}
	groups[0][1] = parts
	s.layers = len(groups) - 1
	s.squares = dev.Allocate("optimizer", "squares of updates", int64(8*parts))
	s.spans = dev.Allocate("optimizer", "parts of layers", int64(8*len(groups)))
	var words []uint32
	for _, g := range groups {
		words = append(words, g[0], g[1])
	}
	dev.Write(s.spans, 0, host.AsBytes(words))
	var update []host.Call
	parts = 0
	for _, r := range runs {
		part := func(a *arenas) *host.Buffer { return a.buffers[r.arena].Slice("layer", r.offset, r.size) }
		update = append(update, shaders.UpdateSquares{Count: uint32(r.size / 4), First: parts, Eps: float32(a.Eps), WeightDecay: float32(a.WeightDecay),
			Corrections: uint32(o.correction.Size / 8), State: o.state, Step: o.step, Correction: o.correction,
			Parameter: part(o.trained.values), Moment1: part(o.moment1), Moment2: part(o.moment2), Parts: s.squares}.Call())
		parts += shaders.UpdateParts(uint32(r.size / 4))
	}
	s.update = dev.Record(append(update, shaders.UpdateRatio{Groups: uint32(len(groups)), GroupParts: s.spans, Parts: s.squares,
		Ratio: o.state.Slice("update ratios", 4*stateRatio, 4*int64(len(groups)))}.Call())...)
	return s
}

func (s *statistics) release() {
	s.micro.Release()
	s.update.Release()
	s.squares.Release()
	s.spans.Release()
}

// layerRun is a stretch of an arena that holds parameters of one layer, or (layer -1) of none.
type layerRun struct {
	layer, arena int
	offset, size int64
}

// layerRuns cuts the arenas where a layer ends.
func (o *optimizer) layerRuns() []layerRun {
	var runs []layerRun
	arena, offset := 0, int64(0)
	for i, p := range o.trained.list {
		layer := -1
		fmt.Sscanf(p.Name, "model.layers.%d.", &layer)
		b := o.trained.values.tensors[i]
		size := host.Align(b.Size)
		if offset+size > o.trained.values.buffers[arena].Size {
			arena, offset = arena+1, 0
		}
		if n := len(runs); n > 0 && runs[n-1].layer == layer && runs[n-1].arena == arena {
			runs[n-1].size += size
		} else {
			runs = append(runs, layerRun{layer, arena, offset, size})
		}
		offset += size
	}
	return runs
}

// probe collects the largest activations of a graph.
type probe struct {
	state *host.Buffer
	parts *host.Buffer // (rows, each)
	each  int
	rows  int
}

// newProbe makes room for the largest of N*C elements of each of so many layers.
func (g *Graph) newProbe(state *host.Buffer, elements, layers int) *probe {
	p := &probe{state: state, each: int(shaders.MagnitudeParts(uint32(elements)))}
	p.parts = g.dev.Allocate("activations", "magnitudes", int64(4*p.each*min(layers, mostLayers)))
	g.own(p.parts)
	return p
}

// watch records the largest |x|, if the graph is probed.
func (g *Graph) watch(x *Tensor) {
	if p := g.probe; p != nil && p.rows < mostLayers {
		g.emit(shaders.Magnitudes{Count: uint32(x.Elements()), First: uint32(p.rows * p.each), X: x.Data, Parts: p.parts}.Call())
		p.rows++
	}
}

// endProbe records the largest of all that was watched, over the step's micro-batches.
func (g *Graph) endProbe() {
	if p := g.probe; p != nil {
		g.emit(shaders.Largest{Rows: uint32(p.rows), Parts: uint32(p.each), PartsIn: p.parts,
			Out: p.state.Slice("largest activations", 4*stateLargest, 4*int64(p.rows))}.Call())
	}
}
