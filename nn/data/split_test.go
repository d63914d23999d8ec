package data

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	many := makeShard(t, slices.Repeat([]int{2}, 20000)...)
	train, validation := Split(many, 0.05, 1)
	if n := validation.Documents(); n < 900 || n > 1100 {
		t.Errorf("held out %d of 20000 documents, want about 1000", n)
	}
	both := slices.Concat(train.documents, validation.documents)
	slices.Sort(both)
	for i, document := range both {
		if int(document) != i {
			t.Fatalf("document %d is in both sets or in none", i)
		}
	}
	if len(both) != 20000 || train.Pairs()+validation.Pairs() != 20000 {
		t.Errorf("%d documents and %d pairs in both sets, want 20000", len(both), train.Pairs()+validation.Pairs())
	}
	again, other := Split(many, 0.05, 1)
	_, differs := Split(many, 0.05, 2)
	if !slices.Equal(other.documents, validation.documents) || !slices.Equal(again.documents, train.documents) {
		t.Error("one seed gave two splits")
	}
	if slices.Equal(differs.documents, validation.documents) {
		t.Error("two seeds gave one split")
	}
	for _, c := range []struct {
		documents         int
		share             float64
		train, validation int
	}{
		{1, 0.5, 1, 0}, {2, 0.001, 1, 1}, {2, 0.999, 1, 1}, {5, 0, 5, 0}, {5, 1, 0, 5},
	} {
		for seed := range uint64(20) {
			shard := makeShard(t, append(slices.Repeat([]int{3}, c.documents), 1, 0)...)
			train, validation := Split(shard, c.share, seed)
			if train.Documents() != c.train || validation.Documents() != c.validation {
				t.Errorf("%d documents, share %v, seed %d: %d and %d, want %d and %d", c.documents, c.share, seed,
					train.Documents(), validation.Documents(), c.train, c.validation)
			}
		}
	}
}
