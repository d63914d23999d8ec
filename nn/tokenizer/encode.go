package tokenizer

import "hash/maphash"

// Encode gives the ids of a text. Added tokens in it, special or not, become their ids.
func (t *Tokenizer) Encode(text string) []int {
	e := t.encoders.Get().(*encoder)
	defer t.encoders.Put(e)
	return widen(e.appendAdded(nil, []byte(text), 0))
}

// EncodeOrdinary gives the ids of a text in which added tokens are plain text.
func (t *Tokenizer) EncodeOrdinary(text string) []int {
	return widen(t.AppendEncode(nil, []byte(text)))
}

// AppendEncode appends the ids of a text, in which added tokens are plain text, to dst.
// It is the fast path: it allocates only to grow dst. Bytes that are no UTF-8 are kept as they are.
func (t *Tokenizer) AppendEncode(dst []uint16, text []byte) []uint16 {
	e := t.encoders.Get().(*encoder)
	defer t.encoders.Put(e)
	return e.appendText(dst, text)
}

func widen(ids []uint16) []int {
	out := make([]int, len(ids))
	for i, id := range ids {
		out[i] = int(id)
	}
	return out
}

// encoder is what one goroutine needs to encode: scratch space and a cache of words.
type encoder struct {
	t     *Tokenizer
	seed  maphash.Seed
	cache []cachedWord // direct-mapped: a word has one place, the newest word holds it
	ids   []uint16     // of the word being merged
	ranks []uint32     // ranks[i]: the merge of ids[i] and ids[i+1]
}

// cachedWord remembers a word's ids in 64 bytes, a cache line. Longer words are not remembered.
type cachedWord struct {
	text    [32]byte
	textLen uint8
	idsLen  uint8 // 0 when nothing is remembered
	ids     [15]uint16
}

const cachedWords = 1 << 14 // 1 MiB

func newEncoder(t *Tokenizer) *encoder {
	return &encoder{t: t, seed: maphash.MakeSeed(), cache: make([]cachedWord, cachedWords)}
}

// appendAdded cuts text at added tokens, in the finders' order from pass on.
func (e *encoder) appendAdded(dst []uint16, text []byte, pass int) []uint16 {
	if pass == len(e.t.finders) {
		return e.appendText(dst, text)
	}
	for {
		id, start, end, ok := e.t.finders[pass].find(text)
		if !ok {
			return e.appendAdded(dst, text, pass+1)
		}
		dst = append(e.appendAdded(dst, text[:start], pass+1), id)
		text = text[end:]
	}
}

func (e *encoder) appendText(dst []uint16, text []byte) []uint16 {
	for len(text) > 0 {
		n := wordLen(text)
		dst = e.appendWord(dst, text[:n])
		text = text[n:]
	}
	return dst
}

func (e *encoder) appendWord(dst []uint16, word []byte) []uint16 {
	var c *cachedWord
	if len(word) > len(c.text) {
		return e.appendMerged(dst, word)
	}
	c = &e.cache[maphash.Bytes(e.seed, word)%cachedWords]
	if string(c.text[:c.textLen]) == string(word) {
		return append(dst, c.ids[:c.idsLen]...)
	}
	start := len(dst)
	dst = e.appendMerged(dst, word)
	if ids := dst[start:]; len(ids) <= len(c.ids) {
		c.textLen = uint8(copy(c.text[:], word))
		c.idsLen = uint8(copy(c.ids[:], ids))
	}
	return dst
}

// appendMerged joins the word's bytes, always the pair of the lowest rank and of those the first,
// until no pair has a merge.
func (e *encoder) appendMerged(dst []uint16, word []byte) []uint16 {
	pairs := &e.t.pairs
	ids, ranks := e.ids[:0], e.ranks[:0]
	for _, b := range word {
		ids = append(ids, e.t.byteIDs[b])
	}
	for i := range len(ids) - 1 {
		ranks = append(ranks, pairs.slot(ids[i], ids[i+1]).rank)
	}
	for len(ranks) > 0 {
		best, at := uint32(noMerge), 0
		for i, rank := range ranks {
			if rank < best {
				best, at = rank, i
			}
		}
		if best == noMerge {
			break
		}
		ids[at] = e.t.merges[best].joined
		ids = append(ids[:at+1], ids[at+2:]...)
		ranks = append(ranks[:at], ranks[at+1:]...)
		if at > 0 {
			ranks[at-1] = pairs.slot(ids[at-1], ids[at]).rank
		}
		if at < len(ranks) {
			ranks[at] = pairs.slot(ids[at], ids[at+1]).rank
		}
	}
	e.ids, e.ranks = ids, ranks
	return append(dst, ids...)
}
