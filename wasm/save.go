//go:build js

package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// A run is saved by turns in two slots of the store, so that there is always a whole one. A slot is a checkpoint and a
// record of the run; the record is removed before and written after the checkpoint, so it vouches for it.
func checkpointFile(slot int) string { return fmt.Sprintf("autosave-%d.ckpt", slot) }
func recordFile(slot int) string     { return fmt.Sprintf("autosave-%d.run", slot) }

// save saves the run, if the store has not got its last step yet. Failing is no reason to stop: the page is told.
func (t *trainer) save() {
	r, start := t.run, time.Now()
	if r == nil || r.trainer == nil || !r.unsaved {
		return
	}
	r.saved = start // or tried to
	if t.store == nil {
		return
	}
	r.record.Step = r.step
	t.store.remove(recordFile(t.slot))
	err := t.write(checkpointFile(t.slot), r.trainer.Save)
	if err == nil {
		err = t.write(recordFile(t.slot), func(w io.Writer) error {
			text, err := r.record.MarshalMsg(nil)
			if err == nil {
				_, err = w.Write(text)
			}
			return err
		})
	}
	r.saved, r.saving = time.Now(), time.Since(start)
	if err != nil {
		post("notice", map[string]any{"what": "not saved", "detail": detail(err)})
		return
	}
	r.unsaved, r.from = false, nil
	t.slot = 1 - t.slot
	post("saved", map[string]any{"step": r.step})
}

func (t *trainer) write(name string, write func(io.Writer) error) error {
	f, err := t.store.create(name)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, chunk)
	if err = write(b); err == nil {
		err = b.Flush()
	}
	if closeErr := f.close(); err == nil {
		err = closeErr
	}
	return err
}

// savedRun is what a slot holds.
type savedRun struct {
	slot int
	run  *message.Run
}

// saved is the newest run in the store, nil if there is none.
func (t *trainer) saved() *savedRun {
	var newest *savedRun
	for slot := range 2 {
		if s := t.readSlot(slot); s != nil && (newest == nil || s.run.ID > newest.run.ID || s.run.ID == newest.run.ID && s.run.Step > newest.run.Step) {
			newest = s
		}
	}
	return newest
}

// readSlot reads a slot's record.
func (t *trainer) readSlot(slot int) *savedRun {
	if t.store == nil {
		return nil
	}
	f, err := t.store.open(recordFile(slot))
	if err != nil {
		return nil
	}
	defer f.close()
	text := make([]byte, f.size())
	if _, err := f.ReadAt(text, 0); err != nil {
		return nil
	}
	s := &savedRun{slot: slot, run: new(message.Run)}
	if _, err := s.run.UnmarshalMsg(text); err != nil {
		return nil
	}
	return s
}

// tidy removes texts that no saved run needs, and chooses the slot that is written next.
func (t *trainer) tidy() {
	if t.store == nil {
		return
	}
	saved := t.saved()
	if saved != nil {
		t.slot = 1 - saved.slot
	}
	for _, name := range t.store.names() {
		if strings.HasSuffix(name, ".shard") && (saved == nil || name != saved.run.Shard) {
			t.store.remove(name)
		}
	}
}

// goOnFromSaved goes on with the run of the last sitting.
func (t *trainer) goOnFromSaved() error {
	s := t.saved()
	if s == nil {
		return nil
	}
	if err := t.restore(s); err != nil {
		return err
	}
	t.runs = append(t.runs, t.run.record)
	t.draw(t.run.record, t.run.record.Points)
	t.announce()
	t.running = !t.run.ended
	t.state("")
	return nil
}

