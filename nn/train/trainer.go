package train

import (
	"bytes"
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
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// Stream gives a run its batches, epoch after epoch: documents packed into rows, conversations, or pairs of rows to
// compare, of which the first half of a batch is the chosen ones and row i and row B/2+i belong together, one document a
// row. A batch of which nothing counts (Pairs is 0) is passed over and counted.
type Stream interface {
	Next(b *data.Batch) error  // the next b.B rows; at an epoch's end the batch is filled up
	Cursor() data.Cursor       // the place of the next row
	Seek(at data.Cursor) error // goes to a place that Cursor told, of this stream or an equal one
	RowsPerEpoch() int64
}

// Data is what a run learns from.
type Data struct {
	Train      Stream // Resume seeks the checkpoint's place
	Validation Stream // nil: none
	Tokenizer  *tokenizer.Tokenizer
	From       *checkpoint.Reader        // a new run's first weights, and the base of adapters always; nil: fresh ones, drawn from the config's seed
	Teacher    *checkpoint.Reader        // of a distillation
	Progress   func(share float64) error // nil, or told of what is done before the first step, between 0 and 1; its error ends it
	Kernels    map[string]string         // a new run's choice of kernels, as State().Kernels tells it; nil: tune
	Source     string                    // names what the documents hold (their hash), so that a resumed run is of the same data
}

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
	forced     *float64     // the learning rate of a range test; nil: the schedule's
	kept       bytes.Buffer // the last snapshot, as a checkpoint
}

// New begins a run.
func New(dev *host.Device, model config.Model, c Config, d Data) (*Trainer, error) {
	return prepare(dev, model, c, d, nil)
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
	return prepare(dev, r.Header.Model, c, d, r)
}

// tuneBudget bounds the time that a new run spends on choosing kernels.
const tuneBudget = 3 * time.Second

// Tune chooses the kernels for such a run, for Data.Kernels: a new run without them does it itself, which takes its time.
func Tune(dev *host.Device, m config.Model, c Config) map[string]string {
	kernels := map[string]string{}
	for name, choice := range shaders.Tune(dev, mainShapes(m, c.rows()*c.MaxSeqLen), tuneBudget) {
		kernels[name] = choice.String()
	}
	return kernels
}

