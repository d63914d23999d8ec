//go:build js

package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/minimind-gpu/minimind-gpu/wasm/message"
)

// The store keeps every run until the visitor removes it. A run is saved by turns in two slots, so that there is always a
// whole one. A slot is a checkpoint and a record of the run; the record is removed before and written after the checkpoint,
// so it vouches for it. Beside adapters lies the model that they are for, which stays as it is.
func checkpointFile(id string, slot int) string { return fmt.Sprintf("run-%s-%d.ckpt", id, slot) }
func recordFile(id string, slot int) string     { return fmt.Sprintf("run-%s-%d.run", id, slot) }
func baseFile(id string) string                 { return fmt.Sprintf("run-%s-base.ckpt", id) }

// keptRun is the newest that the store has of a run.
type keptRun struct {
	slot int
	run  *message.Run // without its points
}

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
	err := t.keep(r)
	r.saved, r.saving = time.Now(), time.Since(start)
	if err != nil {
		post("notice", map[string]any{"what": "not saved", "detail": detail(err)})
		return
	}
	r.unsaved, r.from = false, nil
	post("saved", map[string]any{"step": r.step})
}

// settle saves the run, for another to take its place. If that fails, the visitor is warned once.
func (t *trainer) settle(q request) error {
	t.save()
	if r := t.run; t.alive() && r.unsaved && !r.warned && !q.data.Get("replaces").Truthy() {
		r.warned = true
		return blame(errUnsaved, worded("the present run, at step %d, would be lost", r.step))
	}
	return nil
}

// keep writes the run into the slot whose turn it is.
func (t *trainer) keep(r *run) error {
	id := r.record.ID
	if r.settings.Stage == lora && r.record.Base == "" {
		if err := t.write(baseFile(id), func(w io.Writer) error { _, err := w.Write(r.from); return err }); err != nil {
			return err
		}
		r.record.Base = baseFile(id)
	}
	r.record.Step, r.record.Saved = r.step, time.Now().UnixMilli()
	t.store.remove(recordFile(id, r.slot))
	if err := t.write(checkpointFile(id, r.slot), r.trainer.Save); err != nil {
		return err
	}
	err := t.write(recordFile(id, r.slot), func(w io.Writer) error {
		text, err := r.record.MarshalMsg(nil)
		if err == nil {
			_, err = w.Write(text)
		}
		return err
	})
	if err != nil {
		return err
	}
	t.note(keptRun{r.slot, r.record})
	r.slot = 1 - r.slot
	t.tellKept()
	return nil
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

// note enters what is kept of a run into the list, newest first.
func (t *trainer) note(k keptRun) {
	same := func(other keptRun) bool { return other.run.ID == k.run.ID }
	if i := slices.IndexFunc(t.kept, same); i >= 0 && t.kept[i].run.Saved > k.run.Saved {
		return // of two slots this is the older one
	}
	summary := *k.run
	summary.Points = nil
	k.run = &summary
	t.kept = append(slices.DeleteFunc(t.kept, same), k)
	slices.SortFunc(t.kept, func(a, b keptRun) int { return cmp.Compare(b.run.Saved, a.run.Saved) })
}

// tellKept tells the page which runs are kept.
func (t *trainer) tellKept() {
	type listed struct {
		ID       string          `json:"id"`
		Step     int64           `json:"step"`
		Saved    int64           `json:"saved"`
		Settings json.RawMessage `json:"settings"`
	}
	list := []listed{}
	for _, k := range t.kept {
		list = append(list, listed{k.run.ID, k.run.Step, k.run.Saved, k.run.Settings})
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // the settings are JSON of this program's own
	}
	post("kept", map[string]any{"runs": string(text)})
}

// findKept looks into the store.
func (t *trainer) findKept() {
	if t.store == nil {
		return
	}
	for _, name := range t.store.names() {
		if !strings.HasSuffix(name, ".run") {
			continue
		}
		if r, err := t.readRecord(name); err == nil {
			for slot := range 2 {
				if name == recordFile(r.ID, slot) {
					t.note(keptRun{slot, r})
				}
			}
		}
	}
	t.tidy()
	t.tellKept()
}

func (t *trainer) readRecord(name string) (*message.Run, error) {
	f, err := t.store.open(name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	text := make([]byte, f.size())
	if _, err := f.ReadAt(text, 0); err != nil {
		return nil, err
	}
	r := new(message.Run)
	_, err = r.UnmarshalMsg(text)
	return r, err
}

// inStore finds a run that is kept by its ID, nil if there is none.
func (t *trainer) inStore(id string) *keptRun {
	for i := range t.kept {
		if t.kept[i].run.ID == id {
			return &t.kept[i]
		}
	}
	return nil
}

// tidy removes what no kept run needs, nor the present one.
func (t *trainer) tidy() {
	if t.store == nil {
		return
	}
	needed := map[string]bool{}
	for _, k := range t.kept {
		for _, name := range []string{checkpointFile(k.run.ID, k.slot), recordFile(k.run.ID, k.slot), k.run.Shard, k.run.Base} {
			needed[name] = true
		}
	}
	if t.run != nil {
		needed[t.run.record.Shard], needed[t.run.record.Base] = true, true
	}
	for _, name := range t.store.names() {
		if !needed[name] {
			t.store.remove(name)
		}
	}
}

// erase removes a run from the store, unless it is the present one.
func (t *trainer) erase(id string) {
	if t.store == nil || t.run != nil && t.run.record.ID == id {
		return
	}
	t.kept = slices.DeleteFunc(t.kept, func(k keptRun) bool { return k.run.ID == id })
	t.tidy()
	t.tellKept()
}
