package train

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host/hosttest"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
)

func testConfig() Config {
	return Config{LearningRate: 2e-3, MinLRRatio: 0.1, Warmup: 0.05, Epochs: 1, MaxSteps: 9, BatchSize: 2, AccumulationSteps: 2,
		MaxSeqLen: 24, GradClip: 1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Seed: 3, ValidationShare: 0.1,
		ValidationInterval: 4, SaveInterval: 4, SampleInterval: 9}
}

// testData is a shard of some documents of the corpus, opened at a place.
func testData(t *testing.T, c Config, documents int, at checkpoint.Cursor) Data {
	t.Helper()
	return textData(t, c, slices.Collect(corpus.Documents(1, documents)), at)
}

// textData is a shard of documents, opened at a place.
func textData(t *testing.T, c Config, documents []string, at checkpoint.Cursor) Data {
	t.Helper()
	text := strings.NewReader(strings.Join(documents, "\n\n") + "\n\n")
	tok := corpus.Tokenizer()
	var file bytes.Buffer
	info, err := data.Prepare("corpus.txt", text, data.Text, tok, &file, nil)
	if err != nil {
		t.Fatal(err)
	}
	shard, err := data.OpenShard(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	training, held := data.Split(shard, c.ValidationShare, c.Seed)
	d := Data{Tokenizer: tok, Source: info.SourceHash}
	if d.Train, err = training.Stream(data.Layout{T: c.MaxSeqLen, Shuffle: true, Seed: c.Seed}, data.Cursor(at)); err != nil {
		t.Fatal(err)
	}
	if d.Validation, err = held.Stream(data.Layout{T: c.MaxSeqLen}, data.Cursor{}); err != nil {
		t.Fatal(err)
	}
	return d
}

func tinyModel() config.Model {
	m, err := config.Preset("tiny")
	if err != nil {
		panic(err)
	}
	m.HiddenSize, m.HeadDim, m.IntermediateSize = 32, 8, 64
	return m
}

// run trains to the end, or until after step stop, and returns the steps and the last checkpoint.
func run(t *testing.T, trainer *Trainer, stop int64) (steps []Step, saved []byte) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for s, err := range trainer.Run(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		s.Values = slices.Clone(s.Values)
		steps = append(steps, s)
		if s.SaveDue {
			saved = save(t, trainer)
		}
		if s.Step == stop {
			cancel()
		}
	}
	return steps, saved
}