// validationRows bounds a batch of validation, and so its memory, which training cannot use: to 2,048 tokens, or a pair,
// and to training's.
func (c Config) validationRows() int {
	rows := min(max(2048/c.MaxSeqLen, 1), c.rows())
	if c.DPO.Beta > 0 {
		return max(rows/2*2, 2)
	}
	return rows
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
	t.state = checkpoint.State{Seed: c.Seed, TotalSteps: steps, BestValidationLoss: math.Inf(1),
		EarlyStop: checkpoint.EarlyStop{Reference: math.Inf(1)}, Settings: c.settings()}
	t.state.Settings["data"] = d.Source
	if resumed != nil {
		t.state = resumed.Header.State
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

// makeTeacher loads the teacher of a distillation, which is the same all through a run.
func (t *Trainer) makeTeacher(resumed *checkpoint.Reader) (err error) {
	r := t.data.Teacher
	if t.config.Distillation.Temperature == 0 {
		return nil
	}
	if r.Header.TokenizerHash != t.data.Tokenizer.Hash() {
		return fmt.Errorf("the teacher was trained with another tokenizer, of which the same numbers are other tokens: take a teacher with the student's")
	}
	if t.teacher, err = nn.LoadModel(t.dev, r); err != nil {
		return fmt.Errorf("the teacher: %w", err)
	}
	hash, err := t.teacher.Hash()
	if err != nil {
		return err
	}
	if resumed == nil {
		t.state.Settings["teacher"] = hash
	} else if was := t.state.Settings["teacher"]; was != hash {
		return fmt.Errorf("this teacher (%.12s) is not the run's (%.12s): give the checkpoint that the run began with", hash, was)
	}
	return nil
}

// makeReferences asks the model about all preferences, before it learns from them.
func (t *Trainer) makeReferences(resumed *checkpoint.Reader) (err error) {
	t.references = references{}
	if t.config.DPO.Beta == 0 || resumed != nil {
		return nil
	}
	progress := t.data.Progress
	if progress == nil {
		progress = func(float64) error { return nil }
	}
	c := t.config
	train := firstPairs{t.data.Train, math.MaxInt32}
	if c.AdaptiveBatch.Most == 0 && !c.RollbackOnSpike { // a short run does not come to the end of an epoch
		train.most = t.state.TotalSteps * int64(c.AccumulationSteps*c.BatchSize)
	}
	streams := []firstPairs{train}
	if t.data.Validation != nil {
		streams = append(streams, firstPairs{t.data.Validation, math.MaxInt32})
	}
	t.references, err = referencesOf(t.model, c.DPO, c.validationRows(), c.MaxSeqLen, progress, streams...)
	return err
}

// loadOther takes what a checkpoint holds besides parameters and moments.
func (t *Trainer) loadOther(info checkpoint.TensorInfo, bytes []byte) {
	if info.Group == checkpoint.GroupReference {
		t.references.load(bytes)
	}
}

// chooseKernels takes the choices of the run that goes on, or those that are given; else it tunes.
func (t *Trainer) chooseKernels(m config.Model) error {
	if t.state.Kernels == nil && t.data.Kernels != nil {
		t.state.Kernels = maps.Clone(t.data.Kernels)
	} else if t.state.Kernels == nil {
		t.state.Kernels = Tune(t.dev, m, t.config)
	}
	for name, text := range t.state.Kernels {
		choice, err := host.ParseChoice(text)
		if err != nil {
			return err
		}
		t.dev.Choose(name, choice)
	}
	return nil
}

// makeModel makes the model with its first weights: those of From, or fresh ones. Those of a run that goes on are loaded
// later, except those of its adapters' base.
func (t *Trainer) makeModel(m config.Model, resumed *checkpoint.Reader) (err error) {
	if t.data.From != nil {
		t.model, err = nn.LoadModel(t.dev, t.data.From)
	} else if t.model, err = nn.NewModel(t.dev, m); err == nil && resumed == nil {
		t.model.Init(t.config.Seed)
	}
	if err != nil || t.config.LoRA.Rank == 0 {
		return err
	}
	if resumed != nil {
		if err := t.model.CheckBase(resumed.Header); err != nil {
			return err
		}
	}
	if err := t.adapt(); err != nil {
		return err
	}
	t.adapter, err = t.model.Adapters().Header()
	return err
}

// adapt gives the model the adapters that are to train, if any are.
func (t *Trainer) adapt() error {
	l := t.config.LoRA
	if l.Rank == 0 {
		return nil
	}
	if l.Targets == "" {
		l.Targets = t.model.Config.DefaultLoRA().Targets
	}
	_, err := nn.NewAdapters(t.model, l, t.config.Seed)
	return err
}

// allocate makes what the model's training needs on the device, with room for validation data of so many rows.
func (t *Trainer) allocate(validationRows int64) (err error) {
	c := t.config
	t.model.Probe = c.Probe
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

// Rehearse makes all the buffers of a run on a host.Planner, whose ledger and limits then say what the run takes and
// whether the adapter can do it. validationRows are those of the validation data, 0 for none, and teacher is a
// distillation's, else nil.
func Rehearse(planner *host.Device, m config.Model, teacher *config.Model, c Config, validationRows int64) (model *nn.Model, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.AccumulationSteps = 1 // micro-batches come one after the other: they take no memory on the device
	t := &Trainer{config: c, dev: planner}
	if teacher != nil {
		if t.teacher, err = nn.NewModel(planner, *teacher); err != nil {
			return nil, err
		}
	}
	if t.model, err = nn.NewModel(planner, m); err != nil {
		return nil, err
	}
	if err := t.adapt(); err != nil {
		return nil, err
	}
	if c.DPO.Beta > 0 { // what referencesOf takes, before the first step
		e, err := nn.NewEvaluation(t.model, nn.CrossEntropy{}, c.validationRows(), c.MaxSeqLen)
		if err != nil {
			return nil, err
		}
		e.Release()
	}
	if err := t.allocate(validationRows); err != nil {
		return nil, err
	}
	return t.model, planner.Err()
}

// accumulation is how many micro-batches the next step has.
func (t *Trainer) accumulation() int {
	if t.state.Accumulation > 0 {
		return int(t.state.Accumulation)
	}
	return t.config.AccumulationSteps
}

// mainShapes are the matrix products that a step spends its time on.
func mainShapes(m config.Model, N int) []shaders.Shape {
	n, c, f, q := uint32(N), uint32(m.HiddenSize), uint32(m.FeedForwardWidth()), uint32(m.NumAttentionHeads*m.HeadDim)
	return []shaders.Shape{{N: n, I: c, O: f}, {N: n, I: f, O: c}, {N: n, I: c, O: q}}
}

// stepsOfRun is the run's length in optimizer steps. Each epoch's last step may have fewer micro-batches' worth of rows:
// its batches are filled up.
func stepsOfRun(c Config, d Data) int64 {
	if c.MaxSteps > 0 {
		return int64(c.MaxSteps)
	}
	rows := int64(c.rows())
	batches := (d.Train.RowsPerEpoch() + rows - 1) / rows * int64(c.Epochs)
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
