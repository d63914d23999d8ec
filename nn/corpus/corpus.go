// Package corpus is the text a model learns from when no other is given: an
// unlimited supply of very short stories and sums, in English and in Chinese.
//
// It is a grammar, not a file. Document number i of a seed is drawn from
// (seed, i) alone, so any document can be had without those before it, and the
// same on every machine. A story is a set of facts (who has what, where they
// go) told through a template; the two languages tell the same stories with the
// same logic. The world is small on purpose: a model of half a million
// parameters writes recognisable sentences of it after a minute of training.
package corpus

import (
	"bytes"
	"iter"
	"math/rand/v2"
)

// sumsShare is the share of documents that are sums, in percent.
const sumsShare = 20

// Document returns document number index of a seed: one to four sentences (or
// three sums) on one line, without a line end.
func Document(seed uint64, index int) string {
	r := newRandom(seed, index)
	chinese := r.below(2) == 1
	if r.below(100) < sumsShare {
		return sums(&r, chinese)
	}
	f := drawFacts(&r)
	s := &scenes[r.below(len(scenes))]
	if chinese {
		return f.chinese().fill(s.chinese)
	}
	return f.english().fill(s.english)
}

// Documents yields documents 0 to n-1 of a seed.
func Documents(seed uint64, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(Document(seed, i)) {
				return
			}
		}
	}
}

// Text is the corpus as a run learns from it by default: 50,000 documents of seed 1, with an empty line after each. Its
// hash names it in checkpoints, so that a run can go on wherever this package is.
func Text() []byte {
	var text bytes.Buffer
	for document := range Documents(1, 50_000) {
		text.WriteString(document + "\n\n")
	}
	return text.Bytes()
}

// random draws small numbers. PCG's stream is fixed by its definition, the
// methods of rand.Rand are not; a corpus must not change with a Go version.
type random struct{ source *rand.PCG }

func newRandom(seed uint64, index int) random { return random{rand.NewPCG(seed, uint64(index))} }

// below returns a number in [0, n).
func (r *random) below(n int) int { return int(r.source.Uint64() % uint64(n)) }

// twoOf returns two different numbers in [0, n).
func (r *random) twoOf(n int) (first, second int) {
	first = r.below(n)
	second = (first + 1 + r.below(n-1)) % n
	return first, second
}
