//go:build js

package main

import (
	"errors"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// fail tells the page what went wrong. A lost GPU is opened again, and its run goes on.
func (t *trainer) fail(err error) {
	if errors.Is(err, host.ErrLost) {
		t.recover(err)
		return
	}
	var ofVisitor blamed // then nothing was changed
	if !errors.As(err, &ofVisitor) || t.device == nil || t.device.Err() != nil {
		t.running = false
	}
	kind := "other"
	switch {
	case errors.Is(err, host.ErrNoAdapter):
		kind = "no webgpu"
	case errors.Is(err, errFile):
		kind = "file"
	case errors.Is(err, errSettings):
		kind = "settings"
	case errors.Is(err, errUnsaved):
		kind = "unsaved"
	case errors.Is(err, errMemory), strings.Contains(err.Error(), "no memory for"):
		kind = "memory"
	}
	post("error", map[string]any{"kind": kind, "detail": detail(err)})
	if t.device != nil && t.device.Err() != nil { // a device that failed once stays so
		if t.run != nil {
			t.discard(t.run)
			t.run = nil
		}
		t.device.Close()
		if t.device, err = host.Open(host.Options{}); err != nil {
			post("error", map[string]any{"kind": "no webgpu", "detail": detail(err)})
			return
		}
	}
	if t.device != nil {
		t.rests()
	}
}

// rests tells the page what can be done, now that nothing is.
func (t *trainer) rests() {
	if !t.alive() {
		t.ready()
	} else {
		t.state("")
	}
}

// What an error is to blame on, where that is known.
var (
	errFile     = errors.New("file")
	errSettings = errors.New("settings")
	errMemory   = errors.New("memory")
	errUnsaved  = errors.New("unsaved")
)

// blame marks an error; its text stays as it is.
func blame(cause, err error) error {
	if err == nil {
		return nil
	}
	return blamed{err, cause}
}

type blamed struct {
	error
	cause error
}

func (b blamed) Unwrap() []error { return []error{b.error, b.cause} }

// recover opens the GPU again and goes on from what was saved last.
func (t *trainer) recover(lost error) {
	running := t.running
	t.running = false
	post("notice", map[string]any{"what": "lost", "detail": detail(lost)})
	t.release()
	t.losses = append(t.losses, time.Now())
	if n := len(t.losses); n >= 4 && time.Since(t.losses[n-4]) < time.Minute {
		post("error", map[string]any{"kind": "lost", "detail": detail(lost)})
		t.ready()
		return
	}
	var err error
	for range 20 { // a GPU process that is starting again needs a moment
		if t.device, err = host.Open(host.Options{}); err == nil {
			break
		}
		time.Sleep(500 * time.Millisecond)
	}
	if err == nil {
		err = t.rebuild()
	}
	if err != nil {
		t.release() // the next request opens the GPU anew
		post("error", map[string]any{"kind": "lost", "detail": detail(err)})
		t.ready()
		return
	}
	t.running = running && t.run != nil && !t.run.ended
	if t.run == nil {
		post("notice", map[string]any{"what": "back"})
	} else {
		post("notice", map[string]any{"what": "recovered", "step": t.run.step})
	}
	t.rests()
}

// release gives the run and the device back.
func (t *trainer) release() {
	if t.run != nil {
		t.run.release()
	}
	if t.device != nil {
		t.device.Close()
		t.device = nil
	}
}
