package data

import (
	"fmt"
	"math/bits"
)

// rowPlan says which whole documents share a row.
type rowPlan struct {
	documents []uint32 // row after row
	ends      []uint32 // the index behind each row's last document

	cut     int // documents that are longer than a row
	skipped int // documents with nothing to learn within a row
}

// row is the documents of a row.
func (p *rowPlan) row(i uint32) []uint32 {
	start := uint32(0)
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.documents[start:p.ends[i]]
}

// planRows decides which of the set's documents share a row: with Pad, and of
// preferences, none do.
func planRows(s *Set, layout Layout) (*rowPlan, error) {
	p := &rowPlan{}
	alone := layout.Pad || s.shard.Kind == Preferences
	var kept []uint32
	for _, unit := range s.documents {
		learnable := true
		for document := unit; document < unit+s.shard.perUnit(); document++ {
			if s.shard.Length(int(document))-1 > int64(layout.T) {
				p.cut++
			}
			if s.shard.firsts != nil && int(s.shard.firsts[document]) >= layout.T {
				learnable = false
			}
		}
		if learnable {
			kept = append(kept, unit)
		} else {
			p.skipped++
		}
	}
	switch {
	case len(kept) == 0:
		return nil, fmt.Errorf("every answer begins behind the %d tokens of a row; raise max_seq_len", layout.T)
	case alone:
		p.documents = kept
		for i := range kept {
			p.ends = append(p.ends, uint32(i+1))
		}
	default:
		if layout.Shuffle {
			shuffle(kept, layout.Seed)
		}
		p.pack(s.shard, kept, layout.T)
	}
	return p, nil
}

// pack puts documents, the longest first, each into the row that it fills up
// best. None is split: half of a conversation would be an answer without its
// question.
func (p *rowPlan) pack(shard *Shard, documents []uint32, T int) {
	byLength := make([][]uint32, T+1)
	for _, document := range documents {
		length := min(shard.Length(int(document))-1, int64(T))
		byLength[length] = append(byLength[length], document)
	}
	var rows [][]uint32
	room := roomIndex{rows: make([][]uint32, T+1), some: make([]uint64, T/64+1)}
	for length := T; length > 0; length-- {
		for _, document := range byLength[length] {
			left := room.atLeast(length)
			row := uint32(len(rows))
			if left <= T {
				row = room.take(left)
				rows[row] = append(rows[row], document)
			} else {
				left = T
				rows = append(rows, []uint32{document})
			}
			room.put(left-length, row)
		}
	}
	for _, row := range rows {
		p.documents = append(p.documents, row...)
		p.ends = append(p.ends, uint32(len(p.documents)))
	}
}

// roomIndex holds rows by the pairs that they have room for.
type roomIndex struct {
	rows [][]uint32
	some []uint64 // bit n: rows[n] is not empty
}

// atLeast is the smallest room of any row that is n or more; a number above all
// if there is none.
func (r *roomIndex) atLeast(n int) int {
	for word := n / 64; word < len(r.some); word++ {
		set := r.some[word]
		if word == n/64 {
			set &= ^uint64(0) << (n % 64)
		}
		if set != 0 {
			return word*64 + bits.TrailingZeros64(set)
		}
	}
	return len(r.rows)
}

func (r *roomIndex) take(room int) uint32 {
	last := len(r.rows[room]) - 1
	row := r.rows[room][last]
	r.rows[room] = r.rows[room][:last]
	if last == 0 {
		r.some[room/64] &^= 1 << (room % 64)
	}
	return row
}

func (r *roomIndex) put(room int, row uint32) {
	r.rows[room] = append(r.rows[room], row)
	r.some[room/64] |= 1 << (room % 64)
}
