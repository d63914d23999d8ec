package nn

import (
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Training is a model being trained on rows (B, T): its graph, recorded once, and its optimizer. A step is one or more
// MicroSteps, the last with update set.
type Training struct {
	Model  *Model
	B, T   int
	Inputs *Inputs

	rope      *Rope
	graph     *Graph
	micro     *host.Recording
	optimizer *optimizer
	readback  *host.Readback
	words     [stateWords]uint32
	rate      [1]float32
	replay    []*host.Recording // scratch
}

// stepsInFlight is how many steps' metrics may be on their way.
const stepsInFlight = 4

// NewTraining records the training step of a model.
func NewTraining(m *Model, a AdamW, B, T int) (*Training, error) {
	if err := m.CheckReach(T, true); err != nil {
		return nil, err
	}
	if err := m.checkRows(B, T); err != nil {
		return nil, err
	}
	dev := m.Device
	t := &Training{Model: m, B: B, T: T, Inputs: NewInputs(dev, B*T, m.Config.VocabSize), rope: NewRope(dev, m.Config, T)}
	t.optimizer = newOptimizer(m, a)
	t.graph = NewGraph(dev, true)
	t.graph.CrossEntropy(m.Hidden(t.graph, t.Inputs, t.rope, nil), m.Head(), t.Inputs, t.optimizer.state, stateLoss)
	t.graph.Backward()
	t.micro = t.graph.Compile("activations")
	t.readback = dev.NewReadback(t.optimizer.state, stepsInFlight)
	if err := dev.Err(); err != nil {
		return nil, fmt.Errorf("%w; training %d rows of %d tokens needs %s in all: try a smaller batch_size with more accumulation_steps, or a smaller preset",
			err, B, T, host.Bytes(4*4*m.Config.NumParameters()+t.graph.PlannedBytes()))
	}
	return t, nil
}

// checkRows refuses a batch of which one activation is more than a kernel can be shown, and says what would fit.
func (m *Model) checkRows(B, T int) error {
	c, limits := m.Config, m.Device.Info.Limits
	widest := max(c.HiddenSize, c.IntermediateSize, c.NumAttentionHeads*c.HeadDim)
	fits := int(min(limits.StorageBinding, limits.Buffer)/int64(4*widest)) / T
	switch {
	case B <= fits:
		return nil
	case fits == 0:
		return fmt.Errorf("a row of %d tokens is too long for this adapter (%s), which shows a kernel at most %s of a buffer: max_seq_len %d would fit",
			T, m.Device.Info.Name, host.Bytes(limits.StorageBinding), min(limits.StorageBinding, limits.Buffer)/int64(4*widest))
	}
	return fmt.Errorf("%d rows of %d tokens are too many for this adapter (%s), which shows a kernel at most %s of a buffer: batch_size %d would fit, with accumulation_steps %d for as large a step",
		B, T, m.Device.Info.Name, host.Bytes(limits.StorageBinding), fits, (B+fits-1)/fits)
}

// MicroStep adds the gradient of a micro-batch, whose tokens weigh mask*scale. first clears the gradients before it;
// update clips them after it and lets AdamW change the parameters, and State will tell of the step.
func (t *Training) MicroStep(b *data.Batch, scale float64, first, update bool, learningRate float64) {
	t.Inputs.SetBatch(t.Model.Device, b, scale)
	t.replay = t.replay[:0]
	if first {
		t.replay = append(t.replay, t.optimizer.begin)
	}
	t.replay = append(t.replay, t.micro)
	if update {
		t.update(learningRate)
	} else {
		t.Model.Device.Replay(nil, t.replay...)
	}
}

// Update ends a step whose micro-batches were given without it.
func (t *Training) Update(learningRate float64) {
	t.replay = t.replay[:0]
	t.update(learningRate)
}

func (t *Training) update(learningRate float64) {
	t.rate[0] = float32(learningRate)
	t.Model.Device.Write(t.optimizer.step, 0, host.AsBytes(t.rate[:]))
	t.replay = append(t.replay, t.optimizer.update)
	t.Model.Device.Replay(t.readback, t.replay...)
}

// Pending is the number of steps whose State has not been taken.
func (t *Training) Pending() int { return t.readback.Pending() }

// Full says that a State must be taken before the next update.
func (t *Training) Full() bool { return t.readback.Full() }

// State takes the oldest step's state that has not been taken; it waits for it, or returns false if it is not there
// yet.
func (t *Training) State(wait bool) (State, bool) {
	if !t.readback.Next(host.AsBytes(t.words[:]), wait) {
		return State{}, false
	}
	return t.decode(), true
}

// Now waits for the device and returns the state of the step being made, of which the loss is part.
func (t *Training) Now() (State, error) {
	err := t.Model.Device.Read(t.optimizer.state, 0, host.AsBytes(t.words[:]))
	return t.decode(), err
}

func (t *Training) decode() State {
	number := func(i int) float64 { return float64(math.Float32frombits(t.words[i])) }
	return State{Loss: number(stateLoss), GradNorm: number(stateNorm),
		Applied: int64(t.words[stateApplied]), Skipped: int64(t.words[stateSkipped])}
}

// Recordings are those of a micro-step and of an update, to be timed.
func (t *Training) Recordings() []*host.Recording {
	return []*host.Recording{t.optimizer.begin, t.micro, t.optimizer.update}
}

// Gradient reads a parameter's gradient as it has added up since the step's first micro-batch.
func (t *Training) Gradient(name string) ([]float32, error) {
	p := t.Model.byName[name]
	v := make([]float32, p.Elements())
	return v, t.Model.Device.Read(p.grad, 0, host.AsBytes(v))
}

// Groups of tensors of a training checkpoint, in the order that Save writes.
var Groups = []string{checkpoint.GroupParameter, checkpoint.GroupMoment1, checkpoint.GroupMoment2}

// Save writes parameters and moments.
func (t *Training) Save(w *checkpoint.Writer) error {
	return saveTensors(t.Model.Device, w, t.Model.values, t.optimizer.moment1, t.optimizer.moment2)
}

// Load reads parameters and moments, and takes up AdamW's count of steps.
func (t *Training) Load(r *checkpoint.Reader) error {
	t.optimizer.setCounters(r.Header.State.AppliedSteps, r.Header.State.SkippedSteps)
	return loadTensors(t.Model.Device, r, t.optimizer.groups())
}

// Release gives everything but the model back.
func (t *Training) Release() {
	t.readback.Release()
	t.graph.Release()
	t.optimizer.release()
	t.rope.Release()
	t.Inputs.Release()
}

// Evaluation computes losses without gradients, on rows (B, T).
type Evaluation struct {
	inputs *Inputs
	rope   *Rope
	graph  *Graph
	record *host.Recording
	state  *host.Buffer
	model  *Model
	logits *Tensor
}

// NewEvaluation records the forward pass; with logits, these are kept whole for Logits to read.
func NewEvaluation(m *Model, B, T int, logits bool) (*Evaluation, error) {
	if err := m.CheckReach(T, false); err != nil {
		return nil, err
	}
	dev := m.Device
	e := &Evaluation{model: m, inputs: NewInputs(dev, B*T, m.Config.VocabSize), rope: NewRope(dev, m.Config, T),
		state: dev.Allocate("validation", "state", 4*stateWords)}
	e.graph = NewGraph(dev, false)
	hidden := m.Hidden(e.graph, e.inputs, e.rope, nil)
	if logits {
		e.logits = e.graph.Logits(hidden, m.Head())
	} else {
		e.graph.CrossEntropy(hidden, m.Head(), e.inputs, e.state, stateLoss)
	}
	e.record = e.graph.Compile("validation")
	return e, dev.Err()
}

// Run computes a batch whose tokens weigh mask*scale and returns the loss.
func (e *Evaluation) Run(b *data.Batch, scale float64) (float64, error) {
	dev := e.model.Device
	dev.Write(e.state, 4*stateLoss, host.AsBytes([]uint32{0}))
	e.inputs.SetBatch(dev, b, scale)
	dev.Replay(nil, e.record)
	var word [1]float32
	err := dev.Read(e.state, 4*stateLoss, host.AsBytes(word[:]))
	return float64(word[0]), err
}

// Logits reads those of the last batch, (B*T, V).
func (e *Evaluation) Logits() ([]float32, error) {
	v := make([]float32, e.logits.Elements())
	return v, e.model.Device.Read(e.logits.Data, 0, host.AsBytes(v))
}

// Release gives everything but the model back.
func (e *Evaluation) Release() {
	e.graph.Release()
	e.rope.Release()
	e.inputs.Release()
	e.state.Release()
}
