//go:build js

package main

import (
	"bytes"
	"io"
	"math"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/data"
	"github.com/minimind-gpu/minimind-gpu/nn/generate"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// run is a training run, at rest or not.
type run struct {
	record   *message.Run
	settings settings
	text     *text
	tok      *tokenizer.Tokenizer
	model    config.Model
	from     []byte // the model that it begins with, until the run is saved; nil: fresh weights
	trainer  *train.Trainer
	writer   *generate.Generator
	step     int64 // that was reported last
	ended    bool
	unsaved  bool
	warned   bool          // the visitor was told that it is not saved
	slot     int           // of the store, that it is saved in next
	saved    time.Time     // when it was saved last
	saving   time.Duration // how long that took

	began    float64 // seconds of training before this stretch
	drawn    int     // points that the charts have
	reported time.Time
	speed    speed
	last     train.Step
	held     float64 // loss of the last validation; 0: none yet
	sampled  time.Time
	sampling time.Duration
	judged   time.Time
	judging  time.Duration
	heapAt   time.Time
	heap     int
}

// release gives the device's memory back.
func (r *run) release() {
	if r.writer != nil {
		r.writer.Release()
		r.writer = nil
	}
	if r.trainer != nil {
		r.trainer.Release()
		r.trainer = nil
	}
}

// start begins a new run.
func (t *trainer) start(r request) error {
	s, err := parseSettings(r.text("settings"))
	if err != nil {
		return err
	}
	t.state("preparing")
	if err := t.settle(r); err != nil {
		return err
	}
	if converses(s.Stage) && t.run != nil {
		s = s.sized(t.run.settings)
	}
	txt, err := t.textOf(r, s.Stage)
	if err != nil {
		return err
	}
	begun := newRun(s, txt)
	make, err := begun.plan(t)
	if err == nil && converses(s.Stage) {
		begun.from, err = t.run.copyModel()
	}
	if err != nil {
		t.discard(begun)
		return err
	}
	t.become(begun)
	if err := make(); err != nil {
		return err
	}
	t.runs = append(t.runs, begun.record)
	t.announce()
	t.running, t.rest = true, "paused"
	t.state("running")
	return nil
}

// become makes a run the present one, and gives back what the one before it had.
func (t *trainer) become(r *run) {
	old := t.run
	t.run = r
	if old == nil {
		return
	}
	old.release()
	if old.text != r.text && old.text != t.corpus {
		old.text.close()
	}
	t.tidy()
}

// discard gives back what a run has that came to nothing.
func (t *trainer) discard(r *run) {
	r.release()
	if r.text != t.corpus && (t.run == nil || r == t.run || r.text != t.run.text) {
		r.text.close()
	}
}

// newRun is a run that begins now.
func newRun(s settings, txt *text) *run {
	now := time.Now()
	return &run{settings: s, text: txt, tok: txt.tok, saved: now, record: &message.Run{ID: now.Format("20060102150405.000"),
		Name: now.Format("15:04:05"), Settings: s.json(), Text: txt.name, Shard: txt.kept}}
}

// plan checks all that can be wrong with a new run, and returns what makes its trainer, with its first weights.
func (r *run) plan(t *trainer) (make func() error, err error) {
	c, err := r.settings.config()
	if err != nil {
		return nil, blame(errSettings, err)
	}
	if r.model.VocabSize == 0 { // else the run begins again, on another GPU
		if r.model, err = t.modelFor(r.settings, r.tok); err != nil {
			return nil, blame(errSettings, err)
		}
	}
	m := r.model
	if _, err := t.rehearse(m, c); err != nil {
		return nil, err
	}
	d, err := r.text.data(c, data.Cursor{})
	if err != nil {
		return nil, blame(errFile, err)
	}
	switch {
	case r.settings.Preset == "tiny" && r.settings.Stage == pretrain: // what was tuned for it
		d.Kernels = t.kernels
	case t.alive() && converses(r.settings.Stage) && t.run.settings.tokens() == r.settings.tokens(): // for the same products
		d.Kernels = t.run.trainer.State().Kernels
	}
	c.SampleInterval = math.MaxInt32 // the page samples by the clock
	return func() (err error) {
		if r.from != nil {
			from, close, err := t.beginning(r)
			if err != nil {
				return err
			}
			defer close()
			if d.From, err = openCheckpoint(from); err != nil {
				return err
			}
		}
		r.trainer, err = train.New(t.device, m, c, d)
		return err
	}, nil
}

var errNoModel = worded("there is no model yet that could learn to answer: first train one to write, or load a checkpoint")

// modelFor is the model that the settings describe, or, for conversations, the present one.
func (t *trainer) modelFor(s settings, tok *tokenizer.Tokenizer) (config.Model, error) {
	if !converses(s.Stage) {
		return s.model(tok.VocabSize())
	}
	if !t.alive() {
		return config.Model{}, errNoModel
	}
	return t.run.trainer.Model().Config, nil
}

// alive says that there is a run that can train and speak.
func (t *trainer) alive() bool { return t.run != nil && t.run.trainer != nil }

// saveModel writes the run's model, its adapters merged, as a checkpoint without what training needs.
func (r *run) saveModel(w io.Writer) error {
	var tok bytes.Buffer
	if err := r.tok.WriteJSON(&tok); err != nil {
		return err
	}
	return r.trainer.Model().SaveMerged(w, r.tok.Hash(), tok.Bytes())
}

// copyModel is saveModel into memory, for another run to begin with.
func (r *run) copyModel() ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(4*r.trainer.Model().Config.NumParameters()) + 1<<20)
	err := r.saveModel(&b)
	return b.Bytes(), err
}

