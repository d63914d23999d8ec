package nn

import (
	"testing"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/shaders"
)

// A chain a -> b -> c -> d of equal buffers needs two slots, and no two buffers of one call may share one.
func TestPlanSharesMemory(t *testing.T) {
	var buffers []*host.Buffer
	for range 5 {
		buffers = append(buffers, host.Virtual("x", 1000))
	}
	var calls []host.Call
	for i := range 4 {
		calls = append(calls, shaders.Add{Count: 4, A: buffers[i], B: buffers[i], Out: buffers[i+1]}.Call())
	}
	slots := plan(calls)
	if len(slots) != 2 || slots[0].size != 1024 {
		t.Fatalf("%d slots of %d bytes, want 2 of 1024", len(slots), slots[0].size)
	}
	at := map[*host.Buffer]int{}
	for i, s := range slots {
		for _, l := range s.lives {
			at[l.buffer] = i
		}
	}
	for i := range 4 {
		if at[buffers[i]] == at[buffers[i+1]] {
			t.Errorf("buffers %d and %d of one call share a slot", i, i+1)
		}
	}
}

// A slice counts as a use of what it is a slice of.
func TestPlanFollowsSlices(t *testing.T) {
	whole, other := host.Virtual("whole", 1024), host.Virtual("other", 512)
	fill := func(b *host.Buffer) host.Call { return shaders.Fill{Count: 4, Out: b}.Call() }
	slots := plan([]host.Call{fill(whole), fill(other), fill(whole.Slice("part", 512, 512))})
	if len(slots) != 2 {
		t.Fatalf("%d slots, want 2: the whole lives while the other does", len(slots))
	}
}
