//go:build !js

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// outputFile is what writing a file needs of it.
type outputFile interface {
	io.Writer
	Sync() error
	Close() error
}

// createFile is os.Create; tests let it fail.
func createFile(path string) (outputFile, error) { return os.Create(path) }

// temporary ends the name of a file that is not complete.
const temporary = ".tmp"

// saveAtomically writes a file so that its name always holds a whole file, the old one or the new one, whatever
// happens: write fills a temporary file in the same folder, which is synced and renamed. After an error nothing is left
// of it.
func (p *program) saveAtomically(path string, write func(io.Writer) error) error {
	part := path + temporary
	f, err := p.create(part)
	if err != nil {
		return fmt.Errorf("cannot save %s: %w", path, err)
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		os.Remove(part)
		return fmt.Errorf("cannot save %s: %w", path, err)
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename in the folder last through a power cut.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such call
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
