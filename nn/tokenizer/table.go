package tokenizer

import "math/bits"

// table is a read-only hash table with linear probing. Encoding looks up little else than
// tables; with Go maps it takes several times as long.
type table struct {
	slots []slot // a power of two, at least half of them empty
	shift int
}

type slot struct {
	key   uint32
	value int32 // absent in an empty slot
}

// absent is what a table gives for a key that it does not hold.
const absent = -1

func newTable(entries map[uint32]int32) table {
	width := bits.Len(uint(2*len(entries) + 1))
	t := table{slots: make([]slot, 1<<width), shift: 32 - width}
	for i := range t.slots {
		t.slots[i].value = absent
	}
	for key, value := range entries {
		i := t.home(key)
		for t.slots[i].value != absent {
			i = (i + 1) & (len(t.slots) - 1)
		}
		t.slots[i] = slot{key, value}
	}
	return t
}

// home is where the search for a key begins: Fibonacci hashing.
func (t *table) home(key uint32) int { return int(key * 0x9E3779B1 >> t.shift) }

func (t *table) get(key uint32) int32 {
	i := t.home(key)
	for {
		s := t.slots[i]
		if s.key == key || s.value == absent {
			return s.value
		}
		i = (i + 1) & (len(t.slots) - 1)
	}
}

func pairKey(left, right uint16) uint32 { return uint32(left)<<16 | uint32(right) }

func nodeKey(node int32, b byte) uint32 { return uint32(node)<<8 | uint32(b) }

// trie finds the pieces that a text begins with. Node 0 is the root.
type trie struct {
	next   table   // nodeKey -> node
	pieces []int32 // node -> the piece that ends there, or noPiece
}

// newTrie holds the bytes of every piece that is made, and sets the pieces' shorter.
// A file of maxFileBytes has fewer than 1<<24 nodes, so that node<<8 fits.
func newTrie(text [][]byte, pieces []piece) trie {
	next := map[uint32]int32{}
	ends := []int32{noPiece}
	for id := range pieces {
		if pieces[id].made == notMade {
			continue
		}
		var node int32
		for _, b := range text[id] {
			child, ok := next[nodeKey(node, b)]
			if !ok {
				child = int32(len(ends))
				ends = append(ends, noPiece)
				next[nodeKey(node, b)] = child
			}
			node = child
		}
		ends[node] = int32(id)
	}
	for id := range pieces {
		if pieces[id].made == notMade {
			continue
		}
		var node int32
		for _, b := range text[id][:len(text[id])-1] {
			node = next[nodeKey(node, b)]
			if ends[node] != noPiece {
				pieces[id].shorter = ends[node]
			}
		}
	}
	return trie{newTable(next), ends}
}

// longest is the longest piece that text, which is not empty, begins with.
func (t *trie) longest(text []byte) int32 {
	var node int32
	best := int32(noPiece)
	for _, b := range text {
		node = t.next.get(nodeKey(node, b))
		if node == absent {
			break
		}
		if id := t.pieces[node]; id != noPiece {
			best = id
		}
	}
	return best
}
