package train

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Data is what a run learns from.
type Data struct {
	Train      *data.Stream // at its start, or, for Resume, at the checkpoint's cursor
	Validation *data.Stream // nil: none
	Tokenizer  *tokenizer.Tokenizer
	Kernels    map[string]string // a new run's choice of kernels, as State().Kernels tells it; nil: tune
	Source     string            // names what the documents hold (their hash), so that a resumed run is of the same data
}

// Trainer is a run: the model on the device, its place in the data, and all that a checkpoint keeps.
type Trainer struct {
	config     Config
	data       Data
	dev        *host.Device
	model      *nn.Model
	training   *nn.Training
	evaluation *nn.Evaluation
	batches    []*data.Batch // the micro-batches of a step
	validation *data.Batch
	schedule   Schedule
	state      checkpoint.State
	started    time.Time
}

// New begins a run with fresh weights, drawn from the config's seed.
func New(dev *host.Device, model config.Model, c Config, d Data) (*Trainer, error) {
	t, err := prepare(dev, model, c, d, nil)
	if err != nil {
		return nil, err
	}
	t.model.Init(c.Seed)
	return t, dev.Err()
}

// Resume goes on with a checkpoint's run, exactly. The error says what differs from it.
func Resume(dev *host.Device, r *checkpoint.Reader, c Config, d Data) (*Trainer, error) {
	s := r.Header.State
	if want := s.Settings["data"]; want != d.Source {
		return nil, fmt.Errorf("this data is not the run's: its content is %.12s, the run's was %.12s; give the run's data, or begin a new run", d.Source, want)
	}
	var differ []string
	given := c.settings()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if was := s.Settings[name]; was != given[name] {
			differ = append(differ, fmt.Sprintf("%s is %s, the run's is %s", name, given[name], was))
		}
	}
	if len(differ) > 0 {
		return nil, fmt.Errorf("these settings are not the run's: %s", strings.Join(differ, "; "))
	}
	t, err := prepare(dev, r.Header.Model, c, d, s.Kernels)
	if err != nil {
		return nil, err
	}
	if err := t.training.Load(r); err != nil {
		t.Release()
		return nil, err
	}
	t.state = s
	return t, dev.Err()
}

// tuneBudget bounds the time that a new run spends on choosing kernels.
const tuneBudget = 3 * time.Second

// validationTokens bounds a batch of validation, and so its memory, which training cannot use.
const validationTokens = 2048

// prepare makes everything but the values. kernels are the choices of a run that goes on; a new one tunes them.
func prepare(dev *host.Device, m config.Model, c Config, d Data, kernels checkpoint.Settings) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if vocab := d.Tokenizer.VocabSize(); vocab > m.VocabSize {
		return nil, fmt.Errorf("the tokenizer has %d tokens and the model's vocabulary_size is %d: it must be at least as large", vocab, m.VocabSize)
	}
	if c.EarlyStop.Patience > 0 && d.Validation == nil {
		return nil, fmt.Errorf("early_stop watches the validation loss, and there is no validation data: raise validation_share, or leave early_stop out")
	}
	steps := stepsOfRun(c, d)
	schedule, err := c.Schedule(steps)
	if err != nil {
		return nil, err
	}
	if kernels == nil && d.Kernels != nil {
		kernels = maps.Clone(d.Kernels)
	} else if kernels == nil {
		kernels = checkpoint.Settings{}
		for name, choice := range shaders.Tune(dev, mainShapes(m, c.BatchSize*c.MaxSeqLen), tuneBudget) {
			kernels[name] = choice.String()
		}
	}
	for name, text := range kernels {
		choice, err := host.ParseChoice(text)
		if err != nil {
			return nil, err
		}
		dev.Choose(name, choice)
	}
	model, err := nn.NewModel(dev, m)
	if err != nil {
		return nil, err
	}
	t := &Trainer{config: c, data: d, dev: dev, model: model, schedule: schedule}
	if t.training, err = nn.NewTraining(model, c.adamW(), c.BatchSize, c.MaxSeqLen); err != nil {
		return nil, err
	}
	for range c.AccumulationSteps {
		t.batches = append(t.batches, data.NewBatch(c.BatchSize, c.MaxSeqLen))
	}
	if d.Validation != nil {
		rows := min(int(min(d.Validation.RowsPerEpoch(), int64(c.BatchSize))), max(validationTokens/c.MaxSeqLen, 1))
		t.validation = data.NewBatch(rows, c.MaxSeqLen)
		if t.evaluation, err = nn.NewEvaluation(model, rows, c.MaxSeqLen, false); err != nil {
			return nil, err
		}
	}
	t.state = checkpoint.State{Seed: c.Seed, TotalSteps: steps, BestValidationLoss: math.Inf(1),
		EarlyStop: checkpoint.EarlyStop{Reference: math.Inf(1)}, Kernels: kernels, Settings: c.settings()}
	t.state.Settings["data"] = d.Source
	return t, dev.Err()
}

// mainShapes are the matrix products that a step spends its time on.
func mainShapes(m config.Model, N int) []shaders.Shape {
	n, c, f, q := uint32(N), uint32(m.HiddenSize), uint32(m.IntermediateSize), uint32(m.NumAttentionHeads*m.HeadDim)
	return []shaders.Shape{{N: n, I: c, O: f}, {N: n, I: f, O: c}, {N: n, I: c, O: q}}
}

// stepsOfRun is the run's length in optimizer steps. Each epoch's last step may have fewer micro-batches' worth of rows:
// its batches are filled up.
func stepsOfRun(c Config, d Data) int64 {
	if c.MaxSteps > 0 {
		return int64(c.MaxSteps)
	}
	batches := (d.Train.RowsPerEpoch() + int64(c.BatchSize) - 1) / int64(c.BatchSize) * int64(c.Epochs)
	return (batches + int64(c.AccumulationSteps) - 1) / int64(c.AccumulationSteps)
}

// Model is the model being trained, to sample from at a step that says so.
func (t *Trainer) Model() *nn.Model { return t.model }

// Training is the recorded step, to be timed.
func (t *Trainer) Training() *nn.Training { return t.training }

// Steps is how many steps the run has.
func (t *Trainer) Steps() int64 { return t.state.TotalSteps }

// Schedule is the run's learning rate over its steps.
func (t *Trainer) Schedule() Schedule { return t.schedule }

// State is what a checkpoint keeps of the loop.
func (t *Trainer) State() *checkpoint.State { return &t.state }

// Save writes a checkpoint of the run. Call it at a step that says SaveDue: the device then holds exactly that step.
func (t *Trainer) Save(w io.Writer) error {
	var text bytes.Buffer
	if err := t.data.Tokenizer.WriteJSON(&text); err != nil {
		return err
	}
	h := &checkpoint.Header{Model: t.model.Config, TokenizerHash: t.data.Tokenizer.Hash(), Tokenizer: text.Bytes(),
		State: t.state, Tensors: checkpoint.Tensors(t.model.Config, nn.Groups...)}
	writer, err := checkpoint.NewWriter(w, h)
	if err != nil {
		return err
	}
	if err := t.training.Save(writer); err != nil {
		return err
	}
	return writer.Close()
}

// Release gives the device's memory back.
func (t *Trainer) Release() {
	if t.evaluation != nil {
		t.evaluation.Release()
	}
	t.training.Release()
	t.model.Release()
}
