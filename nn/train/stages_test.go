package train

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

// masked covers what a conversation's masks would: prompts without loss, tags that weigh 10, and rows of which nothing
// counts.
type masked struct {
	Stream
	keep func(document int64) bool // whether anything counts of the batch that begins there
}

func (s masked) Next(b *data.Batch) error {
	keep := s.keep(s.Cursor().Document)
	if err := s.Stream.Next(b); err != nil {
		return err
	}
	b.Pairs = 0
	for n, start := range b.Start {
		switch {
		case !keep || n-int(start) < 3:
			b.Mask[n] = 0
		case b.Targets[n]%16 == 0:
			b.Mask[n] *= 10
		}
		if b.Mask[n] != 0 {
			b.Pairs++
		}
	}
	return nil
}

// pretrained is a model that has learnt for some steps, as a checkpoint, which tests share.
func pretrained(t *testing.T, steps int) []byte {
	t.Helper()
	if pretrainedFor[steps] == nil {
		c := testConfig()
		c.MaxSteps = steps
		_, pretrainedFor[steps] = run(t, newTrainer(t, c), 0)
	}
	return pretrainedFor[steps]
}

var pretrainedFor = map[int][]byte{}

func open(t *testing.T, saved []byte) *checkpoint.Reader {
	t.Helper()
	r, err := checkpoint.NewReader(bytes.NewReader(saved), int64(len(saved)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stage is a run on top of a pretrained model.
type stage struct {
	name   string
	config func(c *Config)
	data   func(d *Data)
	late   func(d *Data) // nil, or changes the data when the checkpoints are there too
}

var stages = []stage{
	{name: "sft", config: func(c *Config) {}, data: func(d *Data) {
		d.Train = masked{d.Train, func(document int64) bool { return document%3 != 1 }}
	}},
	{name: "lora", config: func(c *Config) { c.LoRA.Rank = 4 }, data: func(d *Data) {}},
	{name: "dpo", config: func(c *Config) { c.DPO.Beta, c.TokenWeighted = 0.5, true }, data: preferences},
	{name: "dpo with adapters", config: func(c *Config) { c.DPO, c.LoRA.Rank = nn.DPO{Beta: 0.5, Mean: true}, 8 }, data: preferences},
	{name: "distill", config: distilled, data: func(*Data) {}},
}

func distilled(c *Config) { c.Distillation = nn.Distillation{Alpha: 0.5, Temperature: 1.5} }

// preferences compares documents with what they are when their tokens are mixed up.
func preferences(d *Data) {
	d.Train, d.Validation = &pairs{Stream: d.Train}, &pairs{Stream: d.Validation}
}

type pairs struct {
	Stream
	half *data.Batch
}

func (p *pairs) RowsPerEpoch() int64 { return 2 * p.Stream.RowsPerEpoch() }

func (p *pairs) Next(b *data.Batch) error {
	n := b.B / 2
	if p.half == nil || p.half.B != n {
		p.half = data.NewBatch(n, b.T)
	}
	half := p.half
	if err := p.Stream.Next(half); err != nil {
		return err
	}
	for side := range 2 {
		at := side * n * b.T
		copy(b.Inputs[at:], half.Inputs)
		copy(b.Targets[at:], half.Targets)
		copy(b.Mask[at:], half.Mask)
		for i := range half.Start {
			b.Start[at+i] = uint32(at + i/b.T*b.T)
			if side == 1 {
				b.Targets[at+i] = half.Targets[i/b.T*b.T+b.T-1-i%b.T]
			}
		}
	}
	b.Pairs = 2 * half.Pairs
	return nil
}

// begin makes the stage's trainer, from the base, or to go on with a checkpoint of it.
func (s stage) begin(t *testing.T, base, saved []byte) (*Trainer, error) {
	t.Helper()
	return s.beginOn(hosttest.Device(t), t, base, saved)
}

func (s stage) beginOn(dev *host.Device, t *testing.T, base, saved []byte) (*Trainer, error) {
	t.Helper()
	c := testConfig()
	c.Stage = s.name
	s.config(&c)
	d := testData(t, c, 200, checkpoint.Cursor{})
	s.data(&d)
	d.From = open(t, base)
	d.Teacher = open(t, base)
	if s.late != nil {
		s.late(&d)
	}
	if saved != nil {
		r := open(t, saved)
		if c.LoRA.Rank == 0 {
			d.From = nil
		}
		return Resume(dev, r, c, d)
	}
	return New(dev, d.From.Header.Model, c, d)
}

func (s stage) mustBegin(t *testing.T, base, saved []byte) *Trainer {
	t.Helper()
	trainer, err := s.begin(t, base, saved)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Release)
	return trainer
}

// Every stage starts from a checkpoint's weights, and interrupted and resumed ends in the bytes of the run that was not.
func TestStagesResumeExactly(t *testing.T) {
	base := pretrained(t, 3)
	for _, s := range stages {
		t.Run(s.name, func(t *testing.T) {
			steps, want := run(t, s.mustBegin(t, base, nil), 0)
			_, saved := run(t, s.mustBegin(t, base, nil), 3)
			rest, got := run(t, s.mustBegin(t, base, saved), 0)
			if !bytes.Equal(got, want) {
				t.Error("the resumed run's last checkpoint differs")
			}
			last := steps[len(steps)-1]
			if end := rest[len(rest)-1]; end.Loss != last.Loss || end.Empty != last.Empty || end.Validation.Loss != last.Validation.Loss {
				t.Errorf("the resumed run ends with %+v, the other with %+v", end, last)
			}
			if h := open(t, got).Header; h.State.Settings["stage"] != s.name {
				t.Errorf("the checkpoint's stage is %q", h.State.Settings["stage"])
			}
		})
	}
}

// What a rehearsal says that a distillation takes, its teacher included, is what it takes at its peak.
func TestRehearsesTeachers(t *testing.T) {
	base, dev := pretrained(t, 1), hosttest.Open(t)
	trainer, err := stages[4].beginOn(dev, t, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	planner, model := host.Planner(dev.Info), trainer.model.Config
	if got, want := trainer.FlopsPerToken(), 4*model.ForwardFlopsPerToken(24); got != want { // the student's three, and the teacher's
		t.Errorf("%v FLOP a token, want %v", got, want)
	}
	if _, err := Rehearse(planner, model, &model, trainer.config, trainer.data.Validation.RowsPerEpoch()); err != nil {
		t.Fatal(err)
	}
	_, _, peak := dev.Ledger()
	_, _, rehearsed := planner.Ledger()
	if off := math.Abs(float64(rehearsed)/float64(peak) - 1); off > 0.05 {
		t.Errorf("rehearsed %d bytes, it took %d", rehearsed, peak)
	}
}

// A teacher that cannot teach is refused, and so is another one than the run's.
func TestTeachers(t *testing.T) {
	base := pretrained(t, 1)
	begin := func(resumed []byte, change func(d *Data)) error {
		s := stages[4]
		s.late = change
		trainer, err := s.begin(t, base, resumed)
		if err == nil {
			trainer.Release()
		}
		return err
	}
	for want, change := range map[string]func(d *Data){
		"needs a teacher":   func(d *Data) { d.Teacher = nil },
		"another tokenizer": func(d *Data) { d.Teacher.Header.TokenizerHash = "x" },
		"the teacher knows 640 tokens and the student 512": func(d *Data) {
			m := tinyModel()
			m.VocabSize = 640
			c := testConfig()
			c.MaxSteps = 1
			_, saved := learn(t, m, c, slices.Collect(corpus.Documents(1, 50)), nil, nil)
			d.Teacher = open(t, saved)
		},
	} {
		if err := begin(nil, change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want it to say %q", err, want)
		}
	}
	_, saved := run(t, stages[4].mustBegin(t, base, nil), 1)
	if err := begin(saved, func(d *Data) { d.Teacher = open(t, pretrained(t, 2)) }); err == nil || !strings.Contains(err.Error(), "is not the run's") {
		t.Errorf("resumed with another teacher: %v", err)
	}
}

// A micro-batch of which nothing counts is passed over and counted; a run in which nothing counts says so.
func TestMasksThatCoverNothing(t *testing.T) {
	base := pretrained(t, 1)
	empty := func(keep func(int64) bool) stage {
		return stage{name: "sft", config: func(c *Config) {}, data: func(d *Data) { d.Train = masked{d.Train, keep} }}
	}
	steps, _ := run(t, empty(func(document int64) bool { return document%2 == 0 }).mustBegin(t, base, nil), 0)
	for _, s := range steps {
		if math.IsNaN(s.Loss) || s.Loss < 1 || s.Skipped != 0 {
			t.Errorf("step %d: loss %v, %d skipped", s.Step, s.Loss, s.Skipped)
		}
	}
	if last := steps[len(steps)-1]; last.Empty == 0 {
		t.Error("no micro-batch was passed over")
	}
	for _, err := range empty(func(int64) bool { return false }).mustBegin(t, base, nil).Run(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "no target counts") {
			t.Errorf("nothing to learn: %v", err)
		}
	}
}

// A checkpoint of adapters holds nothing else, and goes on with its own base only.
func TestAdaptersOnly(t *testing.T) {
	base, lora := pretrained(t, 1), stages[1]
	trainer := lora.mustBegin(t, base, nil)
	_, saved := run(t, trainer, 2)
	h := open(t, saved).Header
	if len(h.Tensors) != 3*2*2*h.Model.NumHiddenLayers || h.Adapter == nil || h.Adapter.LoRA.Rank != 4 {
		t.Errorf("%d tensors, adapter %+v", len(h.Tensors), h.Adapter)
	}
	if got, want := trainer.FlopsPerToken(), h.Model.LoRAFlopsPerToken(h.Adapter.LoRA, 24); got != want {
		t.Errorf("%v FLOP a token, want %v", got, want)
	}
	if len(saved) > len(base)/3 {
		t.Errorf("the adapters' checkpoint has %d bytes, the base's %d", len(saved), len(base))
	}
	if _, err := lora.begin(t, pretrained(t, 2), saved); err == nil || !strings.Contains(err.Error(), "trained on other weights") {
		t.Errorf("with another base: %v", err)
	}
	c := testConfig()
	c.LoRA.Rank = 4
	if _, err := New(hosttest.Device(t), tinyModel(), c, testData(t, c, 50, checkpoint.Cursor{})); err == nil || !strings.Contains(err.Error(), "need a model to adapt") {
		t.Errorf("without a base: %v", err)
	}
}

// Whatever fails on the way to a trainer leaves nothing on the device.
func TestNothingIsLeftBehind(t *testing.T) {
	base, dev := pretrained(t, 1), hosttest.Device(t)
	_, before, _ := dev.Ledger()
	s := stages[1]
	trainer, err := s.begin(t, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	trainer.Release()
	if _, after, _ := dev.Ledger(); after != before {
		t.Errorf("a released trainer leaves %d bytes", after-before)
	}
	cut := base[:len(base)/2]
	for name, wrong := range map[string]func(c *Config, d *Data){
		"a target": func(c *Config, d *Data) { c.LoRA.Targets = "head" },
		"cut short": func(c *Config, d *Data) {
			r, _ := checkpoint.NewReader(bytes.NewReader(cut), int64(len(base)))
			d.From = r
		},
		"long rows": func(c *Config, d *Data) { c.MaxSeqLen = 100_000 },
		"kernels":   func(c *Config, d *Data) { d.Kernels = map[string]string{"matmul_forward": "cpu TM=x"} },
	} {
		c := testConfig()
		s.config(&c)
		d := testData(t, c, 50, checkpoint.Cursor{})
		d.From = open(t, base)
		wrong(&c, &d)
		if _, err := New(dev, open(t, base).Header.Model, c, d); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, after, _ := dev.Ledger(); after != before {
			t.Errorf("%s: %d bytes are left", name, after-before)
		}
	}
}
