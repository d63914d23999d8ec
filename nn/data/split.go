package data

import "slices"

// Set is some of a shard's documents.
type Set struct {
	shard     *Shard
	documents []uint32 // ascending, each of at least two tokens; of preferences the chosen ones
}

// Documents is how many documents the set has, or pairs of them.
func (s *Set) Documents() int { return len(s.documents) }

// Pairs is how many (input, target) pairs the set has: a document of L tokens
// has L-1.
func (s *Set) Pairs() int64 {
	pairs := int64(0)
	for _, unit := range s.documents {
		for document := unit; document < unit+s.shard.perUnit(); document++ {
			pairs += s.shard.Length(int(document)) - 1
		}
	}
	return pairs
}

// perUnit is how many documents belong together.
func (s *Shard) perUnit() uint32 {
	if s.Kind == Preferences {
		return 2
	}
	return 1
}

// Split holds out about share (0 to 1) of a shard's documents for validation.
// Whether a document is held out depends on the seed and its index alone. A
// share above 0 leaves at least one document in each set if there are two (a
// single one is for training); a share of 0 holds out none. Documents of fewer than two tokens have nothing to
// predict and are in neither set.
func Split(shard *Shard, share float64, seed uint64) (train, validation *Set) {
	train, validation = &Set{shard: shard}, &Set{shard: shard}
	for document := uint32(0); document < uint32(len(shard.ends)); document += shard.perUnit() {
		if shard.Length(int(document)) < 2 {
			continue
		}
		if draw(seed, document) < share {
			validation.documents = append(validation.documents, document)
		} else {
			train.documents = append(train.documents, document)
		}
	}
	switch {
	case share < 1 && len(train.documents) == 0 && len(validation.documents) > 0:
		moveLowest(validation, train, seed)
	case share > 0 && len(validation.documents) == 0 && len(train.documents) > 1:
		moveLowest(train, validation, seed)
	}
	return train, validation
}

// draw is a document's number in [0, 1).
func draw(seed uint64, document uint32) float64 {
	return float64(hash(seed, uint64(document))>>11) / (1 << 53)
}

// moveLowest moves the document with the lowest draw to a set that is empty.
func moveLowest(from, to *Set, seed uint64) {
	lowest := 0
	for i, document := range from.documents {
		if draw(seed, document) < draw(seed, from.documents[lowest]) {
			lowest = i
		}
	}
	to.documents = append(to.documents, from.documents[lowest])
	from.documents = slices.Delete(from.documents, lowest, lowest+1)
}
