package nn

import (
	"slices"

	"github.com/minimind-gpu/minimind-gpu/host"
)

// life is a virtual buffer and the calls that use it, first to last.
type life struct {
	buffer      *host.Buffer
	first, last int
}

// slot is memory that several buffers share, one after the other.
type slot struct {
	size  int64
	lives []life
}

// lives finds the virtual buffers of a list of calls, in order of first use.
func lives(calls []host.Call) []life {
	index := map[*host.Buffer]int{}
	var all []life
	for i, c := range calls {
		for _, b := range c.Buffers {
			root := b.Root()
			if root.Placed() {
				continue
			}
			at, known := index[root]
			if !known {
				at = len(all)
				index[root] = at
				all = append(all, life{buffer: root, first: i})
			}
			all[at].last = i
		}
	}
	return all
}

// plan shares memory: largest buffer first, each takes the first slot in which nothing lives at the same time.
// That is within a few per cent of the largest sum of what lives at once, and each slot is an allocation of its own,
// because WebGPU refuses one that a dispatch both reads and writes.
func plan(calls []host.Call) []slot {
	all := lives(calls)
	slices.SortStableFunc(all, func(a, b life) int { return int(min(max(b.buffer.Size-a.buffer.Size, -1), 1)) })
	var slots []slot
	for _, l := range all {
		free := func(s slot) bool {
			return !slices.ContainsFunc(s.lives, func(o life) bool { return l.first <= o.last && o.first <= l.last })
		}
		i := slices.IndexFunc(slots, free)
		if i < 0 {
			i = len(slots)
			slots = append(slots, slot{size: host.Align(l.buffer.Size)})
		}
		slots[i].lives = append(slots[i].lives, l)
	}
	return slots
}

// Bytes is the memory that Compile has taken, or has asked for in vain, for the graph's values and gradients.
func (g *Graph) Bytes() int64 {
	total := int64(0)
	for _, s := range g.slots {
		total += s.Size
	}
	return total
}

// place allocates the slots of a plan and places the buffers in them.
func place(dev *host.Device, purpose string, calls []host.Call) []*host.Buffer {
	var memory []*host.Buffer
	for _, s := range plan(calls) {
		m := dev.Allocate(purpose, s.lives[0].buffer.Name, s.size)
		for _, l := range s.lives {
			l.buffer.Place(m)
		}
		memory = append(memory, m)
	}
	return memory
}
