//go:build !js

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// dataFlags say what is learnt from, and on what.
type dataFlags struct {
	Data    string `aliases:"data-path" placeholder:"FILE" help:"${data_help}"`
	Adapter string `placeholder:"GPU" help:"${adapter_help}"`
}

// runFlags are what all training commands have.
type runFlags struct {
	dataFlags    `embed:""`
	Out          string     `placeholder:"DIR" help:"Folder of the run. Default: runs/DATE-TIME-NAME."`
	Config       string     `placeholder:"FILE" help:"YAML file with any of these settings; flags win over it."`
	Resume       string     `placeholder:"RUN" help:"Go on with a run: its folder, or one of its checkpoints."`
	Keep         int        `default:"3" help:"Checkpoints to keep, besides the best."`
	SamplePrompt []string   `placeholder:"TEXT" sep:"none" help:"${sample_help}"`
	Watch        bool       `help:"Open a window that follows the curves; Ctrl-C closes it, too."`
	Training     trainFlags `embed:""`
}

// stage is what a training command has of its own.
type stage struct {
	command   string
	name      string      // of the run's folder, after its time
	embedded  *textSource // the data that is learnt from when no other is given
	rate      float64     // largest learning rate, unless it is given
	demoRate  float64     // on the embedded data: small models learn it in a minute
	demoSteps func(host.Info) int
	prompts   []string // samples' beginnings, on the embedded data
	// open finds the model that is trained and its tokenizer, and with conversations how they become tokens: model, tok,
	// tokJSON, and chat and from where there are any.
	open      func(*training) error
	configure func(*train.Config) // adds what the command's own flags say; nil: they say nothing
	needsBase bool                // a run that goes on needs the model that it began with, too
	tags      []string            // texts in answers that weigh more
	tagWeight float64             // how much
	filled    func(*training)     // lets flags say all before they are recorded; nil: they do
}

// training is a run in progress.
type training struct {
	*program
	stage
	flags     *runFlags
	device    *host.Device
	memory    adapterMemory
	model     config.Model
	called    string // the model's name and a colon; empty for one without
	remark    string // on the model
	tok       *tokenizer.Tokenizer
	tokJSON   []byte
	chat      *chatFormat // nil for texts
	from      *openedCheckpoint
	teacher   *openedCheckpoint // of a distillation
	shard     *shardFile
	stream    *data.Stream
	documents int // to train on
	folder    *runFolder
	trainer   *train.Trainer
	resumed   *openedCheckpoint // nil for a new run
	sampler   *sampler
	progress  *progress
	doctor    *doctor
	done      int64 // steps
	unsaved   error // why the last checkpoint could not be saved
}

// run trains.
func (p *program) train(s stage, flags *runFlags, settings *kong.Context) error {
	r := &training{program: p, stage: s, flags: flags, progress: newProgress(p.stderr)}
	defer r.close()
	if err := r.prepareInTurn(settings); err != nil {
		return err
	}
	r.announce()
	r.watch()
	if err := r.loop(); err != nil {
		return r.explain(err)
	}
	return r.finish()
}

// prepareInTurn prepares the run while no other of its sweep does: they may make the same files.
func (r *training) prepareInTurn(settings *kong.Context) error {
	defer r.seat.prepare()()
	if r.ctx.Err() != nil {
		return errInterrupted
	}
	return r.prepare(settings)
}

// prepare opens everything that the run needs, in an order that fails early and leaves nothing behind.
func (r *training) prepare(settings *kong.Context) (err error) {
	f := r.flags
	if name := f.Training.SchedulePlot; name != "" {
		if err := checkPicture("--schedule-plot", name); err != nil {
			return err
		}
	}
	if f.Keep < 1 {
		return fmt.Errorf("--keep is %d: at least 1 checkpoint is kept", f.Keep)
	}
	if f.Resume != "" {
		if r.resumed, err = openResumePoint(f.Resume, settings); err != nil {
			return err
		}
		defer r.resumed.close()
	}
	err = r.open(r)
	for _, c := range []*openedCheckpoint{r.from, r.teacher} {
		if c != nil {
			defer c.close()
		}
	}
	if err != nil {
		return err
	}
	if f.Out == "" {
		f.Out = filepath.Join("runs", time.Now().Format("20060102-150405-")+r.name)
	}
	if r.resumed != nil && r.resumed.dir != "" {
		r.folder = &runFolder{p: r.program, dir: r.resumed.dir, keep: f.Keep}
	} else if r.folder, err = r.newRun(f.Out, f.Keep); err != nil {
		return err
	}
	if err := r.assemble(); err != nil {
		return err
	}
	if r.sampler, err = r.newSampler(); err != nil {
		return err
	}
	if r.resumed != nil {
		r.done = r.resumed.reader.Header.State.Step
	}
	if r.resumed == nil || r.resumed.dir == "" {
		if r.filled != nil {
			r.filled(r)
		}
		if err := r.folder.create(settingsOf(settings), r.tokJSON, r.chat); err != nil {
			return err
		}
	}
	if err := r.folder.open(r.done); err != nil {
		return fmt.Errorf("cannot write in the run's folder: %w; resume a copy of it that may be written", err)
	}
	return nil
}

