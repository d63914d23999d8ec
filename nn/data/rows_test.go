package data

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// encodeAnswers is a shard of conversations of the given lengths, of which each learns from its pair first on.
// Token t of the shard has id t.
func encodeAnswers(t testing.TB, lengths []int, firsts []uint32) *Shard {
	t.Helper()
	var file bytes.Buffer
	sw, err := newShardWriter(&file, ShardInfo{Kind: Conversations, VocabSize: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	var tokens []byte
	id := 0
	for i, length := range lengths {
		for k := range length {
			class := byte(given)
			if k > int(firsts[i]) {
				class = learnt
			}
			tokens = append(tokens, byte(id), byte(id>>8), class)
			id++
		}
	}
	if err := sw.write(tokens, lengths, firsts); err != nil {
		t.Fatal(err)
	}
	if err := sw.finish(); err != nil {
		t.Fatal(err)
	}
	shard, err := openBytes(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return shard
}

// Whatever the lengths, each conversation begins in exactly one row of an epoch and is whole, or fills its row; those
// with nothing to learn within a row are left out.
func TestConversationsStayWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	for range 200 {
		T := 5 + rng.IntN(90)
		lengths := make([]int, 1+rng.IntN(60))
		firsts := make([]uint32, len(lengths))
		starts := map[uint32]int{} // first token -> document
		cut, skipped, token, pairs := 0, 0, 0, 0
		for i := range lengths {
			lengths[i] = 2 + rng.IntN(T+T/4)
			firsts[i] = uint32(rng.IntN(lengths[i] - 1))
			if lengths[i]-1 > T {
				cut++
			}
			if int(firsts[i]) >= T {
				skipped++
			} else {
				starts[uint32(token)] = i
				pairs += min(lengths[i]-1, T)
			}
			token += lengths[i]
		}
		set, _ := Split(encodeAnswers(t, lengths, firsts), 0, 0)
		layout := Layout{T: T, Pad: rng.IntN(4) == 0, Shuffle: true, Seed: rng.Uint64()}
		stream, err := set.Stream(layout, Cursor{})
		if len(starts) == 0 {
			if err == nil || !strings.Contains(err.Error(), "every answer begins behind the") {
				t.Fatalf("nothing to learn: %v", err)
			}
			continue
		}
		if err != nil || stream.Cut() != cut || stream.Skipped() != skipped {
			t.Fatalf("%d cut and %d skipped, %v; want %d and %d", stream.Cut(), stream.Skipped(), err, cut, skipped)
		}
		rows := stream.RowsPerEpoch()
		if least := int64(pairs+T-1) / int64(T); !layout.Pad && rows > least+least/2+1 {
			t.Errorf("%d rows of %d for %d pairs", rows, T, pairs)
		}
		b := NewBatch(3, T)
		for epoch := range int64(2) {
			seen := map[int]bool{}
			for stream.Cursor().Epoch == epoch {
				next(t, stream, b)
				counted := 0
				for n := range b.Inputs {
					if b.Mask[n] != 0 {
						counted++
					}
					document, begins := starts[b.Inputs[n]]
					if int(b.Start[n]) != n || !begins || b.Targets[n] != b.Inputs[n]+1 {
						continue
					}
					if seen[document] {
						t.Fatalf("document %d came twice", document)
					}
					seen[document] = true
					for k := range min(lengths[document]-1, T) {
						m := n + k
						if m/T != n/T || int(b.Start[m]) != n || b.Inputs[m] != b.Inputs[n]+uint32(k) || (b.Mask[m] == 1) != (k >= int(firsts[document])) {
							t.Fatalf("pair %d of document %d is wrong", k, document)
						}
					}
				}
				if counted != b.Pairs {
					t.Fatalf("Pairs = %d of %d", b.Pairs, counted)
				}
			}
			if len(seen) != len(starts) {
				t.Fatalf("%d of %d documents seen", len(seen), len(starts))
			}
		}
	}
}

func TestConversationsResumeAtEveryCursor(t *testing.T) {
	lengths := []int{5, 9, 30, 4, 3, 21, 7, 2, 12}
	set, _ := Split(encodeAnswers(t, lengths, make([]uint32, len(lengths))), 0, 0)
	layout := Layout{T: 16, Shuffle: true, Seed: 5}
	stream := openStream(t, set, layout, Cursor{})
	b := NewBatch(2, 16)
	var cursors []Cursor
	var rows []string
	for range 20 {
		cursors = append(cursors, stream.Cursor())
		next(t, stream, b)
		rows = append(rows, fmt.Sprint(b.Inputs, b.Mask))
	}
	if !slices.ContainsFunc(cursors, func(c Cursor) bool { return c.Epoch == 2 }) {
		t.Fatal("fewer than three epochs")
	}
	for i, cursor := range cursors {
		again := openStream(t, set, layout, cursor)
		for _, want := range rows[i:] {
			next(t, again, b)
			if got := fmt.Sprint(b.Inputs, b.Mask); got != want {
				t.Fatalf("from %v: %s, want %s", cursor, got, want)
			}
		}
	}
}
