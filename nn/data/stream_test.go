package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// makeShard writes documents of the given lengths. Token t of the shard has id
// t, so that a token says where it came from.
func makeShard(t testing.TB, lengths ...int) *Shard {
	t.Helper()
	shard, err := openBytes(encodeShard(t, 1<<16, lengths))
	if err != nil {
		t.Fatal(err)
	}
	return shard
}

func encodeShard(t testing.TB, vocabSize int, lengths []int) []byte {
	t.Helper()
	var file bytes.Buffer
	sw, err := newShardWriter(&file, ShardInfo{Kind: Texts, VocabSize: vocabSize})
	if err != nil {
		t.Fatal(err)
	}
	var tokens []byte
	total := 0
	for _, length := range lengths {
		for range length {
			tokens = binary.LittleEndian.AppendUint16(tokens, uint16(total))
			total++
		}
	}
	if err := sw.write(tokens, lengths, nil); err != nil {
		t.Fatal(err)
	}
	if err := sw.finish(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func openBytes(file []byte) (*Shard, error) {
	return OpenShard(bytes.NewReader(file), int64(len(file)))
}

func openStream(t testing.TB, set *Set, layout Layout, at Cursor) *Stream {
	t.Helper()
	stream, err := set.Stream(layout, at)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func next(t testing.TB, s *Stream, b *Batch) {
	t.Helper()
	if err := s.Next(b); err != nil {
		t.Fatal(err)
	}
}

// show writes a batch as one line a row: input>target, with a bar before each
// first pair of a document in the row; dots are filling.
func show(b *Batch) string {
	var rows []string
	for row := range b.B {
		var line strings.Builder
		for n := row * b.T; n < (row+1)*b.T; n++ {
			if b.Start[n] == uint32(n) && b.Mask[n] == 1 {
				line.WriteString("|")
			}
			if b.Mask[n] == 1 {
				fmt.Fprintf(&line, "%d>%d ", b.Inputs[n], b.Targets[n])
			} else {
				line.WriteString(". ")
			}
		}
		rows = append(rows, strings.TrimSpace(line.String()))
	}
	return strings.Join(rows, "\n")
}

func TestPackedRows(t *testing.T) {
	// Tokens 0-4, 5-6, 7-9 and 10-13: 4 + 1 + 2 + 3 = 10 pairs in rows of 3.
	train, _ := Split(makeShard(t, 5, 2, 3, 4), 0, 0)
	stream := openStream(t, train, Layout{T: 3}, Cursor{})
	if got := stream.RowsPerEpoch(); got != 4 {
		t.Errorf("RowsPerEpoch = %d, want 4", got)
	}
	b := NewBatch(3, 3)
	for i, want := range []struct {
		rows   string
		pairs  int
		cursor Cursor
	}{
		{"|0>1 1>2 2>3\n|3>4 |5>6 |7>8\n|8>9 |10>11 11>12", 9, Cursor{0, 3, 2}},
		{"|12>13 . .\n. . .\n. . .", 1, Cursor{1, 0, 0}},
		{"|0>1 1>2 2>3\n|3>4 |5>6 |7>8\n|8>9 |10>11 11>12", 9, Cursor{1, 3, 2}},
	} {
		next(t, stream, b)
		if got := show(b); got != want.rows || b.Pairs != want.pairs || stream.Cursor() != want.cursor {
			t.Errorf("batch %d: %d pairs, then %v\n%s\nwant %d pairs, then %v\n%s",
				i, b.Pairs, stream.Cursor(), got, want.pairs, want.cursor, want.rows)
		}
	}
}

func TestPaddedRows(t *testing.T) {
	train, _ := Split(makeShard(t, 5, 2, 3), 0, 0)
	stream := openStream(t, train, Layout{T: 3, Pad: true}, Cursor{})
	if got := stream.RowsPerEpoch(); got != 3 {
		t.Errorf("RowsPerEpoch = %d, want 3", got)
	}
	b := NewBatch(2, 3)
	for i, want := range []struct {
		rows   string
		pairs  int
		cursor Cursor
	}{
		{"|0>1 1>2 2>3\n|5>6 . .", 4, Cursor{0, 2, 0}}, // pair 3>4 is cut off
		{"|7>8 8>9 .\n. . .", 2, Cursor{1, 0, 0}},
	} {
		next(t, stream, b)
		if got := show(b); got != want.rows || b.Pairs != want.pairs || stream.Cursor() != want.cursor {
			t.Errorf("batch %d: %d pairs, then %v\n%s\nwant %d pairs, then %v\n%s",
				i, b.Pairs, stream.Cursor(), got, want.pairs, want.cursor, want.rows)
		}
	}
}

// An order is part of a run's record: it must not change with a Go version.
func TestOrderIsFixed(t *testing.T) {
	// The published start of SplitMix64 from the seed 1234567.
	if first, second := hash(1234567, 0), hash(1234567, 1); first != 6457827717110365317 || second != 3203168211198807973 {
		t.Errorf("hash(1234567, 0 and 1) = %d, %d", first, second)
	}
	documents := []uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	shuffle(documents, hash(7, 0))
	if want := []uint32{2, 8, 3, 6, 7, 4, 1, 0, 9, 5}; !slices.Equal(documents, want) {
		t.Errorf("order of seed 7, epoch 0: %v, want %v", documents, want)
	}
}

// checkRows holds every rule of a batch's Start and Mask.
func checkRows(t *testing.T, b *Batch) {
	t.Helper()
	pairs := 0
	for n := range b.Inputs {
		start, row := int(b.Start[n]), n/b.T
		pairs += int(b.Mask[n])
		switch {
		case start > n || start < row*b.T || int(b.Start[start]) != start:
			t.Fatalf("pair %d of row %d starts at %d", n, row, start)
		case b.Mask[n] == 0 && (start != n || b.Inputs[n] != 0 || b.Targets[n] != 0):
			t.Fatalf("filling pair %d: start %d, %d>%d", n, start, b.Inputs[n], b.Targets[n])
		case b.Mask[n] == 1 && start < n && b.Inputs[n] != b.Targets[n-1]:
			t.Fatalf("pair %d does not continue pair %d", n, n-1)
		}
	}
	if pairs != b.Pairs {
		t.Fatalf("Pairs = %d, the mask has %d", b.Pairs, pairs)
	}
}

// Whatever the lengths, every pair of every document comes once an epoch, in
// exactly the rows that were announced, and no padding before the end.
func TestEveryPairOnceAnEpoch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		lengths := make([]int, 1+rng.IntN(12))
		for i := range lengths {
			lengths[i] = rng.IntN(9) // also documents of no pairs
		}
		lengths[0] = 2 + rng.IntN(40)
		train, _ := Split(makeShard(t, lengths...), 0, 0)
		layout := Layout{T: 1 + rng.IntN(9), Pad: rng.IntN(3) == 0, Shuffle: true, Seed: rng.Uint64()}
		stream := openStream(t, train, layout, Cursor{})
		b := NewBatch(1+rng.IntN(4), layout.T)
		for epoch := range int64(2) {
			seen := map[uint32]int{}
			rows := int64(0)
			for stream.Cursor().Epoch == epoch {
				next(t, stream, b)
				checkRows(t, b)
				for n := range b.Inputs {
					if b.Mask[n] == 1 {
						seen[b.Inputs[n]]++
						if b.Targets[n] != b.Inputs[n]+1 {
							t.Fatalf("pair %d>%d", b.Inputs[n], b.Targets[n])
						}
						if n%b.T == 0 {
							rows++
						}
					}
				}
				if !layout.Pad && stream.Cursor().Epoch == epoch && b.Pairs != b.B*b.T {
					t.Fatalf("%d of %d pairs in a batch before the epoch's end", b.Pairs, b.B*b.T)
				}
			}
			if rows != stream.RowsPerEpoch() {
				t.Fatalf("%d rows, RowsPerEpoch = %d", rows, stream.RowsPerEpoch())
			}
			token := uint32(0)
			for _, length := range lengths {
				for i := range length {
					want := 0
					if i < length-1 && (!layout.Pad || i < layout.T) {
						want = 1
					}
					if seen[token] != want {
						t.Fatalf("%+v, lengths %v: pair at token %d came %d times, want %d", layout, lengths, token, seen[token], want)
					}
					token++
				}
			}
		}
	}
}

// A stream opened at any cursor, or sought to it, goes on as the one that came there.
func TestResumeAtEveryCursor(t *testing.T) {
	train, _ := Split(makeShard(t, 5, 2, 30, 4, 3, 1, 7, 2), 0, 0)
	for _, layout := range []Layout{
		{T: 4}, {T: 4, Shuffle: true, Seed: 3}, {T: 7, Shuffle: true, Seed: 4}, {T: 5, Pad: true, Shuffle: true, Seed: 5},
	} {
		const batches = 30
		var cursors []Cursor
		var rows []string
		b := NewBatch(2, layout.T)
		stream := openStream(t, train, layout, Cursor{})
		for range batches {
			cursors = append(cursors, stream.Cursor())
			next(t, stream, b)
			rows = append(rows, show(b))
		}
		if cursors[batches-1].Epoch < 3 {
			t.Fatalf("only %d epochs seen", cursors[batches-1].Epoch)
		}
		for i, cursor := range cursors {
			resumed := openStream(t, train, layout, cursor)
			if i%2 == 1 {
				resumed = stream // which is elsewhere
				if err := resumed.Seek(cursor); err != nil {
					t.Fatal(err)
				}
			}
			for k := i; k < batches; k++ {
				if resumed.Cursor() != cursors[k] {
					t.Fatalf("%+v: resumed at %v, then at %v, want %v", layout, cursor, resumed.Cursor(), cursors[k])
				}
				next(t, resumed, b)
				if got := show(b); got != rows[k] {
					t.Fatalf("%+v: resumed at %v, batch %d:\n%s\nwant\n%s", layout, cursor, k, got, rows[k])
				}
			}
		}
	}
}

func TestEpochsDifferInOrder(t *testing.T) {
	lengths := slices.Repeat([]int{2}, 50)
	train, _ := Split(makeShard(t, lengths...), 0, 0)
	orders := map[string]bool{}
	for seed := range uint64(3) {
		stream := openStream(t, train, Layout{T: 50, Shuffle: true, Seed: seed}, Cursor{})
		for range 3 {
			b := NewBatch(1, 50)
			next(t, stream, b)
			orders[show(b)] = true
		}
	}
	if len(orders) != 9 {
		t.Errorf("3 seeds of 3 epochs gave %d different orders, want 9", len(orders))
	}
}

func TestStreamRefusesWrongPlaces(t *testing.T) {
	train, validation := Split(makeShard(t, 5, 2), 0, 0)
	for _, c := range []struct {
		set    *Set
		layout Layout
		at     Cursor
		want   string
	}{
		{train, Layout{}, Cursor{}, "rows of 0 tokens"},
		{validation, Layout{T: 4}, Cursor{}, "no documents to read"},
		{train, Layout{T: 4}, Cursor{Document: 2}, "no document 2 of epoch 0 in data of 2 documents"},
		{train, Layout{T: 4}, Cursor{Epoch: -1}, "epoch -1"},
		{train, Layout{T: 4}, Cursor{Document: 1, Offset: 1}, "no row starts at pair 1 of document 1"},
		{train, Layout{T: 4, Pad: true}, Cursor{Offset: 1}, "no row starts at pair 1 of document 0"},
	} {
		if _, err := c.set.Stream(c.layout, c.at); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v at %v: %v, want %q", c.layout, c.at, err, c.want)
		}
	}
}

// A token outside the vocabulary must not reach the embedding.
func TestNextRefusesTokensOutsideTheVocabulary(t *testing.T) {
	shard, err := openBytes(encodeShard(t, 5, []int{3, 4}))
	if err != nil {
		t.Fatal(err)
	}
	train, _ := Split(shard, 0, 0)
	stream := openStream(t, train, Layout{T: 2}, Cursor{})
	b := NewBatch(1, 2)
	next(t, stream, b)
	before := stream.Cursor()
	if err := stream.Next(b); err == nil || !strings.Contains(err.Error(), "document 1 has token 5 in a vocabulary of 5") {
		t.Errorf("error %v", err)
	}
	if stream.Cursor() != before {
		t.Errorf("moved to %v by a failed Next, want %v", stream.Cursor(), before)
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	train, _ := Split(makeShard(t, 5, 2, 30, 4, 3, 7, 2), 0, 0)
	stream := openStream(t, train, Layout{T: 4, Shuffle: true}, Cursor{})
	b := NewBatch(2, 4)
	if n := testing.AllocsPerRun(100, func() { next(t, stream, b) }); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
	if stream.Cursor().Epoch == 0 {
		t.Error("no new epoch among the batches")
	}
}
