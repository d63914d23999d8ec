package host

import (
	"strings"
	"testing"
)

// A planner counts, holds sizes against the limits, and computes nothing.
func TestPlanner(t *testing.T) {
	d := Planner(Info{Name: "small", Limits: Limits{Buffer: 4096, StorageBinding: 1024, GroupsPerDispatch: 10}})
	a := d.Allocate("weights", "a", 1000)
	b := d.Allocate("values", "b", 2000)
	d.Write(a, 0, make([]byte, 1000))
	r := d.NewReadback(a, 2)
	if _, total, _ := d.Ledger(); total != 1024+2048+2*1024 {
		t.Errorf("%d bytes", total)
	}
	r.Release()
	b.Release()
	if _, total, peak := d.Ledger(); total != 1024 || peak != 1024+2048+2*1024 || d.Wait() != nil {
		t.Errorf("%d bytes, at most %d, %v", total, peak, d.Err())
	}
	kernel := &Kernel{Name: "k", Bindings: []Binding{{Name: "x"}}}
	recorded := d.Record(Call{Kernel: kernel, Buffers: []*Buffer{a}})
	if _, total, _ := d.Ledger(); total != 1024+Alignment || d.Err() != nil {
		t.Errorf("%d bytes with a recording, %v", total, d.Err())
	}
	recorded.Release()
	if _, total, _ := d.Ledger(); total != 1024 {
		t.Errorf("%d bytes after it", total)
	}
	d.Record(Call{Kernel: kernel, Buffers: []*Buffer{d.Allocate("values", "wide", 2000)}})
	if err := d.Err(); err == nil || !strings.Contains(err.Error(), "wide) is 2.0 KiB, and this adapter (small) shows a kernel at most 1.0 KiB") {
		t.Error(err)
	}
	d = Planner(Info{Name: "small", Limits: Limits{Buffer: 4096}})
	d.Allocate("values", "huge", 5000)
	if err := d.Err(); err == nil || !strings.Contains(err.Error(), "allows at most 4.0 KiB") {
		t.Error(err)
	}
	d = Planner(Info{Limits: Limits{Buffer: 4096}})
	if err := d.Read(d.Allocate("values", "v", 16), 0, make([]byte, 16)); err == nil {
		t.Error("a planner was read")
	}
}
