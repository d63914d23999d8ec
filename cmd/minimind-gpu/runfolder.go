//go:build !js

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// What a run folder holds.
const (
	configFile        = runs.ConfigFile
	tokenizerFile     = "tokenizer.json"
	metricsFile       = runs.MetricsFile
	samplesFile       = "samples.txt"
	checkpointsFolder = "checkpoints"
	bestFile          = "best.ckpt"
	templateFile      = "chat_template.jinja" // of runs with a template of their own
)

// runFolder is where a run keeps its settings, metrics, samples and checkpoints.
type runFolder struct {
	p       *program
	dir     string
	keep    int      // checkpoints kept, besides the best
	metrics *os.File // a JSON line a step
	samples *os.File
	events  *eventWriter
	latest  string  // the newest checkpoint of this sitting
	seconds float64 // of training in earlier sittings
}

// newRun is a folder for a new run, which is not made yet.
func (p *program) newRun(dir string, keep int) (*runFolder, error) {
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		return nil, fmt.Errorf("%s already holds a run: go on with it by --resume %s, or choose another --out", dir, dir)
	}
	return &runFolder{p: p, dir: dir, keep: keep}, nil
}

// create makes the folder with the settings, the tokenizer and the chat template, if it is no usual one.
func (r *runFolder) create(settings yaml.MapSlice, tokenizer []byte, chat *chatFormat) error {
	if err := os.MkdirAll(filepath.Join(r.dir, checkpointsFolder), 0o777); err != nil {
		return fmt.Errorf("cannot make the run's folder: %w; choose another by --out", err)
	}
	text, err := yaml.Marshal(settings)
	if err != nil {
		return err
	}
	if err := r.p.saveAtomically(filepath.Join(r.dir, tokenizerFile), writeBytes(tokenizer)); err != nil {
		return err
	}
	if chat != nil && chat.template != nil {
		if err := r.p.saveAtomically(filepath.Join(r.dir, templateFile), writeBytes(chat.template)); err != nil {
			return err
		}
	}
	return r.p.saveAtomically(filepath.Join(r.dir, configFile), writeBytes(text))
}

func writeBytes(b []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(b); return err }
}

// open opens metrics, samples and events to go on after the given step: what an interrupted run wrote about later
// steps is cut off, since they will be done again.
func (r *runFolder) open(step int64) (err error) {
	stepOfMetrics := func(line []byte) (int64, bool) {
		var m metrics.Record
		err := json.Unmarshal(line, &m)
		if err == nil && m.Step <= step {
			r.seconds = m.Seconds
		}
		return m.Step, err == nil
	}
	stepOfSamples := func(line []byte) (step int64, ok bool) {
		_, err := fmt.Sscanf(string(line), samplesHeading, &step)
		return step, err == nil
	}
	if r.metrics, err = openAfterStep(filepath.Join(r.dir, metricsFile), step, stepOfMetrics); err != nil {
		return err
	}
	if r.samples, err = openAfterStep(filepath.Join(r.dir, samplesFile), step, stepOfSamples); err != nil {
		return err
	}
	r.events, err = newEventWriter(r.dir, step)
	leftovers, _ := filepath.Glob(filepath.Join(r.dir, checkpointsFolder, "*"+temporary))
	for _, name := range leftovers {
		os.Remove(name)
	}
	return err
}

// reopen cuts off what was written about steps after the given one, which will be done again.
func (r *runFolder) reopen(step int64) error {
	seconds := r.seconds
	if err := r.close(); err != nil {
		return err
	}
	err := r.open(step)
	r.seconds = seconds // the clock of this sitting goes on
	return err
}

// openAfterStep opens a file for appending, cut off before the first line that is of a later step or not whole.
func openAfterStep(name string, step int64, stepOf func(line []byte) (int64, bool)) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewReader(f)
	var end int64
	for {
		line, err := lines.ReadBytes('\n')
		if s, ok := stepOf(line); err != nil || ok && s > step {
			break
		}
		end += int64(len(line))
	}
	if err := f.Truncate(end); err != nil {
		return nil, err
	}
	_, err = f.Seek(end, io.SeekStart)
	return f, err
}

// save writes a checkpoint of the trainer's state after the step, and removes those that are too many. best says that
// its validation loss is the lowest so far.
func (r *runFolder) save(t *train.Trainer, step int64, best bool) error {
	folder := filepath.Join(r.dir, checkpointsFolder)
	name := filepath.Join(folder, fmt.Sprintf(checkpointName, step))
	if err := r.p.saveAtomically(name, t.Save); err != nil {
		return err
	}
	r.latest = name
	if best {
		if err := r.linkBest(name); err != nil {
			return err
		}
	}
	// Those of later steps belong to a run that was resumed from before them: they are not counted, nor removed.
	saved := slices.DeleteFunc(checkpointSteps(folder), func(s int64) bool { return s > step })
	for len(saved) > r.keep {
		os.Remove(filepath.Join(folder, fmt.Sprintf(checkpointName, saved[0])))
		saved = saved[1:]
	}
	return nil
}

// saveBest writes best.ckpt at a step at which no other checkpoint is due: the last ones stay.
func (r *runFolder) saveBest(t *train.Trainer) error {
	return r.p.saveAtomically(filepath.Join(r.dir, checkpointsFolder, bestFile), t.Save)
}

// linkBest lets best.ckpt be the named checkpoint: the same file where the file system can, else a copy.
func (r *runFolder) linkBest(name string) error {
	best := filepath.Join(filepath.Dir(name), bestFile)
	os.Remove(best + temporary)
	if os.Link(name, best+temporary) == nil {
		return os.Rename(best+temporary, best)
	}
	return r.p.saveAtomically(best, func(w io.Writer) error {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

const checkpointName = "step-%08d.ckpt"

// checkpointSteps lists the steps that a folder has checkpoints of, in order.
func checkpointSteps(folder string) []int64 {
	entries, _ := os.ReadDir(folder)
	var steps []int64
	for _, e := range entries {
		var step int64
		if _, err := fmt.Sscanf(e.Name(), checkpointName, &step); err == nil && !strings.HasSuffix(e.Name(), temporary) {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps
}

// findCheckpoint takes a run folder, whose newest checkpoint it finds, or a checkpoint file. dir is the run's folder,
// empty for a file that is in none, such as one from the page.
func findCheckpoint(path string) (dir, file string, err error) {
	stat, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("%s: there is no such run folder or checkpoint file", path)
	}
	if err != nil {
		return "", "", err
	}
	if !stat.IsDir() {
		dir = filepath.Dir(filepath.Dir(filepath.Clean(path)))
		if _, err := os.Stat(filepath.Join(dir, configFile)); err != nil {
			dir = ""
		}
		return dir, path, nil
	}
	folder := filepath.Join(path, checkpointsFolder)
	steps := checkpointSteps(folder)
	if len(steps) == 0 {
		return "", "", fmt.Errorf("%s holds no checkpoint in its folder %s: it is not a run, or one that stopped before its first", path, checkpointsFolder)
	}
	return path, filepath.Join(folder, fmt.Sprintf(checkpointName, steps[len(steps)-1])), nil
}

// close closes what open has opened.
func (r *runFolder) close() error {
	if r.events == nil {
		return nil
	}
	return errors.Join(r.metrics.Close(), r.samples.Close(), r.events.close())
}
