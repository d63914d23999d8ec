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
	// up, as MiniMind does. Otherwise rows are packed. Texts follow each other,
	// one that does not fit goes on in the next row, every pair of every document
	// is in exactly one row, and only an epoch's end is filled up. Conversations
	// stay whole, unless they are longer than a row: those that fill a row best
	// share it. Preferences are always alone.
	Pad bool
	// Shuffle draws the order of documents (or rows of whole documents) from
	// (Seed, epoch); otherwise it is the order of the file.
	Shuffle   bool
	Seed      uint64
	TagWeight float64 // the Mask of tokens of tags in answers; 0 is 1, like the others
}

// Cursor is a place in a stream: the next pair is pair Offset of the document
// that is at place Document in the epoch's order. Where documents stay whole,
// Document is a row's place and Offset 0.
type Cursor struct {
	Epoch    int64
	Document int64
	Offset   int64
}

// Stream gives the rows of a set, epoch after epoch. It is for one goroutine.
// Those of preferences are two halves of a batch: row i of the first is a chosen
// conversation, row i of the second the rejected one that belongs to it.
type Stream struct {
	shard  *Shard
	layout Layout
	pairs  int64
	cursor Cursor
	set    []uint32 // the documents in the order of the file
	plan   *rowPlan // where documents stay whole, else nil
	order  []uint32 // the documents, or the plan's rows, in the order of epoch cursor.Epoch
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
	if layout.TagWeight == 0 {
		layout.TagWeight = 1
	}
	stream := &Stream{shard: s.shard, layout: layout, pairs: s.Pairs(), set: s.documents,
		buf: make([]byte, s.shard.Kind.tokenSize()*int64(layout.T+1))}
	units := len(s.documents)
	if layout.Pad || s.shard.Kind.answers() {
		var err error
		if stream.plan, err = planRows(s, layout); err != nil {
			return nil, err
		}
		units = len(stream.plan.ends)
	}
	stream.order = make([]uint32, units)
	if err := stream.Seek(at); err != nil {
		return nil, err
	}
	return stream, nil
}

// Seek goes to a place that a stream of the same set and layout had come to. The error says why there is no such place;
// the stream is then of no use.
func (s *Stream) Seek(at Cursor) error {
	if at.Epoch < 0 || at.Document < 0 || at.Offset < 0 || at.Document >= int64(len(s.order)) {
		return fmt.Errorf("no document %d of epoch %d in data of %d documents; was it made from other data?",
			at.Document, at.Epoch, len(s.order))
	}
	s.cursor = at
	s.drawOrder()
	document := int(s.order[at.Document])
	if s.plan != nil {
		document = int(s.plan.row(s.order[at.Document])[0])
	}
	if pairs := s.shard.Length(document) - 1; at.Offset >= pairs || s.plan != nil && at.Offset > 0 {
		return fmt.Errorf("no row starts at pair %d of document %d, which has %d; was it made from other data?",
			at.Offset, document, pairs)
	}
	return nil
}

// drawOrder makes the order of the cursor's epoch.
func (s *Stream) drawOrder() {
	if s.plan == nil {
		copy(s.order, s.set)
	} else {
		for i := range s.order {
			s.order[i] = uint32(i)
		}
	}
	if s.layout.Shuffle {
		shuffle(s.order, hash(s.layout.Seed, uint64(s.cursor.Epoch)))
	}
}

// Cut is how many documents are cut off at the end of a row.
func (s *Stream) Cut() int {
	if s.plan == nil {
		return 0
	}
	return s.plan.cut
}

// Skipped is how many documents (or pairs of them) are left out, because a row
// ends before there is anything to learn in them.
func (s *Stream) Skipped() int {
	if s.plan == nil {
		return 0
	}
	return s.plan.skipped
}

// Cursor is the place of the next row.
func (s *Stream) Cursor() Cursor { return s.cursor }

