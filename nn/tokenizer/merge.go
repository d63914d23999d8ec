package tokenizer

import "fmt"

// Byte-pair encoding joins, of all neighbouring pairs in a word that have a merge, the one of the
// lowest rank, of those the leftmost, until none is left. Doing just that takes time quadratic in the
// word, and Chinese clauses are long words that seldom repeat, so a cache does not help. Encoding
// instead looks for the result directly, because it is the only one that passes a local test:
//
//	Tokens t1 t2 ... tn are the encoding of their bytes if and only if every token and
//	every neighbouring pair of them, taken alone, encode to themselves.
//
// For joining goes on inside a stretch of text in the same order whatever is around it, until a join
// crosses the stretch's border; and the first join that crosses a border between two tokens
// would do so if the two stood alone. It needs ranks to rise during encoding, which holds when a merge's
// parts are made by merges before it, as in every trained vocabulary; setMerges refuses others.

// merge joins two neighbouring tokens into one.
type merge struct{ left, right, joined uint16 }

// noMerge is above all ranks.
const noMerge = 1<<31 - 1

// piece is what encoding knows of a token.
type piece struct {
	made    int32 // rank of the merge that makes it; madeByte, or notMade for what no text encodes to
	size    int32 // in bytes
	shorter int32 // the longest piece that it begins with, or noPiece
}

const (
	madeByte = -1
	notMade  = -2
	noPiece  = -1
)

// setMerges takes the merge list, in the order of ranks.
func (t *Tokenizer) setMerges(vocab map[string]int, merges [][2]string) error {
	t.merges = make([]merge, len(merges))
	ranks := make(map[uint32]int32, len(merges))
	usedBy := map[uint16]int{} // token -> the first merge that it is a part of
	for rank, parts := range merges {
		left, okLeft := vocab[parts[0]]
		right, okRight := vocab[parts[1]]
		joined, okJoined := vocab[parts[0]+parts[1]]
		if !okLeft || !okRight || !okJoined {
			return fmt.Errorf("model.merges[%d]: %q + %q: a part or the whole is not in model.vocab", rank, parts[0], parts[1])
		}
		m := merge{uint16(left), uint16(right), uint16(joined)}
		if _, twice := ranks[pairKey(m.left, m.right)]; twice {
			return fmt.Errorf("model.merges[%d]: %q + %q is listed twice", rank, parts[0], parts[1])
		}
		if user, used := usedBy[m.joined]; used {
			return fmt.Errorf("model.merges[%d] makes %q, which model.merges[%d] already uses: not the order of a trained vocabulary",
				rank, parts[0]+parts[1], user)
		}
		for _, part := range []uint16{m.left, m.right} {
			if _, used := usedBy[part]; !used {
				usedBy[part] = rank
			}
		}
		t.merges[rank] = m
		ranks[pairKey(m.left, m.right)] = int32(rank)
	}
	t.ranks = newTable(ranks)
	t.setPieces()
	return nil
}

// setPieces finds out which merge makes each token when its bytes stand alone.
func (t *Tokenizer) setPieces() {
	t.pieces = make([]piece, len(t.tokens))
	for id := range t.pieces {
		t.pieces[id] = piece{made: notMade, size: int32(len(t.bytes[id])), shorter: noPiece}
	}
	for _, id := range t.byteIDs {
		t.pieces[id].made = madeByte
	}
	for rank, m := range t.merges {
		partsMade := t.pieces[m.left].made != notMade && t.pieces[m.right].made != notMade
		if partsMade && t.apart(m.left, m.right, int32(rank)) {
			t.pieces[m.joined].made = int32(rank)
		}
	}
	t.trie = newTrie(t.bytes, t.pieces)
}

// apart reports whether, in the text of two tokens, no merge of a rank below limit joins across their
// border. It undoes the joins of both, the last first: before each one, a pair across the border
// would have had to wait for its turn.
func (t *Tokenizer) apart(left, right uint16, limit int32) bool {
	for {
		if rank := t.ranks.get(pairKey(left, right)); rank != absent && rank < limit {
			return false
		}
		madeLeft, madeRight := t.pieces[left].made, t.pieces[right].made
		switch {
		case madeLeft > madeRight:
			limit = madeLeft // of equal ranks the join inside left comes first
			left = t.merges[madeLeft].right
		case madeRight >= 0:
			limit = madeRight + 1 // of equal ranks the join across comes first
			right = t.merges[madeRight].left
		default:
			return true // two bytes
		}
	}
}

// appendWord appends the encoding of a word: from each place the longest piece that stays apart from
// the one before, going back where none does. What leads to a place passes the local test, so it is
// the only way there: no place is come to twice, and the time is linear in the word.
func (t *Tokenizer) appendWord(dst []uint16, word []byte) []uint16 {
	first := len(dst)
	for at := 0; at < len(word); {
		id := t.trie.longest(word[at:])
		for len(dst) > first && !t.apart(dst[len(dst)-1], uint16(id), noMerge) {
			for id = t.pieces[id].shorter; id == noPiece; id = t.pieces[id].shorter {
				id = int32(dst[len(dst)-1])
				dst = dst[:len(dst)-1]
				at -= int(t.pieces[id].size)
			}
		}
		dst = append(dst, uint16(id))
		at += int(t.pieces[id].size)
	}
	return dst
}
