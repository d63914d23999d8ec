package nn

import (
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Evaluation is a model's forward pass on rows (B, T), without gradients.
type Evaluation struct {
	model  *Model
	inputs *Inputs
	rope   *Rope
	graph  *Graph
	record *host.Recording
	state  *host.Buffer
	out    *Tensor // log-probabilities (B*T), or logits (B*T, V)
}

// NewEvaluation records the forward pass up to an objective's loss.
func NewEvaluation(m *Model, o Objective, B, T int) (*Evaluation, error) {
	return newEvaluation(m, B, T, func(e *Evaluation, hidden *Tensor) *Tensor {
		return o.record(e.graph, m, hidden, e.inputs, T, e.state)
	})
}

// NewLogits records the forward pass up to the logits, which are kept whole: for a few rows only, or a small vocabulary.
func NewLogits(m *Model, B, T int) (*Evaluation, error) {
	return newEvaluation(m, B, T, func(e *Evaluation, hidden *Tensor) *Tensor { return e.graph.Logits(hidden, m.Head()) })
}

func newEvaluation(m *Model, B, T int, end func(e *Evaluation, hidden *Tensor) *Tensor) (*Evaluation, error) {
	if err := m.CheckReach(T, false); err != nil {
		return nil, err
	}
	if err := m.checkRows(B, T); err != nil {
		return nil, err
	}
	dev := m.Device
	e := &Evaluation{model: m, inputs: NewInputs(dev, B*T, m.Config.VocabSize), rope: NewRope(dev, m.Config, T),
		graph: NewGraph(dev, false), state: dev.Allocate("validation", "state", 4*stateWords)}
	e.out = end(e, m.Hidden(e.graph, e.inputs, e.rope, nil))
	e.record = e.graph.Compile("validation")
	if err := dev.Err(); err != nil {
		e.Release()
		return nil, err
	}
	return e, nil
}

// Run computes a batch, of which a token (or a pair of rows; see Objective) weighs scale, and returns the loss and what
// else the objective measures.
func (e *Evaluation) Run(b *data.Batch, scale float64) (State, error) {
	dev := e.model.Device
	var words [stateWords]uint32
	dev.Write(e.state, 0, host.AsBytes(words[:]))
	e.inputs.SetBatch(dev, b, scale)
	dev.Replay(nil, e.record)
	err := dev.Read(e.state, 0, host.AsBytes(words[:]))
	return decodeState(words[:]), err
}

// Values reads the last batch's log-probabilities of the targets, (B*T), or its logits (B*T, V).
func (e *Evaluation) Values() ([]float32, error) {
	v := make([]float32, e.out.Elements())
	return v, e.model.Device.Read(e.out.Data, 0, host.AsBytes(v))
}

// Release gives everything but the model back.
func (e *Evaluation) Release() {
	e.graph.Release()
	e.rope.Release()
	e.inputs.Release()
	e.state.Release()
}
