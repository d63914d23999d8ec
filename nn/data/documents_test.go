package data

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// collect reads all documents, up to the error if there is one.
func collect(r io.Reader, format Format) ([]string, error) {
	var documents []string
	for document, err := range Documents("some.file", r, format) {
		if err != nil {
			return documents, err
		}
		documents = append(documents, document)
	}
	return documents, nil
}

func TestDocuments(t *testing.T) {
	for _, c := range []struct {
		name   string
		format Format
		file   string
		want   []string
	}{
		{"lines", JSONL, "{\"text\": \"one\"}\n{\"text\": \"two\"}\n", []string{"one", "two"}},
		{"last line without end", JSONL, "{\"text\": \"one\"}\n{\"text\": \"two\"}", []string{"one", "two"}},
		{"other fields, escapes", JSONL, `{"id": 3, "text": "a\n\"b\" \u4e2d\ud83d\ude00", "more": {"text": 1}}`, []string{"a\n\"b\" 中😀"}},
		{"empty lines and documents", JSONL, "\n{\"text\": \"\"}\r\n\r\n{\"text\": \"one\"}\r\n{\"text\": \" \\n\"}\n", []string{"one"}},
		{"spaces are kept", JSONL, `{"text": " one\n"}`, []string{" one\n"}},
		{"byte order mark", JSONL, "\ufeff{\"text\": \"one\"}\n", []string{"one"}},
		{"paragraphs", Text, "one\ntwo\n\nthree\n", []string{"one\ntwo", "three"}},
		{"many empty lines", Text, "\n\n  \none\n \t\n\n\ntwo\n\n", []string{"one", "two"}},
		{"windows line ends", Text, "one\r\ntwo\r\n\r\nthree", []string{"one\r\ntwo", "three"}},
		{"text with a byte order mark", Text, "\ufeffone", []string{"one"}},
		{"indented text", Text, "  one\n two \n", []string{"  one\n two "}},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.file), iotest.OneByteReader(strings.NewReader(c.file)), iotest.DataErrReader(strings.NewReader(c.file))} {
			got, err := collect(r, c.format)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
			}
		}
	}
}

// Documents larger than a block, and many blocks.
func TestDocumentsOverManyBlocks(t *testing.T) {
	for _, format := range []Format{JSONL, Text} {
		var want []string
		var file strings.Builder
		for i := range 3000 {
			text := fmt.Sprintf("document %d:%s.", i, strings.Repeat(" 你好", i%500))
			if i%1000 == 500 {
				text += strings.Repeat("long ", blockSize/2)
			}
			want = append(want, text)
			if format == JSONL {
				fmt.Fprintf(&file, "{\"text\": %q}\n", text)
			} else {
				file.WriteString(text + "\n\n")
			}
		}
		got, err := collect(strings.NewReader(file.String()), format)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("format %d: %d documents of %d, %v", format, len(got), len(want), err)
		}
	}
}

// badFiles are files with the error that each must give, from Documents and
// from Prepare alike.
var badFiles = []struct {
	name   string
	format Format
	file   string
	want   string
}{
	{"empty file", JSONL, "", "some.file: the file is empty"},
	{"only empty documents", JSONL, "\n{\"text\": \"\"}\n", "some.file: no documents: every document in its 14 bytes is empty"},
	{"only spaces", Text, " \n\n", "some.file: no documents"},
	{"no text field", JSONL, good + "\n" + `{"conversations": [], "a": 1}` + "\n" + good, `some.file: line 3: no field "text"; the fields are ["a" "conversations"]`},
	{"number", JSONL, good + `{"text": 3}` + "\n" + good, `some.file: line 2: "text" is of type number, not string`},
	{"null", JSONL, good + `{"text": null}` + "\n", `some.file: line 2: "text" is null, not a string`},
	{"array", JSONL, good + `["text"]` + "\n", `some.file: line 2: array, not an object`},
	{"string", JSONL, good + `"text"` + "\n", `some.file: line 2: string, not an object`},
	{"invalid JSON", JSONL, good + `{"text": one}` + "\n" + good, `some.file: line 2: invalid JSON: invalid character 'o'`},
	{"plain text", JSONL, "Once upon a time", `some.file: line 1: invalid JSON: invalid character 'O'`},
	{"two objects", JSONL, good + `{"text": "a"}{"text": "b"}` + "\n", `some.file: line 2: invalid JSON: invalid character '{' after top-level value`},
	{"line broken in two", JSONL, good + `{"text": ` + "\n" + `"one"}` + "\n", `some.file: line 2: invalid JSON: unexpected end of JSON input`},
	{"cut short", JSONL, good + good + `{"text": "on`, `some.file: line 3: the file ends in the middle of this record`},
	{"not UTF-8", JSONL, good + "{\"text\": \"\xc4\xe3\"}\n", `some.file: line 2: byte 11 is not valid UTF-8`},
	{"text not UTF-8", Text, "one\n\ntwo\nthr\xffee\n", `some.file: line 4: byte 4 is not valid UTF-8`},
	{"UTF-16", JSONL, "\xff\xfe{\x00\"\x00", `some.file: line 1: byte 1 is not valid UTF-8`},
	{"far into the file", JSONL, strings.Repeat(good, 50000) + "{}\n", `some.file: line 50001: no field "text"; the fields are []`},
	{"long line", JSONL, good + `{"text": "` + strings.Repeat("a", MaxDocument+2*blockSize), "some.file: line 2 is longer than 16 MiB"},
	{"long document", Text, "one\n\n" + strings.Repeat("many words\n", MaxDocument/8), "some.file: the document at line 3 is longer than 16 MiB"},
}

const good = `{"text": "one"}` + "\n"

func TestDocumentErrors(t *testing.T) {
	for _, c := range badFiles {
		if _, err := collect(strings.NewReader(c.file), c.format); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// A reader that fails, even as if a file ended too early, is never the file's end.
func TestDocumentsPassReadErrors(t *testing.T) {
	for _, broken := range []error{errors.New("the disk is gone"), io.ErrUnexpectedEOF} {
		_, err := collect(io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken)), JSONL)
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "some.file: reading after byte 16") {
			t.Errorf("%v, want %v", err, broken)
		}
	}
}

func TestDocumentsStopsWhenAsked(t *testing.T) {
	for range Documents("some.file", strings.NewReader(good+good+"not JSON"), JSONL) {
		break
	}
}

// No file makes Documents panic, and what it yields is text.
func FuzzDocuments(f *testing.F) {
	for _, c := range badFiles {
		if len(c.file) < 100 {
			f.Add([]byte(c.file))
		}
	}
	f.Add([]byte("one\n\ntwo\r\n \r\nthree"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, format := range []Format{JSONL, Text} {
			whole, wholeErr := collect(strings.NewReader(string(file)), format)
			pieces, piecesErr := collect(iotest.OneByteReader(strings.NewReader(string(file))), format)
			if !slices.Equal(whole, pieces) || fmt.Sprint(wholeErr) != fmt.Sprint(piecesErr) {
				t.Fatalf("%q: read whole %q %v, in pieces %q %v", file, whole, wholeErr, pieces, piecesErr)
			}
			for _, document := range whole {
				if !utf8.ValidString(document) || strings.TrimSpace(document) == "" {
					t.Fatalf("%q: document %q", file, document)
				}
			}
		}
	})
}
