package tokenizer

import "math/bits"

// noMerge is the rank of a pair that no merge joins.
const noMerge = 1<<32 - 1

// pairTable maps a pair of ids to its merge: a hash table with linear probing.
// A Go map here costs a third of the speed of encoding.
type pairTable struct {
	slots []pairSlot // a power of two, at least half of them empty
	shift int
}

type pairSlot struct {
	pair   uint32
	rank   uint32 // noMerge when empty
	joined uint16
}

func newPairTable(merges int) pairTable {
	width := bits.Len(uint(2*merges + 1))
	p := pairTable{slots: make([]pairSlot, 1<<width), shift: 32 - width}
	for i := range p.slots {
		p.slots[i].rank = noMerge
	}
	return p
}

// slot is the slot of a pair, or the empty one where it would go.
func (p *pairTable) slot(left, right uint16) *pairSlot {
	pair := uint32(left)<<16 | uint32(right)
	i := int(pair * 0x9E3779B1 >> p.shift) // Fibonacci hashing
	for {
		s := &p.slots[i]
		if s.pair == pair || s.rank == noMerge {
			return s
		}
		i = (i + 1) & (len(p.slots) - 1)
	}
}

// insert reports whether the pair is new.
func (p *pairTable) insert(m merge, rank uint32) bool {
	s := p.slot(m.left, m.right)
	if s.rank != noMerge {
		return false
	}
	*s = pairSlot{uint32(m.left)<<16 | uint32(m.right), rank, m.joined}
	return true
}