// restore makes the run of a slot the present one.
func (t *trainer) restore(s *savedRun) error {
	f, err := t.store.open(checkpointFile(s.slot))
	if err != nil {
		return blame(errFile, err)
	}
	defer f.close()
	c, err := checkpoint.NewReader(bufio.NewReaderSize(io.NewSectionReader(f, 0, f.size()), chunk), f.size())
	if err != nil {
		return blame(errFile, err)
	}
	r := &run{record: s.run, saved: time.Now()}
	if r.settings, err = parseSettings(string(s.run.Settings)); err != nil {
		return err
	}
	if r.tok, err = tokenizer.Load(bytes.NewReader(c.Header.Tokenizer)); err != nil {
		return blame(errFile, err)
	}
	switch stage := r.settings.Stage; {
	case t.run != nil && t.run.text.stage == stage && t.run.text.kept == s.run.Shard && t.run.tok.Hash() == r.tok.Hash():
		r.text = t.run.text
	case s.run.Text == "":
		r.text, err = t.embedded(stage, r.tok)
	default:
		r.text, err = reopen(t.store, stage, s.run.Text, s.run.Shard, r.tok)
	}
	if err != nil {
		return blame(errFile, err)
	}
	if err := r.resume(t, c); err != nil {
		t.discard(r)
		return err
	}
	r.drawn = len(r.record.Points)
	t.become(r)
	return nil
}

// rebuild makes the run that the lost GPU had anew: as it was saved last, or else from its beginning.
func (t *trainer) rebuild() error {
	lost := t.run
	if lost == nil {
		return nil
	}
	if s := t.saved(); s != nil && s.run.ID == lost.record.ID {
		if err := t.restore(s); err != nil {
			return err
		}
		t.replaceRecord(lost.record, t.run.record)
		return nil
	}
	if lost.model.VocabSize == 0 { // it went on from a file
		return worded("the run was not saved: load its checkpoint again")
	}
	lost.record.Points, lost.record.Seconds, lost.drawn, lost.step, lost.saved = nil, 0, 0, 0, time.Now()
	make, err := lost.plan(t)
	if err == nil {
		err = make()
	}
	return err
}

// replaceRecord lets the charts know the run by the record that was saved.
func (t *trainer) replaceRecord(old, record *message.Run) {
	if i := slices.Index(t.runs, old); i >= 0 {
		t.runs[i] = record
	}
}

// download gives the page a checkpoint: the bytes that the native program reads and writes.
func (t *trainer) download() error {
	r := t.run
	if r == nil || r.trainer == nil {
		return nil
	}
	b := newBlob()
	w := bufio.NewWriterSize(b, chunk)
	if err := r.trainer.Save(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	r.offer(b, "ckpt")
	return nil
}

// downloadWeights gives the page the model alone, in a file that other programs read, too.
func (t *trainer) downloadWeights() error {
	if t.run == nil || t.run.trainer == nil {
		return nil
	}
	text, err := t.copyModel()
	if err != nil {
		return err
	}
	c, err := checkpoint.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return err
	}
	b := newBlob()
	w := bufio.NewWriterSize(b, chunk)
	if err := interchange.WriteSafetensors(w, c, interchange.F32); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	t.run.offer(b, "safetensors")
	return nil
}

// offer gives the page a file of the run.
func (r *run) offer(b *blob, extension string) {
	post("file", map[string]any{"name": fmt.Sprintf("%s-step-%08d.%s", r.settings.Preset, r.trainer.State().Step, extension), "blob": b.value("application/octet-stream")})
}

// downloadMetrics gives the page all runs' steps as a table.
func (t *trainer) downloadMetrics() {
	b := newBlob()
	buffered := bufio.NewWriterSize(b, chunk)
	w := csv.NewWriter(buffered)
	w.Write([]string{"run", "step", "tokens", "seconds", "loss", "validation_loss", "learning_rate", "grad_norm", "tokens_per_second"})
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, r := range t.runs {
		for _, p := range r.Points {
			validation := ""
			if p.Validation != 0 {
				validation = number(p.Validation)
			}
			w.Write([]string{r.Name, strconv.FormatInt(p.Step, 10), strconv.FormatInt(p.Tokens, 10), number(p.Seconds), number(p.Loss),
				validation, number(p.LearningRate), number(p.GradNorm), number(p.TokensPerSecond)})
		}
	}
	w.Flush()
	buffered.Flush()
	post("file", map[string]any{"name": "metrics.csv", "blob": b.value("text/csv")})
}
