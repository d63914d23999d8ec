//go:build !js

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/minimind-gpu/minimind-gpu/cmd/internal/runs"
	"github.com/minimind-gpu/minimind-gpu/host"
)

type sweepCommand struct {
	File     string `arg:"" name:"sweep.yaml" help:"What to run: command, set, grid or random, halving; docs/tuning.md describes them."`
	Out      string `placeholder:"DIR" help:"Folder of all the runs; an unfinished sweep in it goes on. Default: runs/NAME-OF-THE-FILE."`
	Parallel string `default:"auto" placeholder:"N" help:"Most runs at a time on the device, as far as its memory holds them; each comes out as it does alone. Default: auto, which is 4 on a GPU whose memory is known, else 1."`
	Watch    bool   `help:"Open a window that lays the curves of all runs over one another while they grow; Ctrl-C closes it, too."`
}

// Validate says which options cannot be; kong calls it.
func (c *sweepCommand) Validate() error {
	if n, err := strconv.Atoi(c.Parallel); c.Parallel != autoParallel && (err != nil || n < 1) {
		return fmt.Errorf("--parallel is %s: must be a number of runs, at least 1, or auto", c.Parallel)
	}
	return nil
}

const autoParallel = "auto"

// What a sweep's folder holds, besides its runs.
const (
	sweepRecord  = runs.SweepFile
	sweepReport  = "report.html"
	sweepPicture = "curves.png"
)

// Run runs the sweep.
func (c *sweepCommand) Run(p *program) error {
	text, file, all, err := readSweep(c.File)
	if err != nil {
		return err
	}
	if c.Out == "" {
		base := filepath.Base(c.File)
		c.Out = filepath.Join("runs", strings.TrimSuffix(base, filepath.Ext(base)))
	}
	s := &sweep{program: p, dir: c.Out, file: file, board: board{progress: newProgress(p.stderr), say: p.say},
		room: room{taken: map[*seat]int64{}, freed: make(chan struct{})}}
	if err := s.begin(text); err != nil {
		return err
	}
	for _, run := range all {
		s.results = append(s.results, &sweepResult{sweepRun: run, dir: filepath.Join(c.Out, run.name)})
	}
	if s.atOnce, err = strconv.Atoi(c.Parallel); err != nil {
		s.atOnce = s.chooseParallel()
	}
	if c.Watch {
		if _, err := p.openWindow(usualView, s.dir); err != nil {
			p.say("no window  %v", err)
		}
	}
	if err := s.runAll(); err != nil {
		return err
	}
	return s.report()
}

// sweep is a sweep in progress.
type sweep struct {
	*program
	dir       string
	file      sweepFile
	results   []*sweepResult
	atOnce    int        // runs, at most
	preparing sync.Mutex // held by the run that is being prepared
	room      room
	board     board
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

// chooseParallel is how many runs go at a time unless the user says it. A GPU is seldom busy with one small run, and with
// four it is; a software adapter has no more cores for two.
func (s *sweep) chooseParallel() int {
	device, err := host.Open(host.Options{Adapter: s.results[0].adapter})
	if err != nil {
		return 1 // the first run will say it
	}
	defer device.Close()
	memory, err := s.memoryOf(device.Info, s.results[0].memory)
	if err != nil || device.Info.CPU || memory.bytes == 0 {
		return 1
	}
	n := min(4, len(s.results))
	if n > 1 {
		s.say("up to %d runs at a time, as far as %s hold them; --parallel 1 runs one after the other", n, memory)
	}
	return n
}

// runAll runs all runs to their ends, or rung by rung.
func (s *sweep) runAll() error {
	going := slices.Clone(s.results)
	if h := s.file.Halving; h != nil {
		for _, rung := range h.Rungs {
			if err := s.runTo(going, rung); err != nil {
				return err
			}
			going = s.best(going, rung)
		}
	}
	return s.runTo(going, math.MaxInt64)
}

// runTo brings runs to a step, or to their ends.
func (s *sweep) runTo(going []*sweepResult, rung int64) error {
	s.board.begin(len(going))
	free := make(chan struct{}, s.atOnce)
	var all sync.WaitGroup
	defer all.Wait()
	for i, r := range going {
		free <- struct{}{}
		seat, err := s.seat(r, rung, fmt.Sprintf("%d of %d", i+1, len(going)))
		if err != nil {
			return err
		}
		all.Go(func() {
			if seat != nil {
				seat.train()
			}
			<-free
		})
	}
	all.Wait()
	if s.ctx.Err() != nil {
		s.board.tell("interrupted; go on by the same command")
		return errInterrupted
	}
	return nil
}

// best are those of the runs that go on after a rung. Those that have ended before it are in nobody's way.
func (s *sweep) best(going []*sweepResult, rung int64) []*sweepResult {
	going = slices.DeleteFunc(slices.Clone(going), func(r *sweepResult) bool { return r.problem != "" })
	slices.SortStableFunc(going, func(a, b *sweepResult) int { return cmp.Compare(a.lossAt(rung), b.lossAt(rung)) })
	keep := min(max(int(math.Ceil(s.file.Halving.Keep*float64(len(going)))), 1), len(going))
	for _, r := range going[keep:] {
		if !r.ended {
			r.status = fmt.Sprintf("stopped at step %d", rung)
			s.board.tell("stop         %s after step %d: loss %.4f", r.name, rung, r.lossAt(rung))
		}
	}
	return going[:keep]
}

// seat lets a run that has not come to a step yet take its place, wherever it goes on from. It is nil if there is nothing
// to do: the run has come there, or cannot be gone on with, or the sweep was interrupted.
func (s *sweep) seat(r *sweepResult, rung int64, which string) (*seat, error) {
	if s.ctx.Err() != nil {
		return nil, nil
	}
	place := &seat{sweep: s, run: r, rung: rung, which: which, args: append(slices.Clone(r.args), "--out="+r.dir)}
	if len(checkpointSteps(filepath.Join(r.dir, checkpointsFolder))) == 0 { // new, or killed before its first checkpoint
		if err := os.RemoveAll(r.dir); err != nil {
			return nil, err
		}
		s.board.add(place)
		return place, nil
	}
	switch done, err := r.hasCome(rung); {
	case err != nil:
		s.board.pass("fail %s  %s: %s", which, r.name, r.fail(err))
	case done:
		s.board.pass("run  %s  %s has been run to step %d", which, r.name, r.steps)
	default:
		place.args = append(place.args, "--resume="+r.dir)
		s.board.add(place)
		return place, nil
	}
	return nil, nil
}
