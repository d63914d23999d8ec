package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format says how a file holds its documents.
type Format int

const (
	// JSONL is one JSON object a line, its document in the field "text".
	// Other fields and empty lines are ignored.
	JSONL Format = iota
	// Text is plain text; lines that are empty or only spaces separate the
	// documents.
	Text
)

// MaxDocument is the most bytes of a JSONL line or a plain-text document.
const MaxDocument = 16 << 20

// Documents yields the documents of r in order, holding one block of them in
// memory at a time. Empty documents are left out. An error names the file and
// the line, and ends the sequence.
func Documents(name string, r io.Reader, format Format) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		blocks := newBlockReader(name, r, format)
		var b block
		found := false
		for {
			err := blocks.next(&b)
			if err == io.EOF {
				break
			}
			stopped := false
			if err == nil {
				err = b.documents(func(text string) bool {
					found = true
					stopped = !yield(text, nil)
					return !stopped
				})
			}
			if stopped {
				return
			}
			if err != nil {
				yield("", err)
				return
			}
		}
		if !found {
			yield("", noDocuments(name, blocks.offset, Texts))
		}
	}
}

// noDocuments is the error of a file of size bytes in which nothing was found.
func noDocuments(name string, size int64, kind Kind) error {
	switch {
	case size == 0:
		return fmt.Errorf("%s: the file is empty", name)
	case kind.answers():
		return fmt.Errorf("%s: nothing to learn: no conversation in its %d bytes has an answer of the assistant", name, size)
	}
	return fmt.Errorf("%s: no documents: every document in its %d bytes is empty", name, size)
}

// documents calls yield with each document of the block that is not empty, and
// counts the others, until yield returns false.
func (b *block) documents(yield func(text string) bool) error {
	if b.format == Text {
		return b.textDocuments(yield)
	}
	return b.jsonDocuments(yield)
}

func (b *block) jsonDocuments(yield func(string) bool) error {
	return b.records(func(record []byte) (bool, error) {
		text, err := textField(record)
		if err != nil {
			return false, err
		}
		if strings.TrimSpace(text) == "" {
			b.empty++
			return true, nil
		}
		return yield(text), nil
	})
}

// records calls yield with each line that is not blank, until it returns false
// or an error, to which the file and the line are added.
func (b *block) records(yield func(record []byte) (bool, error)) error {
	line := b.line
	for rest := b.text; len(rest) > 0; line++ {
		record, after, ended := bytes.Cut(rest, []byte("\n"))
		rest = after
		if isBlank(record) {
			continue
		}
		if err := b.checkUTF8(record, line); err != nil {
			return err
		}
		more, err := yield(record)
		if err != nil {
			if !ended && isTruncated(err) {
				return fmt.Errorf("%s: line %d: the file ends in the middle of this record; it was cut short, so fetch it again or delete the line", b.name, line)
			}
			return fmt.Errorf("%s: line %d: %w", b.name, line, err)
		}
		if !more {
			return nil
		}
	}
	return nil
}

// textField returns the string in the field "text" of a JSON object.
func textField(record []byte) (string, error) {
	var fields struct {
		Text *string `json:"text"`
	}
	err := json.Unmarshal(record, &fields)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field == "" {
			return "", fmt.Errorf(`%s, not an object; each line must be {"text": "..."}`, wrong.Value)
		}
		return "", fmt.Errorf(`"text" is of type %s, not string`, wrong.Value)
	}
	if err != nil {
		return "", fmt.Errorf("invalid JSON: %w", err)
	}
	if fields.Text == nil {
		var all map[string]json.RawMessage
		if json.Unmarshal(record, &all); all["text"] != nil {
			return "", errors.New(`"text" is null, not a string`)
		}
		return "", fmt.Errorf(`no field "text"; the fields are %q`, slices.Sorted(maps.Keys(all)))
	}
	return *fields.Text, nil
}

// isTruncated tells JSON that ends too early from JSON that is wrong.
func isTruncated(err error) bool {
	wrong, ok := errors.AsType[*json.SyntaxError](err)
	return ok && wrong.Error() == "unexpected end of JSON input"
}

func (b *block) textDocuments(yield func(string) bool) error {
	line := b.line
	start := 0 // of the document that is being read
	emit := func(end int) bool {
		document := bytes.Trim(b.text[start:end], "\r\n")
		return len(document) == 0 || yield(string(document))
	}
	for at := 0; at < len(b.text); line++ {
		end := len(b.text)
		if i := bytes.IndexByte(b.text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		content := b.text[at:end]
		if err := b.checkUTF8(content, line); err != nil {
			return err
		}
		if isBlank(content) {
			if !emit(at) {
				return nil
			}
			start = end
		}
		at = end
	}
	emit(len(b.text))
	return nil
}

// isBlank tells a line without a document: in plain text it separates two.
func isBlank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// checkUTF8 returns an error that names the first byte of a line that is not UTF-8.
func (b *block) checkUTF8(text []byte, line int) error {
	if utf8.Valid(text) {
		return nil
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("%s: line %d: byte %d is not valid UTF-8; convert the file to UTF-8", b.name, line, at+1)
		}
		at += size
	}
}
