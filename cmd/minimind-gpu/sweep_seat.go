//go:build !js

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/minimind-gpu/minimind-gpu/nn/plan"
	"github.com/minimind-gpu/minimind-gpu/nn/train"
)

// seat is a run's place in a sweep: what it shares with the others that go on at the same time. A run by itself has none,
// and what others call of it then lets it pass.
type seat struct {
	sweep *sweep
	run   *sweepResult
	which string // of how many
	args  []string
	rung  int64 // the step after which it is interrupted, to go on later

	ctx  context.Context
	stop func() // interrupts it
	last train.Step
}

// train runs the run to the rung, or to its end. What comes of it, also what is wrong, is in its result.
func (s *seat) train() {
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(s.sweep.ctx)
	s.stop = cancel
	defer cancel()
	code, err := s.runProgram()
	s.sweep.room.give(s)
	if s.sweep.ctx.Err() != nil {
		s.sweep.board.remove(s, "")
		return
	}
	r := s.run
	if r.ended = err == nil && code == 0; err == nil {
		err = r.read()
	}
	if err != nil {
		s.sweep.board.remove(s, "fail %s  %s: %s", s.which, r.name, r.fail(err))
		return
	}
	s.sweep.board.remove(s, "done %s  %s: step %d, loss %.4f, validation %s, %s", s.which, r.name, r.steps, r.loss, r.validationText(), clock(r.seconds))
}

// runProgram runs the training command, which prints to the run's log.
func (s *seat) runProgram() (code int, err error) {
	name := s.run.dir + ".log"
	log, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	p := &program{ctx: s.ctx, stdin: strings.NewReader(""), stdout: log, stderr: log, create: s.sweep.create, machine: s.sweep.machine, seat: s}
	if code = p.run(s.args); code != 0 && code != exitInterrupted {
		err = errors.New(endOfLog(name))
	}
	return code, err
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

// prepare waits until no other run is being prepared: they may make the same shard, or choose the kernels that all use.
// It returns what lets the next one.
func (s *seat) prepare() (done func()) {
	if s == nil {
		return func() {}
	}
	s.sweep.preparing.Lock()
	return s.sweep.preparing.Unlock
}

// everything is more than any memory.
const everything = 1 << 62

// reserve waits until the run fits beside those that are going on, so that all together take no more of the memory than
// is good. A run that needs everything goes alone, and one that finds no other always goes: whether it fits is another
// question. memory is 0 if it is not known: then nothing but everything is waited for.
func (s *seat) reserve(need, memory int64) error {
	if s == nil {
		return nil
	}
	limit := int64(plan.High * float64(memory))
	if memory == 0 {
		limit = everything - 1
	}
	r := &s.sweep.room
	for {
		freed, ok := r.take(s, need, limit)
		if ok {
			return nil
		}
		select {
		case <-freed:
		case <-s.ctx.Done():
			return errInterrupted
		}
	}
}

// room is the memory that runs have taken.
type room struct {
	lock  sync.Mutex
	taken map[*seat]int64
	freed chan struct{} // closed when some is given back
}

// take takes what a run needs if all is then within the limit. If not, there is hope once freed is closed.
func (r *room) take(s *seat, need, limit int64) (freed <-chan struct{}, ok bool) {
	r.lock.Lock()
	defer r.lock.Unlock()
	all := need
	for other, taken := range r.taken {
		if other != s {
			all += taken
		}
	}
	if all == need || all <= limit {
		r.taken[s] = need
		return nil, true
	}
	return r.freed, false
}

// give gives back what a run has taken.
func (r *room) give(s *seat) {
	r.lock.Lock()
	defer r.lock.Unlock()
	delete(r.taken, s)
	close(r.freed)
	r.freed = make(chan struct{})
}

// see is told of every step.
func (s *seat) see(step train.Step) {
	if s == nil {
		return
	}
	s.sweep.board.show(s, step)
	if step.Step >= s.rung {
		s.stop()
	}
}

// board tells how the runs stand: a line when one begins or ends, and between them one line on all that go on.
type board struct {
	lock      sync.Mutex
	progress  *progress
	say       func(format string, args ...any)
	going     []*seat
	done, all int // runs
}

// tell prints a line.
func (b *board) tell(format string, args ...any) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.print(format, args...)
}

func (b *board) print(format string, args ...any) {
	b.progress.clear()
	b.say(format, args...)
}

// begin says that so many runs are to come.
func (b *board) begin(runs int) { b.done, b.all = 0, runs }

// pass tells of a run that is not to be trained.
func (b *board) pass(format string, args ...any) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.done++
	b.print(format, args...)
}

// add puts a run on the board.
func (b *board) add(s *seat) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.going = append(b.going, s)
	b.print("run  %s  %s", s.which, s.run.name)
}

// remove takes a run off the board, and tells, if there is anything to tell, what has come of it.
func (b *board) remove(s *seat, format string, args ...any) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.going = slices.DeleteFunc(b.going, func(other *seat) bool { return other == s })
	b.done++
	if format != "" {
		b.print(format, args...)
	}
}

// show shows how far the runs have come.
func (b *board) show(s *seat, step train.Step) {
	b.lock.Lock()
	defer b.lock.Unlock()
	s.last = step
	share := float64(b.done)
	for _, g := range b.going {
		share += float64(g.last.Step) / float64(max(min(g.last.Steps, g.rung), 1))
	}
	b.progress.show(share/float64(b.all), false, b.line)
}

// line is a text on the runs that go on, by their numbers.
func (b *board) line() string {
	parts := []string{fmt.Sprintf("%d of %d done", b.done, b.all)}
	for _, g := range b.going {
		number, _, _ := strings.Cut(g.run.name, "-")
		if g.last.Step == 0 {
			parts = append(parts, number+" begins")
		} else {
			parts = append(parts, fmt.Sprintf("%s step %d/%d loss %.4f", number, g.last.Step, min(g.last.Steps, g.rung), g.last.Loss))
		}
	}
	return strings.Join(parts, " · ")
}
