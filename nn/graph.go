// Package nn is the model: tensors, the operations on them with their gradients, the MiniMind family written with
// these, and the optimizer. Numbers live on the device; Go decides what is dispatched, once, and then replays it.
//
// Letters: B rows of a batch, T tokens of a row, N = B*T, C channels (hidden size), F feed-forward width,
// V vocabulary, H query heads, K key/value heads, D head size. The prefix d marks a gradient.
package nn

import (
	"fmt"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// Tensor is a value of a graph, and where its gradient goes.
type Tensor struct {
	Name  string
	Shape []int
	Data  *host.Buffer

	learns bool         // it is a parameter that trains, or was computed from one: a gradient flows here
	grad   *host.Buffer // nil until the backward pass first contributes
	// again recomputes Data into a buffer for the backward pass, which keeps that instead of Data: for values that
	// cost less to compute than to keep.
	again func(out *host.Buffer) host.Call
	kept  *host.Buffer // what again has filled
}

// Elements is the number of elements of a tensor.
func (t *Tensor) Elements() int {
	n := 1
	for _, s := range t.Shape {
		n *= s
	}
	return n
}

// Graph records operations: each allocates its output, adds its dispatches to the forward pass, and leaves a
// function that adds those of the backward pass. Backward runs these in reverse; Compile then gives every buffer
// its place, those whose lives do not overlap the same one, and binds the dispatches.
type Graph struct {
	dev       *host.Device
	training  bool     // record what the backward pass needs
	decoding  bool     // linear layers are for few rows, each of another text
	balance   *balance // of a training graph with mixtures of experts
	calls     []host.Call
	backward  []func()
	recording *host.Recording
	slots     []*host.Buffer
	owned     []releaser
	probe     *probe // collects the largest activations; nil: nobody asks
}

type releaser interface{ Release() }

// NewGraph begins a graph. A training graph ends with Backward.
func NewGraph(dev *host.Device, training bool) *Graph { return &Graph{dev: dev, training: training} }

// NewDecodingGraph begins a graph for few rows, each of another text, whose bits do not depend on the other rows. It has
// no gradient.
func NewDecodingGraph(dev *host.Device) *Graph { return &Graph{dev: dev, decoding: true} }

// tensor is an op's result. It learns if anything does that it is computed from.
func (g *Graph) tensor(name string, shape []int, from ...*Tensor) *Tensor {
	t := &Tensor{Name: name, Shape: shape, learns: slices.ContainsFunc(from, func(f *Tensor) bool { return f.learns })}
	t.Data = g.buffer(name, t.Elements())
	return t
}

// buffer is room for n numbers of 4 bytes.
func (g *Graph) buffer(name string, n int) *host.Buffer { return host.Virtual(name, int64(4*n)) }

func (g *Graph) emit(c ...host.Call) { g.calls = append(g.calls, c...) }

// own leaves it to the graph's Release to release x.
func (g *Graph) own(x releaser) { g.owned = append(g.owned, x) }

// wants says that the backward pass is to compute x's gradient.
func (g *Graph) wants(x *Tensor) bool { return g.training && x.learns }

// onBackward leaves the backward pass of the op that made out. Where nothing learns there is none, and ops leave out,
// of their inputs' gradients, those that g.wants does not name.
func (g *Graph) onBackward(out *Tensor, f func()) {
	if g.wants(out) {
		g.backward = append(g.backward, f)
	}
}

// Backward records the backward pass: the record so far, reversed.
func (g *Graph) Backward() {
	for i := len(g.backward) - 1; i >= 0; i-- {
		g.backward[i]()
	}
	g.backward = nil
}

// saved is the tensor's value for the backward pass.
func (g *Graph) saved(t *Tensor) *host.Buffer {
	if t.again == nil {
		return t.Data
	}
	if t.kept == nil {
		t.kept = g.buffer(t.Name+" again", t.Elements())
		g.emit(t.again(t.kept))
	}
	return t.kept
}

// gradient is where a contribution to t's gradient goes: the first overwrites (accumulate 0), the others add.
// Those of parameters always add: the step clears them once. What does not learn has no gradient: a kernel that computes
// it along with another's leaves it in memory that nobody reads.
func (g *Graph) gradient(t *Tensor) (buffer *host.Buffer, accumulate uint32) {
	if !t.learns {
		return g.buffer("unused d"+t.Name, t.Elements()), 0
	}
	if t.grad == nil {
		t.grad = g.buffer("d"+t.Name, t.Elements())
		return t.grad, 0
	}
	return t.grad, 1
}

// dout is the finished gradient of an op's output.
func (g *Graph) dout(t *Tensor) *host.Buffer {
	if t.grad == nil {
		panic(fmt.Sprintf("nn: nothing uses %s, so it has no gradient", t.Name))
	}
	return t.grad
}

// Compile places and binds everything. The purpose names the graph's memory in the device's ledger.
func (g *Graph) Compile(purpose string) *host.Recording {
	g.slots = place(g.dev, purpose, g.calls)
	g.recording = g.dev.Record(g.calls...)
	return g.recording
}

// Release gives the graph's memory back.
func (g *Graph) Release() {
	if g.recording != nil {
		g.recording.Release()
	}
	for _, s := range g.slots {
		s.Release()
	}
	for _, x := range g.owned {
		x.Release()
	}
	g.slots, g.owned = nil, nil
}
