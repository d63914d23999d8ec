package data

import (
	"bytes"
	"fmt"
	"io"
)

// blockSize is how many bytes are read before a block is cut: enough that
// handing it to another core costs nothing beside tokenising it.
const blockSize = 256 << 10

// block is a run of whole documents out of a file, with what is needed to name
// a place in it.
type block struct {
	name   string
	format Format
	text   []byte
	line   int   // the number of the first line, from 1
	end    int64 // bytes of the file up to the block's end
	empty  int64 // empty documents found, counted by documents
}

// blockReader cuts a file into blocks. Cuts fall between documents.
type blockReader struct {
	name   string
	format Format
	r      io.Reader
	rest   []byte // read, but behind the last cut
	line   int    // of rest's first byte
	offset int64  // bytes of the file given out in blocks
	ended  bool
}

func newBlockReader(name string, r io.Reader, format Format) *blockReader {
	return &blockReader{name: name, format: format, r: r, line: 1}
}

// next fills b, reusing its memory. The error is io.EOF behind the last block.
func (br *blockReader) next(b *block) error {
	b.name, b.format, b.line, b.empty = br.name, br.format, br.line, 0
	b.text = append(b.text[:0], br.rest...)
	scanned, cut := 0, 0 // whole lines looked at; the last place between documents
	for {
		scanned, cut = br.scan(b.text, scanned, cut)
		if br.ended || cut >= blockSize {
			break
		}
		if len(b.text)-cut > MaxDocument {
			return br.tooLong(br.line + bytes.Count(b.text[:cut], []byte("\n")))
		}
		if err := br.read(b); err != nil {
			return err
		}
	}
	if br.ended {
		cut = len(b.text)
	}
	if cut == 0 {
		return io.EOF
	}
	br.rest = append(br.rest[:0], b.text[cut:]...)
	b.text = b.text[:cut]
	br.line += bytes.Count(b.text, []byte("\n"))
	br.offset += int64(cut)
	b.end = br.offset
	if b.line == 1 {
		b.text = bytes.TrimPrefix(b.text, []byte("\ufeff")) // a byte order mark
	}
	return nil
}

// scan looks at the whole lines of text from scanned on, and returns where they
// end and the last place between two documents.
func (br *blockReader) scan(text []byte, scanned, cut int) (int, int) {
	for {
		i := bytes.IndexByte(text[scanned:], '\n')
		if i < 0 {
			return scanned, cut
		}
		line := text[scanned : scanned+i+1]
		scanned += i + 1
		if br.format == JSONL || isBlank(line) {
			cut = scanned
		}
	}
}

// read appends up to blockSize bytes to b.text.
func (br *blockReader) read(b *block) error {
	n := len(b.text)
	if cap(b.text)-n < blockSize {
		grown := make([]byte, n, 2*cap(b.text)+2*blockSize)
		copy(grown, b.text)
		b.text = grown
	}
	for len(b.text) < n+blockSize {
		got, err := br.r.Read(b.text[len(b.text) : n+blockSize])
		b.text = b.text[:len(b.text)+got]
		if err == io.EOF {
			br.ended = true
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: reading after byte %d: %w", br.name, br.offset+int64(len(b.text)), err)
		}
	}
	return nil
}

// tooLong is the error of a document, from a line on, of more than MaxDocument bytes.
func (br *blockReader) tooLong(line int) error {
	if br.format == JSONL {
		return fmt.Errorf("%s: line %d is longer than %d MiB; split it into several documents", br.name, line, MaxDocument>>20)
	}
	return fmt.Errorf("%s: the document at line %d is longer than %d MiB; separate documents by empty lines", br.name, line, MaxDocument>>20)
}
