//go:build !js

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/metrics"
	"github.com/minimind-gpu/minimind-gpu/nn/train/diagnose"
)

type sweepCommand struct {
	File string `arg:"" name:"sweep.yaml" help:"What to run: command, set, grid or random, halving; docs/tuning.md describes them."`
	Out  string `placeholder:"DIR" help:"Folder of all the runs; an unfinished sweep in it goes on. Default: runs/NAME-OF-THE-FILE."`
}

// What a sweep's folder holds, besides its runs.
const (
	sweepRecord  = "sweep.yaml"
	sweepReport  = "report.html"
	sweepPicture = "curves.png"
)

// Run runs the sweep, one run after the other.
func (c *sweepCommand) Run(p *program) error {
	text, file, runs, err := readSweep(c.File)
	if err != nil {
		return err
	}
	if c.Out == "" {
		base := filepath.Base(c.File)
		c.Out = filepath.Join("runs", strings.TrimSuffix(base, filepath.Ext(base)))
	}
	s := &sweep{program: p, dir: c.Out, file: file, start: time.Now()}
	if err := s.begin(text); err != nil {
		return err
	}
	for i := range runs {
		s.results = append(s.results, &sweepResult{sweepRun: runs[i], dir: filepath.Join(c.Out, runs[i].name)})
	}
	if err := s.runAll(); err != nil {
		return err
	}
	return s.report()
}

// sweep is a sweep in progress.
type sweep struct {
	*program
	dir     string
	file    sweepFile
	results []*sweepResult
	start   time.Time
}

// sweepResult is what came out of a run.
type sweepResult struct {
	sweepRun
	dir        string
	status     string // finished, stopped at step N, failed
	problem    string // why it failed
	steps      int64
	seconds    float64
	loss       float64 // mean over the last tenth of the steps
	validation float64 // the last; 0: none
	stability  int
}

// begin makes the folder, or makes sure that the one that is there is of the same sweep.
func (s *sweep) begin(text []byte) error {
	record := filepath.Join(s.dir, sweepRecord)
	was, err := os.ReadFile(record)
	switch {
	case err == nil && !bytes.Equal(was, text):
		return fmt.Errorf("%s holds another sweep (its %s differs): choose another --out", s.dir, sweepRecord)
	case err == nil:
		s.say("going on with the sweep in %s", s.dir)
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return fmt.Errorf("cannot make the sweep's folder: %w", err)
	}
	return s.saveAtomically(record, writeBytes(text))
}

// runAll runs all runs to their ends, or rung by rung.
func (s *sweep) runAll() error {
	going := slices.Clone(s.results)
	var rungs []int64
	if s.file.Halving != nil {
		rungs = s.file.Halving.Rungs
	}
	for _, rung := range append(slices.Clone(rungs), math.MaxInt64) {
		for i, r := range going {
			if err := s.runOne(r, rung, fmt.Sprintf("%d of %d", i+1, len(going))); err != nil {
				return err
			}
		}
		if rung == math.MaxInt64 {
			return nil
		}
		going = slices.DeleteFunc(going, func(r *sweepResult) bool { return r.problem != "" })
		slices.SortStableFunc(going, func(a, b *sweepResult) int { return cmp.Compare(lossAt(a.dir, rung), lossAt(b.dir, rung)) })
		keep := max(int(math.Ceil(s.file.Halving.Keep*float64(len(going)))), 1)
		for _, r := range going[min(keep, len(going)):] {
			r.status = fmt.Sprintf("stopped at step %d", rung)
			s.say("         %s is stopped after step %d: loss %.4f", r.name, rung, lossAt(r.dir, rung))
		}
		going = going[:min(keep, len(going))]
	}
	return nil
}

// runOne brings a run to a step, or to its end, from wherever it is.
func (s *sweep) runOne(r *sweepResult, rung int64, which string) error {
	args := append(slices.Clone(r.args), "--out="+r.dir)
	opened, err := openRun(r.dir)
	if err == nil {
		state := opened.reader.Header.State
		opened.close()
		if state.Step >= state.TotalSteps || state.EarlyStop.Stopped || state.Step >= rung {
			s.say("run %s  %s has been run to step %d", which, r.name, state.Step)
			return r.read(s)
		}
		args = append(args, "--resume="+r.dir)
	} else if len(checkpointSteps(filepath.Join(r.dir, checkpointsFolder))) == 0 { // killed before its first checkpoint
		if err := os.RemoveAll(r.dir); err != nil {
			return err
		}
	}
	s.say("run %s  %s", which, r.name)
	log, err := os.OpenFile(r.dir+".log", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer log.Close()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	child := &program{ctx: ctx, stdin: strings.NewReader(""), stdout: log, stderr: log, create: s.create, stopAfter: rung, stop: cancel}
	code := child.run(args)
	switch {
	case s.ctx.Err() != nil:
		s.say("interrupted; go on by the same command")
		return errInterrupted
	case code != 0 && code != exitInterrupted:
		r.status, r.problem = "failed", endOfLog(r.dir+".log")
		s.say("         failed: %s", r.problem)
		return nil
	}
	if err := r.read(s); err != nil {
		return err
	}
	if rung == math.MaxInt64 {
		s.say("         loss %.4f, validation %.4f, %s", r.loss, r.validation, clock(r.seconds))
	}
	return nil
}

// read takes what the run's folder says.
func (r *sweepResult) read(s *sweep) error {
	records, _, err := readRun(r.dir)
	if err != nil {
		return err
	}
	last := records[len(records)-1]
	r.status, r.steps, r.seconds, r.stability = "finished", last.Step, last.Seconds, diagnose.Stability(records)
	r.loss = lossOf(records)
	for _, record := range records {
		if record.ValidationLoss > 0 {
			r.validation = record.ValidationLoss
		}
	}
	return nil
}

// lossOf is the mean loss of the last tenth of the steps.
func lossOf(records []metrics.Record) float64 {
	n := max(len(records)/10, 1)
	sum := 0.0
	for _, r := range records[len(records)-n:] {
		sum += r.Loss
	}
	return sum / float64(n)
}

// lossAt is what a run is judged by at a rung: the mean loss of the tenth of its steps before it. A run that has no number
// there is behind all others.
func lossAt(dir string, rung int64) float64 {
	records, _, err := readRun(dir)
	if err != nil {
		return math.Inf(1)
	}
	records = slices.DeleteFunc(records, func(r metrics.Record) bool { return r.Step > rung })
	if len(records) == 0 {
		return math.Inf(1)
	}
	if loss := lossOf(records); !math.IsNaN(loss) {
		return loss
	}
	return math.Inf(1)
}

// endOfLog is the last line of a log that is not empty, without the program's name.
func endOfLog(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "minimind-gpu: ")
}