func save(t *testing.T, trainer *Trainer) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := trainer.Save(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// value is what a step must have measured.
func value(t *testing.T, s Step, name string) float64 {
	t.Helper()
	v, measured := s.Value(name)
	if !measured {
		t.Errorf("step %d has no %s", s.Step, name)
	}
	return v
}

func newTrainer(t *testing.T, c Config) *Trainer {
	t.Helper()
	return newTrainerOf(t, tinyModel(), c)
}

func newTrainerOf(t *testing.T, m config.Model, c Config) *Trainer {
	t.Helper()
	trainer, err := New(hosttest.Device(t), m, c, testData(t, c, 200, checkpoint.Cursor{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trainer.Release)
	return trainer
}

func resume(t *testing.T, c Config, saved []byte, documents int) (*Trainer, error) {
	t.Helper()
	r, err := checkpoint.NewReader(bytes.NewReader(saved), int64(len(saved)))
	if err != nil {
		t.Fatal(err)
	}
	return Resume(hosttest.Device(t), r, c, testData(t, c, documents, r.Header.State.Cursor))
}

// A run that was interrupted and resumed ends in the bytes of the run that was not, and tells the same of its steps; and
// so does the same run once more, though its loop is left now and then and its data fails once. The checkpoint may be of
// before some settings existed.
func TestResumeIsExact(t *testing.T) { testResume(t, tinyModel()) }

func testResume(t *testing.T, m config.Model) {
	t.Helper()
	c := testConfig()
	wantSteps, want := run(t, newTrainerOf(t, m, c), 0)
	againSteps, again := runInPieces(t, newTrainerOf(t, m, c))
	if !bytes.Equal(again, want) {
		t.Error("the same run twice gives two checkpoints")
	}
	sameSteps(t, againSteps, wantSteps)
	begun, saved := run(t, newTrainerOf(t, m, c), 3)
	if last := begun[len(begun)-1]; !last.SaveDue || !last.Last || last.Step == 9 {
		t.Fatalf("an interrupted run ended with %+v", last)
	}
	older := open(t, saved)
	for name := range older.Header.State.Settings {
		if !slices.Contains(first, name) && name != dataSetting {
			delete(older.Header.State.Settings, name)
		}
	}
	resumed, err := Resume(hosttest.Device(t), older, c, testData(t, c, 200, older.Header.State.Cursor))
	if err != nil {
		t.Fatal(err)
	}
	defer resumed.Release()
	rest, got := run(t, resumed, 0)
	if !bytes.Equal(got, want) {
		t.Error("the resumed run's last checkpoint differs")
	}
	sameSteps(t, append(begun, rest...), wantSteps)
}

func sameSteps(t *testing.T, got, want []Step) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d steps, want %d", len(got), len(want))
	}
	for i, s := range got {
		w := want[i]
		if s.Step != w.Step || s.Loss != w.Loss || s.GradNorm != w.GradNorm || s.LearningRate != w.LearningRate || s.Tokens != w.Tokens || s.Epoch != w.Epoch || !slices.Equal(s.Values, w.Values) {
			t.Errorf("step %+v, want %+v", s, w)
		}
	}
}

// What differs from the run is said.
func TestResumeRefuses(t *testing.T) {
	c := testConfig()
	_, saved := run(t, newTrainer(t, c), 1)
	if _, err := resume(t, c, saved, 150); err == nil || !strings.Contains(err.Error(), "this data is not the run's") {
		t.Errorf("other data: %v", err)
	}
	c.LearningRate, c.LRSchedule = 1, "linear"
	if _, err := resume(t, c, saved, 200); err == nil || !strings.Contains(err.Error(), "learning_rate is 1, the run's is 0.002; schedule is linear, the run's is cosine") {
		t.Errorf("another learning rate: %v", err)
	}
	c = testConfig()
	for want, change := range map[string]func(s *checkpoint.State){
		`a setting temperature ("3"), which this program does not know`: func(s *checkpoint.State) { s.Settings["temperature"] = "3" },
		"decay is 0.5, but only the wsd schedule has one":               func(s *checkpoint.State) { s.Settings["decay"] = "0.5" },
		"does not say its run's seed":                                   func(s *checkpoint.State) { delete(s.Settings, "seed") },
		"have 1000000000000 micro-batches":                              func(s *checkpoint.State) { s.Accumulation = 1e12 },
	} {
		r := open(t, saved)
		change(&r.Header.State)
		if _, err := Resume(hosttest.Device(t), r, c, testData(t, c, 200, checkpoint.Cursor{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The loss falls, validation is made when it is due, and the best is marked.
func TestRunLearns(t *testing.T) {
	c := testConfig()
	c.MaxSteps = 40
	steps, _ := run(t, newTrainer(t, c), 0)
	if len(steps) != 40 || !steps[39].Last {
		t.Fatalf("%d steps", len(steps))
	}
	if first, last := steps[0].Loss, steps[39].Loss; math.Abs(first-math.Log(512)-1.0/6) > 0.5 || last > first-1 {
		t.Errorf("loss from %.3f to %.3f", first, last)
	}
	for _, s := range steps {
		if (s.Validation != nil) != (s.Step%4 == 0) {
			t.Errorf("step %d: validation %v", s.Step, s.Validation)
		}
	}
	if v := steps[39].Validation; v == nil || math.Abs(v.Perplexity-math.Exp(v.Loss)) > 1e-9 || v.Tokens == 0 {
		t.Errorf("last validation %+v", v)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := testConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	bad := Config{Warmup: 2.5, MinLRRatio: 2, Beta1: 1, Beta2: 0.999999, GradClip: math.NaN()}
	err := bad.Validate()
	for _, want := range []string{"learning_rate is 0", "min_lr_ratio is 2", "warmup is 2.5", "batch_size is 0", "adam_beta1 is 1", "adam_beta2 is 0.999999: must be from 0 to 0.99999", "grad_clip is NaN", "epochs is 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestConfigOfSettings(t *testing.T) {
	want := testConfig()
	want.Stage, want.LoRA = "lora", config.LoRA{Rank: 4, Alpha: 8, Targets: "q_proj"}
	want.LRSchedule, want.Decay, want.EarlyStop = "wsd", 0.3, EarlyStop{Patience: 3, MinDelta: 0.25}
	got, err := ConfigOf(want.settings())
	want.SaveInterval, want.SampleInterval = 0, 0 // decide nothing about the weights, and are not kept
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for name, value := range map[string]string{"learning_rate": "much", "batch_size": "0", "decay": "0", "rate_of_decay": "0.5"} {
		s := want.settings()
		s[name] = value
		if _, err := ConfigOf(s); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s %s: error %v", name, value, err)
		}
	}
	if _, err := ConfigOf(checkpoint.Settings{}); err == nil || !strings.Contains(err.Error(), "not of a training run") {
		t.Errorf("a configuration of nothing: %v", err)
	}
}

// A caller that breaks off, and be it because the device has failed in the meantime, is left alone.
func TestBreakingOff(t *testing.T) {
	c := testConfig()
	c.AccumulationSteps, c.MaxSteps = 1, 5
	trainer, err := New(hosttest.Open(t), tinyModel(), c, testData(t, c, 20, checkpoint.Cursor{})) // a device of its own, to break
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range trainer.Run(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		trainer.dev.Allocate("other", "block", trainer.dev.Info.Limits.Buffer+1)
		break
	}
	told := 0
	for _, err := range trainer.Run(t.Context()) {
		if err == nil {
			t.Error("a step of a device that has failed")
		}
		told++
	}
	if told != 1 {
		t.Errorf("the error is told %d times", told)
	}
}
