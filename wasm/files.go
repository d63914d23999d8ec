//go:build js

package main

import (
	"bytes"
	"fmt"
	"io"
	"syscall/js"
)

// blob is bytes for the page to offer as a download: they lie outside of Go's memory.
type blob struct{ parts js.Value }

func newBlob() *blob { return &blob{js.Global().Get("Array").New()} }

func (b *blob) Write(p []byte) (int, error) {
	array := js.Global().Get("Uint8Array").New(len(p))
	js.CopyBytesToJS(array, p)
	b.parts.Call("push", array)
	return len(p), nil
}

func (b *blob) value(kind string) js.Value {
	return js.Global().Get("Blob").New(b.parts, map[string]any{"type": kind})
}

// upload reads a file that was dropped on the page.
type upload struct {
	file   js.Value // File
	offset int64
	chunk  bytes.Reader
}

func newUpload(file js.Value) *upload { return &upload{file: file} }

func (u *upload) size() int64 { return int64(u.file.Get("size").Float()) }

func (u *upload) name() string { return u.file.Get("name").String() }

// identity tells files apart without reading them.
func (u *upload) identity() string {
	return fmt.Sprintf("%s %d %v", u.name(), u.size(), u.file.Get("lastModified").Float())
}

func (u *upload) Read(p []byte) (int, error) {
	if u.chunk.Len() == 0 {
		if u.offset >= u.size() {
			return 0, io.EOF
		}
		part, err := u.part(u.offset, min(u.offset+chunk, u.size()))
		if err != nil {
			return 0, err
		}
		u.offset += int64(len(part))
		u.chunk.Reset(part)
	}
	return u.chunk.Read(p)
}

func (u *upload) section() *io.SectionReader { return io.NewSectionReader(u, 0, u.size()) }

// ReadAt reads anywhere in the file.
func (u *upload) ReadAt(p []byte, offset int64) (int, error) {
	part, err := u.part(offset, min(offset+int64(len(p)), u.size()))
	n := copy(p, part)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// part is the file from one place to another.
func (u *upload) part(from, to int64) (part []byte, err error) {
	err = catch(func() {
		reader := js.Global().Get("FileReaderSync").New()
		array := js.Global().Get("Uint8Array").New(reader.Call("readAsArrayBuffer", u.file.Call("slice", from, to)))
		part = make([]byte, array.Length())
		js.CopyBytesToGo(part, array)
	})
	return part, err
}
