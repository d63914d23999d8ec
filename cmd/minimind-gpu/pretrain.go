//go:build !js

package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

type pretrainCommand struct {
	Data         string     `aliases:"data-path" placeholder:"FILE" help:"Text to learn from: .jsonl with {\"text\": ...} lines, or .txt with empty lines between documents. Default: the embedded corpus."`
	Tokenizer    string     `aliases:"tokenizer-path" placeholder:"FILE" help:"A tokenizer.json with byte-level BPE. Default: the embedded one, of 512 tokens."`
	Preset       string     `default:"tiny" help:"The model; info lists them."`
	Adapter      string     `help:"GPU to use: a part of its name, its number in info, cpu or gpu. Default: the fastest kind."`
	Out          string     `placeholder:"DIR" help:"Folder of the run. Default: runs/DATE-TIME-PRESET."`
	Config       string     `placeholder:"FILE" help:"YAML file with any of these settings; flags win over it."`
	Resume       string     `placeholder:"RUN" help:"Go on with a run: its folder, or one of its checkpoints."`
	Keep         int        `default:"3" help:"Checkpoints to keep, besides the best."`
	SamplePrompt []string   `placeholder:"TEXT" sep:"none" help:"Beginning of a sample; may be given more than once."`
	Watch        bool       `help:"Open a window that follows the curves; Ctrl-C closes it, too."`
	Training     trainFlags `embed:""`
	Model        modelFlags `embed:""`
}

// Run trains.
func (c *pretrainCommand) Run(p *program, settings *kong.Context) error {
	run := &pretraining{program: p, command: c, progress: newProgress(p.stderr)}
	defer run.close()
	if err := run.prepare(settings); err != nil {
		return err
	}
	run.announce()
	run.watch()
	if err := run.train(); err != nil {
		return run.explain(err)
	}
	return run.finish()
}

// pretraining is a run in progress.
type pretraining struct {
	*program
	command          *pretrainCommand
	device           *host.Device
	model            config.Model
	tok              *tokenizer.Tokenizer
	tokJSON          []byte
	shard            *shardFile
	documents, pairs int64 // to train on
	folder           *runFolder
	trainer          *train.Trainer
	resumed          *resumePoint // nil for a new run
	sampler          *generate.Generator
	progress         *progress
	done             int64 // steps
	unsaved          error // why the last checkpoint could not be saved
}