// assemble opens the device and the data, and makes the trainer.
func (r *training) assemble() (err error) {
	if r.device, err = host.Open(host.Options{Adapter: r.flags.Adapter}); err != nil {
		return err
	}
	r.defaults()
	if err := r.fit(); err != nil {
		return err
	}
	if err := r.config().Validate(); err != nil {
		return fmt.Errorf("these settings cannot be: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if err := r.openData(); err != nil {
		return err
	}
	return r.makeTrainer()
}

// defaults sets what depends on the data and the adapter.
func (r *training) defaults() {
	f := &r.flags.Training
	rate := r.rate
	if r.flags.Data == "" {
		rate = r.demoRate
		if f.MaxSteps == 0 {
			f.MaxSteps = r.demoSteps(r.device.Info)
		}
	}
	if f.LearningRate == nil {
		f.LearningRate = &rate
	}
}

// config is the run's configuration.
func (r *training) config() train.Config {
	c := r.flags.Training.config()
	c.Stage = r.command
	if r.configure != nil {
		r.configure(&c)
	}
	return c
}

// teacherModel is nil without a teacher.
func (r *training) teacherModel() *config.Model {
	if r.teacher == nil {
		return nil
	}
	return &r.teacher.reader.Header.Model
}

// openData opens the data's shard, after making it if need be.
func (r *training) openData() (err error) {
	src := r.embedded
	if f := r.flags; f.Data != "" {
		if src, err = fileSource(f.Data, r.embedded.kind); err != nil {
			return err
		}
		if f.Data, err = filepath.Abs(f.Data); err != nil { // as it is recorded, for a resume from another folder
			return err
		}
	}
	r.shard, err = r.program.prepare(src, r.tok, r.chat)
	return err
}

// makeTrainer splits the data and builds the trainer, with fresh weights, those of a model, or those of the checkpoint
// that it goes on from.
func (r *training) makeTrainer() error {
	c := r.config()
	learnt, held := data.Split(r.shard.Shard, c.ValidationShare, c.Seed)
	r.documents = learnt.Documents()
	layout := data.Layout{T: c.MaxSeqLen, Pad: c.Pad, TagWeight: r.tagWeight, Shuffle: true, Seed: c.Seed}
	var err error
	if r.stream, err = learnt.Stream(layout, data.Cursor{}); err != nil {
		return fmt.Errorf("%s: %w", r.dataName(), err)
	}
	d := train.Data{Train: r.stream, Tokenizer: r.tok, Source: r.shard.Source()}
	if held.Documents() > 0 {
		layout.Shuffle = false
		stream, err := held.Stream(layout, data.Cursor{})
		if err != nil {
			return fmt.Errorf("%s: the part held out for validation: %w", r.dataName(), err)
		}
		d.Validation = stream
	}
	if r.from != nil {
		d.From = r.from.reader
	}
	if r.teacher != nil {
		d.Teacher = r.teacher.reader
	}
	d.Progress = func(share float64) error {
		r.progress.show(share, share == 1, func() string { return fmt.Sprintf("asking the model as it is about all pairs: %.0f %%", 100*share) })
		if r.ctx.Err() != nil {
			return errInterrupted
		}
		return nil
	}
	if r.resumed != nil {
		r.trainer, err = train.Resume(r.device, r.resumed.reader, c, d)
		return err
	}
	r.trainer, err = r.program.newTrainer(r.device, r.model, c, d)
	return err
}

func (r *training) dataName() string {
	if r.flags.Data == "" {
		return r.embedded.name
	}
	return r.flags.Data
}

// loop trains: each step is shown and recorded, and once in a while sampled and saved.
func (r *training) loop() error {
	line := statusLine{flops: r.trainer.FlopsPerToken(), peak: peakFlops(r.device.Info), device: r.device}
	doctor, err := r.newDoctor()
	if err != nil {
		return err
	}
	for s, err := range r.trainer.Run(r.ctx) {
		if err != nil {
			return err
		}
		finding := doctor.see(s)
		if s.RolledBack {
			if err := r.rollBack(s); err != nil {
				return err
			}
			continue
		}
		r.done = s.Step
		tokensPerSecond := line.update(s)
		if err := r.folder.record(s, tokensPerSecond); err != nil {
			return err
		}
		r.progress.show(float64(s.Step)/float64(s.Steps), s.Last, line.String)
		if finding != "" {
			r.progress.clear()
			r.say("doctor      step %d: %s", s.Step, finding)
		}
		if s.SampleDue {
			if err := r.sample(s.Step); err != nil {
				return err
			}
		}
		r.save(s)
		r.seat.see(s)
	}
	return nil
}
