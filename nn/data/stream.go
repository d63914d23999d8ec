package data

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Layout says how documents become rows.
type Layout struct {
	T int // pairs of a row
	// Pad gives each document a row of its own, cut off after T pairs and filled
	// up, as MiniMind does. Otherwise rows are packed: documents follow each
	// other, one that does not fit goes on in the next row, every pair of every
	// document is in exactly one row, and only an epoch's end is filled up.
	Pad bool
	// Shuffle draws the order of documents from (Seed, epoch); otherwise it is
	// the order of the file.
	Shuffle bool
	Seed    uint64
}

// Cursor is a place in a stream: the next pair is pair Offset of the document
// that is at place Document in the epoch's order.
type Cursor struct {
	Epoch    int64
	Document int64
	Offset   int64
}

// Stream gives the rows of a set, epoch after epoch. It is for one goroutine.
type Stream struct {
	shard  *Shard
	layout Layout
	pairs  int64
	cursor Cursor
	set    []uint32 // the documents in the order of the file
	order  []uint32 // the documents in the order of epoch cursor.Epoch
	buf    []byte   // T+1 tokens
}

// Stream opens a stream at a place that another stream of the same set and
// layout had come to, or at the start, Cursor{}. The number of rows of a batch
// may differ. The error says why the set has no such place.
func (s *Set) Stream(layout Layout, at Cursor) (*Stream, error) {
	if layout.T < 1 {
		return nil, fmt.Errorf("rows of %d tokens; a row needs at least one", layout.T)
	}
	if len(s.documents) == 0 {
		return nil, errors.New("no documents to read; prepare more data or change the validation share")
	}
	stream := &Stream{
		shard: s.shard, layout: layout, pairs: s.Pairs(),
		set: s.documents, order: make([]uint32, len(s.documents)), buf: make([]byte, 2*(layout.T+1)),
	}
	if err := stream.Seek(at); err != nil {
		return nil, err
	}
	return stream, nil
}

// Seek goes to a place that a stream of the same set and layout had come to. The error says why there is no such place;
// the stream is then of no use.
func (s *Stream) Seek(at Cursor) error {
	if at.Epoch < 0 || at.Document < 0 || at.Offset < 0 || at.Document >= int64(len(s.set)) {
		return fmt.Errorf("no document %d of epoch %d in data of %d documents; was it made from other data?",
			at.Document, at.Epoch, len(s.set))
	}
	s.cursor = at
	s.drawOrder()
	document := int(s.order[at.Document])
	if pairs := s.shard.Length(document) - 1; at.Offset >= pairs || s.layout.Pad && at.Offset > 0 {
		return fmt.Errorf("no row starts at pair %d of document %d, which has %d; was it made from other data?",
			at.Offset, document, pairs)
	}
	return nil
}

// drawOrder makes the order of the cursor's epoch.
func (s *Stream) drawOrder() {
	copy(s.order, s.set)
	if s.layout.Shuffle {
		shuffle(s.order, hash(s.layout.Seed, uint64(s.cursor.Epoch)))
	}
}

// Cursor is the place of the next row.
func (s *Stream) Cursor() Cursor { return s.cursor }

// RowsPerEpoch is how many rows hold every document once. A batch never spans
// two epochs, so B rows at a time take RowsPerEpoch/B batches, rounded up.
func (s *Stream) RowsPerEpoch() int64 {
	if s.layout.Pad {
		return int64(len(s.set))
	}
	return (s.pairs + int64(s.layout.T) - 1) / int64(s.layout.T)
}

// Next fills b with the next rows. The last batch of an epoch is filled up with
// pairs that do not count; the one after it is the next epoch's first. After an
// error the stream stays where it was.
func (s *Stream) Next(b *Batch) error {
	if b.T != s.layout.T {
		panic(fmt.Sprintf("data: a batch of T = %d for a stream of T = %d", b.T, s.layout.T))
	}
	before := s.cursor
	b.Pairs = 0
	for row := range b.B {
		n := row * b.T
		if s.cursor.Document == int64(len(s.order)) {
			b.fill(n, n+b.T)
			continue
		}
		if err := s.nextRow(b, n, n+b.T); err != nil {
			s.cursor = before
			return err
		}
	}
	if s.cursor.Document == int64(len(s.order)) {
		s.cursor = Cursor{Epoch: s.cursor.Epoch + 1}
		s.drawOrder()
	}
	return nil
}

// nextRow fills the pairs from n up to end.
func (s *Stream) nextRow(b *Batch, n, end int) error {
	for n < end && s.cursor.Document < int64(len(s.order)) {
		document := int(s.order[s.cursor.Document])
		left := s.shard.Length(document) - 1 - s.cursor.Offset
		count := int(min(left, int64(end-n)))
		if err := s.copyPairs(b, n, count, document); err != nil {
			return err
		}
		n += count
		if int64(count) == left || s.layout.Pad {
			s.cursor.Document++
			s.cursor.Offset = 0
		} else {
			s.cursor.Offset += int64(count)
		}
		if s.layout.Pad {
			break
		}
	}
	b.fill(n, end)
	return nil
}

// copyPairs makes pairs n to n+count-1 of a document's tokens from the cursor on.
func (s *Stream) copyPairs(b *Batch, n, count, document int) error {
	tokens := s.buf[:2*(count+1)]
	if err := s.shard.readTokens(tokens, document, s.cursor.Offset); err != nil {
		return err
	}
	id := func(i int) uint32 { return uint32(binary.LittleEndian.Uint16(tokens[2*i:])) }
	for i := range count + 1 {
		if id(i) >= uint32(s.shard.VocabSize) {
			return fmt.Errorf("corrupt shard: document %d has token %d in a vocabulary of %d; prepare the data again",
				document, id(i), s.shard.VocabSize)
		}
	}
	for i := range count {
		b.Inputs[n+i], b.Targets[n+i] = id(i), id(i+1)
		b.Mask[n+i], b.Start[n+i] = 1, uint32(n)
	}
	b.Pairs += count
	return nil
}
