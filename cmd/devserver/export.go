package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/andybalholm/brotli"
)

const (
	wasmName    = "minimind.wasm"
	supportName = "wasm_exec.js" // comes with Go, and must be of the version that built the program
	indexName   = "index.html"
)

// hashed matches names that hold the hash of what they name.
var hashed = regexp.MustCompile(`\.[0-9a-f]{12}\.[a-z]+$`)

// tree is a source tree and the Go that builds it.
type tree struct{ root, goroot string }

// sourceTree finds the one that the current folder is in.
func sourceTree() (tree, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	path, dir, _ := strings.Cut(strings.TrimSpace(string(root)), " ")
	if err != nil || path != "github.com/minimind-gpu/minimind-gpu" {
		return tree{}, fmt.Errorf("this program holds no page (make server builds one that does) and is not run in the source tree, from which it could build it")
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	return tree{dir, strings.TrimSpace(string(goroot))}, err
}

func (t tree) support() string { return filepath.Join(t.goroot, "lib", "wasm", supportName) }

// build compiles the browser's program to the named file.
func (t tree) build(name string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", name, "./wasm")
	cmd.Dir = t.root
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building ./wasm: %w\n%s", err, out)
	}
	return nil
}

// export writes the page to a folder: each file but index.html under a name with its hash, so that caches may keep it
// for good, and beside each its compressed forms. The folder must be new or an earlier export.
func (t tree) export(folder string, quality int) error {
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(folder, indexName)); err != nil && !onlyHidden(entries) {
			return fmt.Errorf("%s holds other files: choose a new folder", folder)
		}
		for _, e := range entries {
			if e.Name()[0] != '.' {
				os.Remove(filepath.Join(folder, e.Name()))
			}
		}
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	wasm := filepath.Join(folder, wasmName)
	if err := t.build(wasm); err != nil {
		return err
	}
	defer os.Remove(wasm)
	program, err := os.ReadFile(wasm)
	if err != nil {
		return err
	}
	// A file comes after those that it names.
	names := []string{wasmName, supportName, "icon.svg", "style.css", "program.js", "text.js", "controls.js", "show.js", "worker.js", "charts.js", "compare.js", "page.js", indexName}
	renamed := map[string]string{}
	for _, name := range names {
		content, err := t.read(name, program)
		if err != nil {
			return err
		}
		if name != wasmName {
			for old, now := range renamed {
				content = bytes.ReplaceAll(content, []byte(`"./`+old+`"`), []byte(`"./`+now+`"`))
			}
			content = bytes.ReplaceAll(content, []byte(`data-bytes="0"`), fmt.Appendf(nil, `data-bytes="%d"`, len(program)))
		}
		renamed[name] = name
		if name != indexName {
			sum := sha256.Sum256(content)
			ext := filepath.Ext(name)
			renamed[name] = strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		}
		if err := writeCompressed(filepath.Join(folder, renamed[name]), content, quality); err != nil {
			return err
		}
	}
	return nil
}

func onlyHidden(entries []os.DirEntry) bool {
	for _, e := range entries {
		if e.Name()[0] != '.' {
			return false
		}
	}
	return true
}

// read returns a file of the page.
func (t tree) read(name string, program []byte) ([]byte, error) {
	switch name {
	case wasmName:
		return program, nil
	case supportName:
		return os.ReadFile(t.support())
	}
	return os.ReadFile(filepath.Join(t.root, "static", name))
}

// writeCompressed writes a file three times: as it is, by brotli and by gzip.
func writeCompressed(name string, content []byte, quality int) error {
	if err := os.WriteFile(name, content, 0o666); err != nil {
		return err
	}
	write := func(ext string, wrap func(io.Writer) io.WriteCloser) error {
		f, err := os.Create(name + ext)
		if err != nil {
			return err
		}
		defer f.Close()
		w := wrap(f)
		if _, err := w.Write(content); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		return f.Close()
	}
	if err := write(".br", func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, quality) }); err != nil {
		return err
	}
	return write(".gz", func(w io.Writer) io.WriteCloser {
		z, _ := gzip.NewWriterLevel(w, min(quality, gzip.BestCompression))
		return z
	})
}
