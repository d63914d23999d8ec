package tokenizer

import (
	"container/heap"
	"fmt"
	"iter"
	"unicode/utf8"
)

// Train makes a tokenizer of at most vocabSize tokens from documents: the special tokens (ids 0, 1,
// ...), the 256 bytes, then merges of the most frequent pair of neighbouring tokens within words, the
// pair with the smaller ids where counts are equal. Like Hugging Face's BpeTrainer, and the same for
// the same documents in any order, except that no merge ever spells a special token.
//
// There are fewer than vocabSize tokens if the documents have no more pairs to merge.
// Memory grows with the number of different words.
func Train(docs iter.Seq[string], vocabSize int, special []string) (*Tokenizer, error) {
	least := len(special) + 256
	if vocabSize < least || vocabSize > MaxVocabSize {
		return nil, fmt.Errorf("vocabulary size %d: %d special tokens and 256 bytes need %d to %d", vocabSize, len(special), least, MaxVocabSize)
	}
	tr := trainer{
		vocab:  map[string]int{},
		counts: map[uint32]int{},
		where:  map[uint32][]int32{},
		grown:  map[uint32]bool{},
	}
	added := make([]addedToken, len(special))
	for id, token := range special {
		if _, twice := tr.vocab[token]; twice || token == "" || !utf8.ValidString(token) {
			return nil, fmt.Errorf("special token %q is empty, given twice or not UTF-8", token)
		}
		tr.addToken(token)
		added[id] = addedToken{ID: id, Content: token, Special: true}
	}
	// Bytes in the order of their characters: those that are printable, then the rest.
	var byteIDs [256]uint16
	for r := range rune(0x100 + 256) {
		b, ok := runeBytes[r]
		if !ok {
			continue
		}
		if _, taken := tr.vocab[string(r)]; taken {
			return nil, fmt.Errorf("special token %q is the token of byte 0x%02x", r, b)
		}
		byteIDs[b] = tr.addToken(string(r))
	}
	tr.countWords(docs, byteIDs)
	for len(tr.tokens) < vocabSize && tr.mergeNext() {
	}
	return newTokenizer(tr.vocab, tr.merges, added)
}

type trainer struct {
	tokens []string
	vocab  map[string]int
	merges [][2]string
	words  []countedWord
	counts map[uint32]int     // pairKey -> how often the pair occurs
	where  map[uint32][]int32 // pairKey -> the words that it occurs in, or once did
	grown  map[uint32]bool    // pairs whose count the current merge has raised
	queue  pairQueue
}

type countedWord struct {
	ids   []uint16
	count int
}

func (tr *trainer) addToken(token string) uint16 {
	id := len(tr.tokens)
	tr.tokens = append(tr.tokens, token)
	tr.vocab[token] = id
	return uint16(id)
}

func (tr *trainer) countWords(docs iter.Seq[string], byteIDs [256]uint16) {
	index := map[string]int{}
	for doc := range docs {
		for text := []byte(doc); len(text) > 0; {
			n := wordLen(text)
			at, known := index[string(text[:n])]
			if !known {
				at = len(tr.words)
				index[string(text[:n])] = at
				ids := make([]uint16, n)
				for i, b := range text[:n] {
					ids[i] = byteIDs[b]
				}
				tr.words = append(tr.words, countedWord{ids: ids})
			}
			tr.words[at].count++
			text = text[n:]
		}
	}
	for at, word := range tr.words {
		for i := range len(word.ids) - 1 {
			tr.count(word.ids[i], word.ids[i+1], word.count, at)
		}
	}
	tr.queueGrown()
}

// count adds the occurrences that a word gains or loses.
func (tr *trainer) count(left, right uint16, change, word int) {
	key := pairKey(left, right)
	tr.counts[key] += change
	if change < 0 {
		return
	}
	tr.grown[key] = true
	if list := tr.where[key]; len(list) == 0 || list[len(list)-1] != int32(word) {
		tr.where[key] = append(list, int32(word))
	}
}

func (tr *trainer) queueGrown() {
	for key := range tr.grown {
		heap.Push(&tr.queue, queuedPair{key, tr.counts[key]})
	}
	clear(tr.grown)
}

// mergeNext merges the most frequent pair and reports whether there was one.
func (tr *trainer) mergeNext() bool {
	for tr.queue.Len() > 0 {
		top := heap.Pop(&tr.queue).(queuedPair)
		if now := tr.counts[top.key]; now != top.count { // queued before other merges lowered it
			if now > 0 {
				heap.Push(&tr.queue, queuedPair{top.key, now})
			}
			continue
		}
		left, right := uint16(top.key>>16), uint16(top.key)
		joined := tr.tokens[left] + tr.tokens[right]
		if _, spelled := tr.vocab[joined]; spelled {
			continue // a special token
		}
		tr.merges = append(tr.merges, [2]string{tr.tokens[left], tr.tokens[right]})
		m := merge{left, right, tr.addToken(joined)}
		for _, word := range tr.where[top.key] {
			tr.join(m, int(word))
		}
		delete(tr.where, top.key)
		delete(tr.counts, top.key)
		tr.queueGrown()
		return true
	}
	return false
}

// join applies a merge to a word, from left to right.
func (tr *trainer) join(m merge, at int) {
	word := &tr.words[at]
	ids := word.ids
	out := ids[:0]
	for i := 0; i < len(ids); i++ {
		if ids[i] != m.left || i+1 == len(ids) || ids[i+1] != m.right {
			out = append(out, ids[i])
			continue
		}
		if len(out) > 0 {
			before := out[len(out)-1]
			tr.count(before, m.left, -word.count, at)
			tr.count(before, m.joined, word.count, at)
		}
		if i+2 < len(ids) {
			tr.count(m.right, ids[i+2], -word.count, at)
			tr.count(m.joined, ids[i+2], word.count, at)
		}
		out = append(out, m.joined)
		i++
	}
	word.ids = out
}

// pairQueue is a heap whose top is the most frequent pair, the one with the smaller ids among equals.
type pairQueue []queuedPair

type queuedPair struct {
	key   uint32 // pairKey
	count int
}

func (q pairQueue) Len() int { return len(q) }
func (q pairQueue) Less(i, j int) bool {
	return q[i].count > q[j].count || q[i].count == q[j].count && q[i].key < q[j].key
}
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pairQueue) Push(x any)   { *q = append(*q, x.(queuedPair)) }
func (q *pairQueue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