// announce tells the page of the run.
func (t *trainer) announce() {
	r := t.run
	m := r.trainer.Model().Config
	post("run", map[string]any{"id": r.record.ID, "name": r.record.Name, "settings": string(r.record.Settings), "text": r.record.Text,
		"parameters": m.NumParameters(), "steps": r.trainer.Steps()})
}

// state tells the page what is going on; "" works it out.
func (t *trainer) state(name string) {
	if name == "" {
		switch {
		case t.running:
			name = "running"
		case !t.alive():
			name = "idle"
		case t.run.ended:
			name = "finished"
		default:
			name = t.rest
		}
	}
	post("state", map[string]any{"state": name})
}

// pause ends the training for now. What was trained is saved by then, as at the end of each stretch.
func (t *trainer) pause(state string) {
	t.running, t.rest = false, state
	if t.run != nil {
		t.save()
		t.state("")
	}
}

// resume makes the trainer of a run that goes on from a checkpoint.
func (r *run) resume(t *trainer, c *checkpoint.Reader) error {
	cfg, err := train.ConfigOf(c.Header.State.Settings)
	if err != nil {
		return blame(errFile, err)
	}
	cfg.SampleInterval = math.MaxInt32
	d, err := r.text.data(cfg, data.Cursor(c.Header.State.Cursor))
	if err != nil {
		return err
	}
	if c.Header.Adapter != nil {
		from, close, err := t.beginning(r)
		if err != nil {
			return blame(errFile, err)
		}
		defer close()
		if d.From, err = openCheckpoint(from); err != nil {
			return blame(errFile, err)
		}
	}
	if r.trainer, err = train.Resume(t.device, c, cfg, d); err != nil {
		if t.device.Err() == nil { // else the file is not to blame
			err = blame(errFile, err)
		}
		return err
	}
	r.step, r.ended = c.Header.State.Step, r.complete()
	for _, p := range r.record.Points {
		if p.Validation != 0 {
			r.held = p.Validation
		}
	}
	return nil
}

// complete says that the run has come to its end.
func (r *run) complete() bool {
	s := r.trainer.State()
	return s.Step >= s.TotalSteps || s.EarlyStop.Stopped
}