// prepare opens everything that the run needs, in an order that fails early and leaves nothing behind.
func (r *pretraining) prepare(settings *kong.Context) (err error) {
	c := r.command
	if c.Keep < 1 {
		return fmt.Errorf("--keep is %d: at least 1 checkpoint is kept", c.Keep)
	}
	if c.Resume != "" {
		if r.resumed, err = openResumePoint(c.Resume, settings); err != nil {
			return err
		}
		defer r.resumed.close()
	}
	if err := r.loadTokenizer(); err != nil {
		return err
	}
	if r.resumed != nil {
		r.model = r.resumed.reader.Header.Model
	} else if r.model, err = c.Model.model(c.Preset, r.tok.VocabSize()); err != nil {
		return err
	}
	if c.Out == "" {
		c.Out = filepath.Join("runs", time.Now().Format("20060102-150405-")+c.Preset)
	}
	if r.resumed != nil && r.resumed.dir != "" {
		r.folder = &runFolder{p: r.program, dir: r.resumed.dir, keep: c.Keep}
	} else if r.folder, err = r.newRun(c.Out, c.Keep); err != nil {
		return err
	}
	if r.device, err = host.Open(host.Options{Adapter: c.Adapter}); err != nil {
		return err
	}
	if c.Data == "" && c.Training.MaxSteps == 0 {
		c.Training.MaxSteps = demoSteps(r.device.Info)
	}
	if err := r.fit(r.device.Info, r.model, &c.Training); err != nil {
		return err
	}
	if err := c.Training.config().Validate(); err != nil {
		return fmt.Errorf("these settings cannot be: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if err := r.openData(); err != nil {
		return err
	}
	if err := r.makeTrainer(); err != nil {
		return err
	}
	if r.sampler, err = newGenerator(r.trainer.Model(), r.tok, r.prompts(), sampleOptions.MaxNewTokens); err != nil {
		return err
	}
	if r.resumed != nil {
		r.done = r.resumed.reader.Header.State.Step
	}
	if r.resumed == nil || r.resumed.dir == "" {
		c.Model.fill(r.model)
		if err := r.folder.create(settingsOf(settings), r.tokJSON); err != nil {
			return err
		}
	}
	return r.folder.open(r.done)
}

// openData opens the text's shard, after making it if need be.
func (r *pretraining) openData() (err error) {
	c := r.command
	text := corpusSource()
	if c.Data != "" {
		if text, err = fileSource(c.Data); err != nil {
			return err
		}
		if c.Data, err = filepath.Abs(c.Data); err != nil { // as it is recorded, for a resume from another folder
			return err
		}
	}
	r.shard, err = r.program.prepare(text, r.tok)
	return err
}

// loadTokenizer takes the tokenizer that is named, that of the resumed run, or the embedded one.
func (r *pretraining) loadTokenizer() (err error) {
	switch {
	case r.command.Tokenizer != "":
		r.tok, r.tokJSON, err = readTokenizer(r.command.Tokenizer)
		if err == nil && r.resumed != nil && r.tok.Hash() != r.resumed.reader.Header.TokenizerHash {
			err = fmt.Errorf("%s is another tokenizer than the run's: leave --tokenizer out, the checkpoint holds its own", r.command.Tokenizer)
		}
		return err
	case r.resumed != nil:
		r.tokJSON = r.resumed.reader.Header.Tokenizer
		if r.tok, err = tokenizer.Load(bytes.NewReader(r.tokJSON)); err != nil {
			err = fmt.Errorf("%s: its %w", r.resumed.file, err)
		}
		return err
	}
	r.tok = corpus.Tokenizer()
	var text bytes.Buffer
	err = r.tok.WriteJSON(&text)
	r.tokJSON = text.Bytes()
	return err
}

// makeTrainer splits the data and builds the trainer, with fresh weights or those of the checkpoint.
func (r *pretraining) makeTrainer() error {
	c := r.command.Training.config()
	training, held := data.Split(r.shard.Shard, c.ValidationShare, c.Seed)
	r.documents, r.pairs = int64(training.Documents()), training.Pairs()
	var at data.Cursor
	if r.resumed != nil {
		at = data.Cursor(r.resumed.reader.Header.State.Cursor)
	}
	d := train.Data{Tokenizer: r.tok, Source: r.shard.SourceHash}
	var err error
	if d.Train, err = training.Stream(data.Layout{T: c.MaxSeqLen, Pad: c.Pad, Shuffle: true, Seed: c.Seed}, at); err != nil {
		return fmt.Errorf("%s: %w", r.dataName(), err)
	}
	if held.Documents() > 0 {
		if d.Validation, err = held.Stream(data.Layout{T: c.MaxSeqLen, Pad: c.Pad}, data.Cursor{}); err != nil {
			return err
		}
	}
	if r.resumed != nil {
		r.trainer, err = train.Resume(r.device, r.resumed.reader, c, d)
		return err
	}
	r.trainer, err = r.program.newTrainer(r.device, r.model, c, d)
	return err
}

func (r *pretraining) dataName() string {
	if r.command.Data == "" {
		return "the embedded corpus"
	}
	return r.command.Data
}

// demoSteps is how many steps of the demo take about a minute. It depends on nothing but the kind of adapter, so that
// two runs on one machine are the same.
func demoSteps(adapter host.Info) int {
	if adapter.CPU {
		return 220
	}
	return 2000
}

// announce says what will be done, and with what.
func (r *pretraining) announce() {
	c := r.command
	preset, _ := config.Preset(c.Preset)
	r.say("adapter    %s", r.device.Info)
	r.say("model      %s: %d parameters, %d layers of width %d, vocabulary %d", c.Preset, r.model.NumParameters(),
		r.model.NumHiddenLayers, r.model.HiddenSize, r.model.VocabSize)
	if preset.VocabSize != r.model.VocabSize {
		r.say("           (the preset's vocabulary is %d; a model has its tokenizer's)", preset.VocabSize)
	}
	made := ""
	if !r.shard.Prepared {
		made = ", tokenised before"
	}
	r.say("data       %s: %d documents, %s tokens%s; %d documents to train on", r.dataName(), r.shard.Documents, thousands(float64(r.shard.Tokens)), made, r.documents)
	perStep := c.Training.BatchSize * c.Training.AccumulationSteps * c.Training.MaxSeqLen
	epochs := float64(r.trainer.Steps()) * float64(perStep) / float64(max(r.pairs, 1))
	r.say("steps      %d of %d x %d x %d = %d tokens, about %.2f epochs", r.trainer.Steps(), c.Training.AccumulationSteps,
		c.Training.BatchSize, c.Training.MaxSeqLen, perStep, epochs)
	r.say("schedule   %s", describeSchedule(r.trainer.Schedule()))
	entries, total, _ := r.device.Ledger()
	var parts []string
	for _, e := range entries {
		parts = append(parts, e.Purpose+" "+host.Bytes(e.Bytes))
	}
	r.say("memory     %s: %s", host.Bytes(total), strings.Join(parts, ", "))
	r.say("run        %s", r.folder.dir)
	if r.resumed != nil {
		r.say("resumed    from %s, after step %d", r.resumed.file, r.resumed.reader.Header.State.Step)
	}
}

// train runs the loop: each step is shown and recorded, and once in a while sampled and saved.
func (r *pretraining) train() error {
	line := statusLine{flops: r.model.FlopsPerToken(r.command.Training.MaxSeqLen), peak: peakFlops(r.device.Info), device: r.device}
	for s, err := range r.trainer.Run(r.ctx) {
		if err != nil {
			return err
		}
		r.done = s.Step
		tokensPerSecond := line.update(s)
		if err := r.folder.record(s, tokensPerSecond); err != nil {
			return err
		}
		r.progress.show(float64(s.Step)/float64(s.Steps), s.Last, line.String)
		if s.SampleDue {
			if err := r.sample(s.Step); err != nil {
				return err
			}
		}
		if s.SaveDue {
			r.save(s)
		}
	}
	return nil
}