// RowsPerEpoch is how many rows hold every document once. A batch never spans
// two epochs, so B rows at a time take RowsPerEpoch/B batches, rounded up.
func (s *Stream) RowsPerEpoch() int64 {
	if s.plan != nil {
		return int64(len(s.order)) * int64(s.shard.perUnit())
	}
	return (s.pairs + int64(s.layout.T) - 1) / int64(s.layout.T)
}

// Next fills b with the next rows. The last batch of an epoch is filled up with
// pairs that do not count; the one after it is the next epoch's first. After an
// error the stream stays where it was.
func (s *Stream) Next(b *Batch) error {
	halves := int(s.shard.perUnit())
	if b.T != s.layout.T || b.B%halves != 0 {
		panic(fmt.Sprintf("data: a batch of %d x %d for a stream of T = %d, %d rows at a time", b.B, b.T, s.layout.T, halves))
	}
	before := s.cursor
	b.Pairs = 0
	for row := range b.B / halves {
		if err := s.nextRow(b, row, halves); err != nil {
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

// nextRow fills a row of each half of a batch.
func (s *Stream) nextRow(b *Batch, row, halves int) error {
	atEnd := s.cursor.Document == int64(len(s.order))
	for half := range halves {
		n := (half*b.B/halves + row) * b.T
		var err error
		switch {
		case atEnd:
			b.fill(n, n+b.T)
		case s.plan != nil:
			err = s.wholeDocuments(b, n, n+b.T, uint32(half))
		default:
			err = s.flow(b, n, n+b.T)
		}
		if err != nil {
			return err
		}
	}
	if s.plan != nil && !atEnd {
		s.cursor.Document++
	}
	return nil
}

// wholeDocuments fills the pairs from n up to end with the documents of the plan's row at the cursor,
// or with those that follow each of them by so many.
func (s *Stream) wholeDocuments(b *Batch, n, end int, follow uint32) error {
	for _, document := range s.plan.row(s.order[s.cursor.Document]) {
		document := int(document + follow)
		count := int(min(s.shard.Length(document)-1, int64(end-n)))
		if err := s.copyPairs(b, n, count, document); err != nil {
			return err
		}
		n += count
	}
	b.fill(n, end)
	return nil
}

// flow fills the pairs from n up to end with documents from the cursor on; the
// last of them goes on in the next row.
func (s *Stream) flow(b *Batch, n, end int) error {
	for n < end && s.cursor.Document < int64(len(s.order)) {
		document := int(s.order[s.cursor.Document])
		left := s.shard.Length(document) - 1 - s.cursor.Offset
		count := int(min(left, int64(end-n)))
		if err := s.copyPairs(b, n, count, document); err != nil {
			return err
		}
		n += count
		s.cursor.Offset += int64(count)
		if int64(count) == left {
			s.cursor.Document++
			s.cursor.Offset = 0
		}
	}
	b.fill(n, end)
	return nil
}

// copyPairs makes pairs n to n+count-1 of a document's tokens from the cursor on.
func (s *Stream) copyPairs(b *Batch, n, count, document int) error {
	size := int(s.shard.Kind.tokenSize())
	tokens := s.buf[:size*(count+1)]
	if err := s.shard.readTokens(tokens, document, s.cursor.Offset); err != nil {
		return err
	}
	id := func(i int) uint32 { return uint32(binary.LittleEndian.Uint16(tokens[size*i:])) }
	for i := range count + 1 {
		if id(i) >= uint32(s.shard.VocabSize) {
			return fmt.Errorf("corrupt shard: document %d has token %d in a vocabulary of %d; prepare the data again",
				document, id(i), s.shard.VocabSize)
		}
	}
	for i := range count {
		b.Inputs[n+i], b.Targets[n+i], b.Start[n+i] = id(i), id(i+1), uint32(n)
		mask := float32(1)
		if size == 3 {
			mask = s.mask(tokens[size*(i+1)+2])
		}
		b.Mask[n+i] = mask
		if mask != 0 {
			b.Pairs++
		}
	}
	return nil
}

// mask is what a target of a class weighs.
func (s *Stream) mask(class byte) float32 {
	switch class {
	case given:
		return 0
	case tagged:
		return float32(s.layout.TagWeight)
	}
	return 1
}
