//go:build js

package main

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// goOn goes on with a run that is kept.
func (t *trainer) goOn(q request) error {
	id := q.text("run")
	k := t.inStore(id)
	if k == nil || t.run != nil && t.run.trainer != nil && t.run.record.ID == id {
		t.rests()
		return nil
	}
	t.state("preparing")
	if err := t.settle(q); err != nil {
		return err
	}
	if err := t.restore(k); err != nil {
		return err
	}
	t.enlist(t.run.record)
	t.announce()
	t.tell()
	t.running, t.rest = !t.run.ended, "paused"
	t.state("")
	return nil
}

// enlist puts a run among those of this sitting, in the place of what was known of it, and draws its curves.
func (t *trainer) enlist(record *message.Run) {
	if i := slices.IndexFunc(t.runs, func(r *message.Run) bool { return r.ID == record.ID }); i >= 0 {
		t.runs[i] = record
	} else {
		t.runs = append(t.runs, record)
	}
	t.draw(record, record.Points)
}

// restore makes a run that is kept the present one.
func (t *trainer) restore(k *keptRun) error {
	record, err := t.readRecord(recordFile(k.run.ID, k.slot))
	if err != nil {
		return blame(errFile, err)
	}
	f, err := t.store.open(checkpointFile(k.run.ID, k.slot))
	if err != nil {
		return blame(errFile, err)
	}
	defer f.close()
	c, err := openCheckpoint(f.section())
	if err != nil {
		return blame(errFile, err)
	}
	r := &run{record: record, saved: time.Now(), slot: 1 - k.slot, drawn: len(record.Points)}
	if r.settings, err = parseSettings(string(record.Settings)); err != nil {
		return err
	}
	if r.tok, err = tokenizer.Load(bytes.NewReader(c.Header.Tokenizer)); err != nil {
		return blame(errFile, err)
	}
	switch stage := r.settings.Stage; {
	case t.run != nil && t.run.text.kept == record.Shard && t.run.text.name == record.Text && t.run.text.suits(stage, r.tok):
		r.text = t.run.text
	case record.Text == "":
		r.text, err = t.embedded(stage, r.tok)
	default:
		r.text, err = reopen(t.store, stage, record.Text, record.Shard, r.tok)
	}
	if err != nil {
		return blame(errFile, err)
	}
	if err := r.resume(t, c); err != nil {
		t.discard(r)
		return err
	}
	t.become(r)
	return nil
}

// rebuild makes the run that the lost GPU had anew: as it was saved last, or else from its beginning.
func (t *trainer) rebuild() error {
	lost := t.run
	if lost == nil {
		return nil
	}
	if k := t.inStore(lost.record.ID); k != nil {
		if err := t.restore(k); err != nil {
			return err
		}
		t.enlist(t.run.record)
		return nil
	}
	if lost.model.VocabSize == 0 { // it went on from a file
		return worded("the run was not saved: load its checkpoint again")
	}
	lost.record.Points, lost.record.Seconds, lost.drawn, lost.step, lost.saved, lost.held = nil, 0, 0, 0, time.Now(), 0
	make, err := lost.plan(t)
	if err == nil {
		err = make()
	}
	return err
}

// beginning opens the model that a run began with, or that its adapters are for: in memory until the run is saved, then in
// the store. close is to be called after.
func (t *trainer) beginning(r *run) (from *io.SectionReader, close func(), err error) {
	if r.from != nil {
		return io.NewSectionReader(bytes.NewReader(r.from), 0, int64(len(r.from))), func() {}, nil
	}
	f, err := t.store.open(r.record.Base)
	if err != nil {
		return nil, nil, worded("the model that these adapters are for is no longer in this browser's storage: %w", err)
	}
	return f.section(), func() { f.close() }, nil
}

// openCheckpoint begins to read a checkpoint.
func openCheckpoint(s *io.SectionReader) (*checkpoint.Reader, error) {
	return checkpoint.NewReader(bufio.NewReaderSize(s, chunk), s.Size())
}
