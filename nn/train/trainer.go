package train

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// Trainer is a run: the model on the device, its place in the data, and all that a checkpoint keeps.
type Trainer struct {
	config     Config
	data       Data
	dev        *host.Device
	model      *nn.Model
	adapter    *checkpoint.Adapter // nil: all parameters train
	references references          // of preferences
	teacher    *nn.Model           // nil: none
	objective  nn.Objective
	measured   nn.Objective // by validation
	training   *nn.Training
	evaluation *nn.Evaluation
	batches    []*data.Batch // the micro-batches of a step
	validation *data.Batch
	schedule   Schedule
	state      checkpoint.State
	started    time.Time
	sent       []sentStep // submitted, not yet yielded, oldest first
	names      layerNames
	values     []Value      // room for those of a step
	forced     *float64     // the learning rate of a range test; nil: the schedule's
	kept       bytes.Buffer // the last snapshot, as a checkpoint
}

// New begins a run.
func New(dev *host.Device, model config.Model, c Config, d Data) (*Trainer, error) {
	return prepare(dev, model, c, d, nil)
}

// Resume goes on with a checkpoint's run, exactly. The error says what differs from it.
func Resume(dev *host.Device, r *checkpoint.Reader, c Config, d Data) (*Trainer, error) {
	s := r.Header.State.Settings
	recorded, err := ConfigOf(s)
	if err != nil {
		return nil, err
	}
	if want := s[dataSetting]; want != d.Source {
		return nil, fmt.Errorf("this data is not the run's: its content is %.12s, the run's was %.12s; give the run's data, or begin a new run", d.Source, want)
	}
	var differ []string
	given, was := c.settings(), recorded.settings()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if given[name] != was[name] {
			differ = append(differ, fmt.Sprintf("%s is %s, the run's is %s", name, given[name], was[name]))
		}
	}
	if len(differ) > 0 {
		return nil, fmt.Errorf("these settings are not the run's: %s", strings.Join(differ, "; "))
	}
	return prepare(dev, r.Header.Model, c, d, r)
}

// prepare makes a new run, or one that goes on with a checkpoint. After an error nothing is left of it.
func prepare(dev *host.Device, m config.Model, c Config, d Data, resumed *checkpoint.Reader) (*Trainer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if d.From != nil && !reflect.DeepEqual(d.From.Header.Model, m) {
		return nil, fmt.Errorf("the weights to start from are of another model: %d layers of width %d", d.From.Header.Model.NumHiddenLayers, d.From.Header.Model.HiddenSize)
	}
	if c.LoRA.Rank > 0 && d.From == nil {
		return nil, fmt.Errorf("adapters need a model to adapt: give the checkpoint that they are for")
	}
	if c.Distillation.Temperature > 0 && d.Teacher == nil {
		return nil, fmt.Errorf("a distillation needs a teacher: give its checkpoint")
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
	t := &Trainer{config: c, data: d, dev: dev, schedule: schedule}
	t.state = checkpoint.State{Seed: c.Seed, TotalSteps: steps, Cursor: checkpoint.Cursor(d.Train.Cursor()), BestValidationLoss: math.Inf(1),
		EarlyStop: checkpoint.EarlyStop{Reference: math.Inf(1)}, Settings: c.settings()}
	t.state.Settings[dataSetting] = d.Source
	if resumed != nil {
		settings := t.state.Settings
		t.state = resumed.Header.State
		maps.Copy(settings, t.state.Settings) // a run of before some existed says all from now on
		t.state.Settings = settings
		if n, most := t.state.Accumulation, int64(max(c.AccumulationSteps, c.AdaptiveBatch.Most)); n < 0 || n > most {
			return nil, fmt.Errorf("the checkpoint's steps have %d micro-batches, and its settings allow %d at most: it is damaged", n, most)
		}
	}
	if err := t.make(m, resumed); err != nil {
		t.Release()
		return nil, err
	}
	return t, nil
}

// make makes what is on the device.
func (t *Trainer) make(m config.Model, resumed *checkpoint.Reader) (err error) {
	d := t.data
	if err := t.chooseKernels(m); err != nil {
		return err
	}
	if err := t.makeModel(m, resumed); err != nil {
		return err
	}
	if err := t.makeTeacher(resumed); err != nil {
		return err
	}
	if err := t.makeReferences(resumed); err != nil {
		return err
	}
	validationRows := int64(0)
	if d.Validation != nil {
		validationRows = d.Validation.RowsPerEpoch()
	}
	if err := t.allocate(validationRows); err != nil {
		return err
	}
	if resumed != nil {
		if err := t.restore(resumed); err != nil {
			return err
		}
	}
	return t.dev.Err()
}

// allocate makes what the model's training needs on the device, with room for validation data of so many rows.
func (t *Trainer) allocate(validationRows int64) (err error) {
	c := t.config
	t.model.Probe = c.Probe
	t.names = namesOf(t.model.Config)
	t.objective, t.measured = c.objectives(t.teacher)
	if d, ok := t.objective.(nn.Distillation); ok {
		if err := d.Check(t.model, c.rows(), c.MaxSeqLen); err != nil {
			return err
		}
	}
	if t.training, err = nn.NewTraining(t.model, t.objective, c.adamW(), c.rows(), c.MaxSeqLen); err != nil {
		return err
	}
	t.setAccumulation(t.accumulation())
	if validationRows > 0 {
		rows := int(min(validationRows, int64(c.validationRows())))
		t.validation = data.NewBatch(rows, c.MaxSeqLen)
		t.evaluation, err = nn.NewEvaluation(t.model, t.measured, rows, c.MaxSeqLen)
	}
	return err
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

// FlopsPerToken is the floating-point operations that a step spends on each token.
func (t *Trainer) FlopsPerToken() float64 {
	m, T := t.model.Config, t.config.MaxSeqLen
	flops := m.FlopsPerToken(T)
	if t.adapter != nil {
		flops = m.LoRAFlopsPerToken(t.adapter.LoRA, T)
	}
	if t.teacher != nil {
		flops += t.teacher.Config.ForwardFlopsPerToken(T)
	}
	return flops
}

// Save writes a checkpoint of the run. Call it at a step that says SaveDue, or whose validation is the best: the device
// then holds exactly that step.
func (t *Trainer) Save(w io.Writer) error {
	if len(t.sent) > 0 {
		return errors.New("this is not the step to save at: later ones are on their way")
	}
	var text bytes.Buffer
	if err := t.data.Tokenizer.WriteJSON(&text); err != nil {
		return err
	}
	h := &checkpoint.Header{Model: t.model.Config, TokenizerHash: t.data.Tokenizer.Hash(), Tokenizer: text.Bytes(),
		Adapter: t.adapter, State: t.state, Tensors: t.training.Tensors()}
	if len(t.references) > 0 {
		h.Tensors = append(h.Tensors, t.references.tensor())
	}
	writer, err := checkpoint.NewWriter(w, h)
	if err != nil {
		return err
	}
	if err := t.training.Save(writer); err != nil {
		return err
	}
	if len(t.references) > 0 {
		if err := writer.Tensor(t.references.bytes()); err != nil {
			return err
		}
	}
	return writer.Close()
}

// Release gives the device's memory back.
func (t *Trainer) Release() {
	if t.evaluation != nil {
		t.evaluation.Release()
	}
	if t.training != nil {
		t.training.Release()
	}
	for _, m := range []*nn.Model{t.model, t.teacher} {
		if m != nil {
			m.Release()
		}
	}
}
