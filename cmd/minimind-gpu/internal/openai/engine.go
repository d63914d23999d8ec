//go:build !js

package openai

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/generate"
)

// job is one answer in the making.
type job struct {
	choice  int // of its request
	prompt  []int
	options generate.Options
	ctx     context.Context
	events  chan<- event // has room for all that the job sends
	joined  time.Time
}

// event is a token of a choice, or its end, or both.
type event struct {
	choice int
	token  *generate.Token
	end    generate.End
	err    error
}

var (
	errFull     = errors.New("too many requests are waiting")
	errStopping = errors.New("the server is stopping")
)

// engine lets jobs join and leave one batch. The goroutine that runs it owns the device; without jobs it sleeps.
type engine struct {
	generator *generate.Generator
	slots     int // jobs that run at a time
	limit     int // jobs that may wait
	wake      chan struct{}

	mu      sync.Mutex
	queue   []*job
	running map[*generate.Sequence]*job
	usual   time.Duration // that a job ran, of late
	stopped error
}

func newEngine(g *generate.Generator, limit int) *engine {
	return &engine{generator: g, slots: g.Free(), limit: limit, wake: make(chan struct{}, 1), running: map[*generate.Sequence]*job{}}
}

// submit queues the jobs of a request, all or none. With errFull comes the time after which to try again.
func (e *engine) submit(jobs []*job) (retry time.Duration, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped != nil {
		return 0, e.stopped
	}
	if waiting := len(e.queue) + len(e.running) + len(jobs) - e.slots; waiting > e.limit {
		return e.usual * time.Duration(1+len(e.queue)/e.slots), errFull
	}
	e.queue = append(e.queue, jobs...)
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return 0, nil
}

// load is how many jobs run and wait.
func (e *engine) load() (running, waiting int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.running), len(e.queue)
}

// failed is what ended the engine.
func (e *engine) failed() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stopped
}

// run decodes until ctx ends or the device fails. Jobs that are not done then get an error.
func (e *engine) run(ctx context.Context) error {
	for {
		e.admit()
		if e.generator.Running() == 0 {
			select {
			case <-e.wake:
				continue
			case <-ctx.Done():
				e.stop(errStopping)
				return nil
			}
		}
		if ctx.Err() != nil {
			e.stop(errStopping)
			return nil
		}
		advanced, err := e.generator.Step()
		if err != nil {
			err = fmt.Errorf("the device failed: %w", err)
			e.stop(err)
			return err
		}
		e.deliver(advanced)
	}
}

// admit lets out jobs that nobody waits for any more, and waiting ones in.
func (e *engine) admit() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for sequence, j := range e.running {
		if j.ctx.Err() != nil {
			e.generator.Leave(sequence)
			delete(e.running, sequence)
		}
	}
	waiting := e.queue[:0]
	for _, j := range e.queue {
		switch {
		case j.ctx.Err() != nil:
		case e.generator.Free() == 0:
			waiting = append(waiting, j)
		default:
			j.joined = time.Now()
			sequence, err := e.generator.Join(j.prompt, j.options)
			if err != nil {
				j.events <- event{choice: j.choice, err: err}
				continue
			}
			e.running[sequence] = j
		}
	}
	clear(e.queue[len(waiting):])
	e.queue = waiting
}

func (e *engine) deliver(advanced []*generate.Sequence) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, sequence := range advanced {
		j := e.running[sequence]
		message := event{choice: j.choice, end: sequence.End}
		if sequence.End != generate.EndStop {
			token := sequence.Token
			message.token = &token
		}
		j.events <- message
		if sequence.End != "" {
			delete(e.running, sequence)
			e.usual = (3*e.usual + time.Since(j.joined)) / 4
		}
	}
}

func (e *engine) stop(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = err
	for sequence, j := range e.running {
		e.generator.Leave(sequence)
		e.queue = append(e.queue, j)
	}
	clear(e.running)
	for _, j := range e.queue {
		j.events <- event{choice: j.choice, err: err}
	}
	e.queue = nil
}
