package nn

import (
	"fmt"
	"math"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Training is a model being trained on rows (B, T): its graph, recorded once, and its optimizer. A step is one or more
// MicroSteps, the last with update set.
type Training struct {
	Model  *Model
	B, T   int
	Inputs *Inputs

	Noise  bool // measure the gradient after the first of several micro-batches
	Ratios bool // measure the update of the steps that end from now on

	objective Objective
	rope      *Rope
	graph     *Graph
	micro     *host.Recording
	optimizer *optimizer
	measure   *statistics
	readback  *host.Readback
	words     []uint32
	rate      [1]float32
	replay    []*host.Recording // scratch, as are:
	ratios    []float64         // a State's UpdateRatios
	largest   []float64         // and LargestActivation
}

// stepsInFlight is how many steps' metrics may be on their way.
const stepsInFlight = 4

// NewTraining records the training step of a model: of its adapters, if it has some, else of all its parameters.
func NewTraining(m *Model, o Objective, a AdamW, B, T int) (*Training, error) {
	if err := m.CheckReach(T, true); err != nil {
		return nil, err
	}
	if err := m.checkRows(B, T); err != nil {
		if _, pairs := o.(DPO); pairs {
			err = fmt.Errorf("%d pairs of rows: %w (a pair is two rows: halve that batch_size)", B/2, err)
		}
		return nil, err
	}
	dev := m.Device
	t := &Training{Model: m, B: B, T: T, objective: o, words: make([]uint32, stateWords+m.Config.Experts()), Inputs: NewInputs(dev, B*T, m.Config.VocabSize), rope: NewRope(dev, m.Config, T)}
	t.optimizer = newOptimizer(dev, m.trained(), a, len(t.words))
	t.measure = newStatistics(t.optimizer, a)
	t.graph = NewGraph(dev, true)
	t.graph.balance = &balance{T: T, share: t.Inputs.Share, state: t.optimizer.state}
	if m.Probe {
		t.graph.probe = t.graph.newProbe(t.optimizer.state, B*T*m.Config.HiddenSize, m.Config.NumHiddenLayers)
	}
	o.record(t.graph, m, m.Hidden(t.graph, t.Inputs, t.rope, nil), t.Inputs, T, t.optimizer.state)
	t.graph.Backward()
	t.micro = t.graph.Compile("activations")
	t.readback = dev.NewReadback(t.optimizer.state, stepsInFlight)
	if err := dev.Err(); err != nil {
		needs := 4*m.Config.NumParameters() + 3*m.trained().bytes() + t.graph.Bytes()
		t.Release()
		return nil, fmt.Errorf("%w; training %d rows of %d tokens needs %s in all: try a smaller batch_size with more accumulation_steps, or a smaller preset",
			err, B, T, host.Bytes(needs))
	}
	return t, nil
}

// checkRows refuses a batch of which one activation is more than a kernel can be shown, or whose tokens are more than a
// kernel can add up, and says what would fit.
func (m *Model) checkRows(B, T int) error {
	c, limits := m.Config, m.Device.Info.Limits
	limit := min(limits.StorageBinding, limits.Buffer)
	widest := max(c.HiddenSize, c.FeedForwardWidth(), c.NumAttentionHeads*c.HeadDim)
	tokens, why := limit/int64(4*widest), fmt.Sprintf("which shows a kernel at most %s of a buffer", host.Bytes(limits.StorageBinding))
	if c.MoE != nil {
		tokens = min(tokens, expertTokens(c, limit))
	}
	if m.Device.Info.CPU && tokens > shaders.RowReach {
		tokens, why = shaders.RowReach, fmt.Sprintf("whose kernels add up at most %d tokens", shaders.RowReach)
	}
	fits := int(tokens) / T
	switch {
	case B <= fits:
		return nil
	case fits == 0:
		return fmt.Errorf("a row of %d tokens is too long for this adapter (%s), %s: max_seq_len %d would fit",
			T, m.Device.Info.Name, why, tokens)
	}
	return fmt.Errorf("%d rows of %d tokens are too many for this adapter (%s), %s: batch_size %d would fit, with accumulation_steps %d for as large a step",
		B, T, m.Device.Info.Name, why, fits, (B+fits-1)/fits)
}

// MicroStep adds the gradient of a micro-batch, of which a token weighs mask*scale, or a pair of rows scale (see
// Objective). first clears the gradients before it; update clips them after it and lets AdamW change the parameters, and State will tell of the step.
func (t *Training) MicroStep(b *data.Batch, scale float64, first, update bool, learningRate float64) {
	t.Inputs.field(t.Inputs.Share)[0] = host.AsWord(float32(float64(t.objective.Count(b)) * scale))
	t.Inputs.SetBatch(t.Model.Device, b, scale)
	t.replay = t.replay[:0]
	if first {
		t.replay = append(t.replay, t.optimizer.begin)
	}
	t.replay = append(t.replay, t.micro)
	if first && !update && t.Noise {
		t.replay = append(t.replay, t.measure.micro)
	}
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
	if t.Ratios {
		t.replay = append(t.replay, t.measure.update)
	}
	t.Model.Device.Replay(t.readback, t.replay...)
}

// Pending is the number of steps whose State has not been taken.
func (t *Training) Pending() int { return t.readback.Pending() }

// Full says that a State must be taken before the next update.
func (t *Training) Full() bool { return t.readback.Full() }

// State takes the oldest step's state that has not been taken; it waits for it, or returns false if it is not there
// yet. The state's lists are valid until the next one is taken.
func (t *Training) State(wait bool) (State, bool) {
	if !t.readback.Next(host.AsBytes(t.words), wait) {
		return State{}, false
	}
	return t.decode(), true
}

// Now waits for the device and returns the state of the step being made, of which the loss is part.
func (t *Training) Now() (State, error) {
	err := t.Model.Device.Read(t.optimizer.state, 0, host.AsBytes(t.words))
	return t.decode(), err
}

// decode reads the state's words, with what was measured.
func (t *Training) decode() State {
	s := decodeState(t.words)
	for _, part := range t.words[stateMicro : stateMicro+4] {
		s.MicroSquares += float64(math.Float32frombits(part))
	}
	if s.UpdateRatio = float64(math.Float32frombits(t.words[stateRatio])); s.UpdateRatio > 0 {
		t.ratios = appendFloats(t.ratios[:0], t.words[stateRatio+1:][:t.measure.layers])
		s.UpdateRatios = t.ratios
	}
	if p := t.graph.probe; p != nil {
		t.largest = appendFloats(t.largest[:0], t.words[stateLargest:][:p.rows])
		s.LargestActivation = t.largest
	}
	return s
}

// appendFloats appends the float32 numbers of which words are the bits.
func appendFloats(to []float64, words []uint32) []float64 {
	for _, w := range words {
		to = append(to, float64(math.Float32frombits(w)))
	}
	return to
}

// Recordings are those of a micro-step and of an update, to be timed.
func (t *Training) Recordings() []*host.Recording {
	return []*host.Recording{t.optimizer.begin, t.micro, t.optimizer.update}
}

// Measurements are those that Noise and Ratios add to a step, to be timed.
func (t *Training) Measurements() []*host.Recording {
	return []*host.Recording{t.measure.micro, t.measure.update}
}

// Gradient reads the gradient of a parameter that trains, as it has added up since the step's first micro-batch.
func (t *Training) Gradient(name string) ([]float32, error) {
	p := t.Model.byName[name]
	if p == nil || !p.learns {
		return nil, fmt.Errorf("%s has no gradient: it is no parameter that trains", name)
	}
	v := make([]float32, p.Elements())
	return v, t.Model.Device.Read(p.grad, 0, host.AsBytes(v))
}

// Tensors lists what Save writes: the parameters that train, then their moments.
func (t *Training) Tensors() []checkpoint.TensorInfo {
	return checkpoint.TensorsOf(t.optimizer.trained.list, t.optimizer.trained.group, checkpoint.GroupMoment1, checkpoint.GroupMoment2)
}

// Save writes the tensors.
func (t *Training) Save(w *checkpoint.Writer) error {
	return saveTensors(t.Model.Device, w, t.optimizer.trained.values, t.optimizer.moment1, t.optimizer.moment2)
}

// Load reads the tensors, and takes up AdamW's count of steps. What else a checkpoint holds is shown to others, if it is
// not nil.
func (t *Training) Load(r *checkpoint.Reader, others func(info checkpoint.TensorInfo, bytes []byte)) error {
	t.optimizer.setCounters(r.Header.State.AppliedSteps, r.Header.State.SkippedSteps)
	return loadTensors(t.Model.Device, r, map[string]*arenas{t.optimizer.trained.group: t.optimizer.trained.values,
		checkpoint.GroupMoment1: t.optimizer.moment1, checkpoint.GroupMoment2: t.optimizer.moment2}, others)
}

// Release gives everything but the model back.
func (t *Training) Release() {
	t.readback.Release()
	t.graph.Release()
	t.measure.release()
	t.optimizer.release()
	t.rope.Release()
	t.Inputs.Release()
}
