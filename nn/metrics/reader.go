package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Read reads all lines of the file that is called name. A last line without an end is left out: it is still being
// written, or the program was killed over it. An error names the file and the line; the records before it are returned,
// too.
func Read(name string, r io.Reader) ([]Record, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return NewFollower(name).take(text)
}

// Follower reads a file while it is being written.
type Follower struct {
	name   string
	lines  int    // that have been read
	offset int64  // their end in the file
	last   []byte // the last of them
	step   int64  // its step
}

// NewFollower follows the file that is called name.
func NewFollower(name string) *Follower { return &Follower{name: name, step: -1} }

// Next returns the records of the lines that were ended since the last call, none if there are none. A run that is
// resumed cuts off the lines of steps that it does again: then again is true, and the records are those of the whole
// file. After an error, which names the file and the line, following has come to its end.
func (f *Follower) Next(file io.ReaderAt) (records []Record, again bool, err error) {
	start := f.offset - int64(len(f.last))
	text, err := io.ReadAll(io.NewSectionReader(file, start, 1<<62))
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", f.name, err)
	}
	if !bytes.HasPrefix(text, f.last) { // no longer what was read
		*f = *NewFollower(f.name)
		records, _, err = f.Next(file)
		return records, true, err
	}
	records, err = f.take(text[len(f.last):])
	return records, false, err
}

// take reads the whole lines of text, which goes on where the last call's ended.
func (f *Follower) take(text []byte) ([]Record, error) {
	var records []Record
	for {
		end := bytes.IndexByte(text, '\n') + 1
		if end == 0 {
			return records, nil
		}
		line := text[:end]
		text = text[end:]
		f.lines++
		f.offset += int64(end)
		f.last = append(f.last[:0], line...)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		var r Record
		if err := json.Unmarshal(line, &r); err != nil {
			return records, fmt.Errorf("%s, line %d: not a line of metrics: %s; is the file damaged? Without the line it can be read", f.name, f.lines, reason(err))
		}
		if r.Step <= f.step {
			return records, fmt.Errorf("%s, line %d: step %d comes after step %d; did two runs write to one folder?", f.name, f.lines, r.Step, f.step)
		}
		f.step = r.Step
		records = append(records, r)
	}
}

// reason says in a few words what is wrong with a line.
func reason(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("%v at byte %d", err, syntax.Offset)
	}
	return err.Error()
}
