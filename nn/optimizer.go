package nn

import (
	"math"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// AdamW is PyTorch's optimizer, after a clip by global norm: its settings.
type AdamW struct {
	Beta1, Beta2, Eps, WeightDecay float64
	GradClip                       float64 // largest global norm; 0 does not clip
}

// MostBeta is the slowest decay of the means: in float32 a slower one is hardly told from none, and the table of bias
// corrections, which has 1.8 million pairs for this one, grows with it.
const MostBeta = 0.99999

// The words of the state buffer: what a step leaves on the device and the host reads late.
const (
	stateNorm    = 0   // f32: the gradient's global norm before clipping
	stateApplied = 3   // u32: steps that changed the parameters, AdamW's t
	stateSkipped = 4   // u32: steps left out, their gradient not being finite
	stateLoss    = 64  // f32: the step's loss so far, without balance losses; after it come, for DPO, the means of a Preference
	stateHard    = 72  // f32: of Distillation, the cross-entropy so far, which is part of the loss
	stateAux     = 96  // f32: the step's balance losses so far
	stateMicro   = 128 // f32: four parts of the sum of squares of the first micro-batch's gradient; 0 if not measured
	stateRatio   = 192 // f32: the update's norm over the parameters': of all, then of each layer; 0 if not measured
	stateLargest = 320 // f32: each layer's largest activation; 0 if not measured
	stateWords   = 448
	// then (L, E) u32: how often each expert was chosen
)

// State is what the device knows after a step.
type State struct {
	Loss, GradNorm   float64
	Applied, Skipped int64
	Aux              float64    // the mixtures of experts' balance losses, which Loss leaves out
	Choices          []uint32   // (L, E): how often each expert was chosen
	Preference       Preference // of DPO
	CrossEntropy     float64    // of Distillation: the loss without the teacher

	MicroSquares      float64   // of the gradient after the first micro-batch, if Training.Noise
	UpdateRatio       float64   // norm of the step's update over the parameters' norm, if Training.Ratios
	UpdateRatios      []float64 // of each layer
	LargestActivation []float64 // after each layer, over the step's micro-batches, if Model.Probe
}

func decodeState(words []uint32) State {
	number := func(i int) float64 { return float64(math.Float32frombits(words[i])) }
	return State{Loss: number(stateLoss), GradNorm: number(stateNorm), Aux: number(stateAux),
		Applied: int64(words[stateApplied]), Skipped: int64(words[stateSkipped]), Choices: words[stateWords:],
		CrossEntropy: number(stateHard), Preference: Preference{ChosenReward: number(stateLoss + 1), RejectedReward: number(stateLoss + 2), Accuracy: number(stateLoss + 3)}}
}

// optimizer holds the gradients and moments of the parameters that train and records the update.
type optimizer struct {
	trained    *parameters
	device     *host.Device
	gradients  *arenas
	moment1    *arenas
	moment2    *arenas
	state      *host.Buffer // (words)
	step       *host.Buffer // what changes every step: [learning rate]
	correction *host.Buffer // (t) vec2f: AdamW's bias corrections; see shaders.AdamCorrections
	parts      *host.Buffer // partial sums of squares
	begin      *host.Recording
	update     *host.Recording
}

// newOptimizer makes gradients and moments, all zero, and gives the parameters their gradients: from now on they learn.
// The state has so many words.
func newOptimizer(dev *host.Device, trained *parameters, a AdamW, words int) *optimizer {
	list := trained.list
	o := &optimizer{trained: trained, device: dev,
		gradients: newArenas(dev, "gradients", list), moment1: newArenas(dev, "moments", list), moment2: newArenas(dev, "moments", list)}
	for i, t := range trained.tensors {
		t.grad, t.learns = o.gradients.tensors[i], true
	}
	o.state = dev.Allocate("optimizer", "state", int64(4*words))
	o.step = dev.Allocate("optimizer", "step", 4)
	table := shaders.AdamCorrections(a.Beta1, a.Beta2)
	o.correction = dev.Allocate("optimizer", "bias corrections", int64(4*len(table)))
	dev.Write(o.correction, 0, host.AsBytes(table))

	count := func(b *host.Buffer) uint32 { return uint32(b.Size / 4) }
	total := uint32(0)
	for _, b := range o.gradients.buffers {
		total += shaders.SumSquaresParts(count(b))
	}
	o.parts = dev.Allocate("optimizer", "sums of squares", int64(4*total))

	loss := o.state.Slice("loss", 4*stateLoss, int64(4*(words-stateLoss)))
	begin := []host.Call{shaders.Fill{Count: count(loss), Out: loss}.Call()}
	var update []host.Call
	first := uint32(0)
	for _, g := range o.gradients.buffers {
		begin = append(begin, shaders.Fill{Count: count(g), Out: g}.Call())
		update = append(update, shaders.SumSquares{Count: count(g), First: first, X: g, Parts: o.parts}.Call())
		first += shaders.SumSquaresParts(count(g))
	}
	update = append(update, shaders.GradientNorm{Parts: total, MaxNorm: float32(a.GradClip), PartsIn: o.parts, State: o.state}.Call())
	for i, p := range trained.values.buffers {
		update = append(update, shaders.Adamw{Count: count(p), Beta1: float32(a.Beta1), Beta2: float32(a.Beta2), Eps: float32(a.Eps),
			WeightDecay: float32(a.WeightDecay), Corrections: uint32(len(table) / 2), Gradient: o.gradients.buffers[i], State: o.state, Step: o.step,
			Correction: o.correction, Parameter: p, Moment1: o.moment1.buffers[i], Moment2: o.moment2.buffers[i]}.Call())
	}
	o.begin, o.update = dev.Record(begin...), dev.Record(update...)
	return o
}

// setCounters sets the counts of applied and skipped steps, of a resumed run.
func (o *optimizer) setCounters(applied, skipped int64) {
	o.device.Write(o.state, 4*stateApplied, host.AsBytes([]uint32{uint32(applied), uint32(skipped)}))
}

func (o *optimizer) release() {
	for _, t := range o.trained.tensors {
		t.grad, t.learns = nil, false
	}
	o.begin.Release()
	o.update.Release()
	for _, a := range []*arenas{o.gradients, o.moment1, o.moment2} {
		a.release()
	}
	for _, b := range []*host.Buffer{o.state, o.step, o.correction, o.parts} {
		b.Release()
	}
}
