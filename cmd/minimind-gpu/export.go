//go:build !js

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/host"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/gguf"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

type exportCommand struct {
	Checkpoint string `required:"" placeholder:"FILE|RUN" help:"A checkpoint, or a run's folder, whose newest is taken."`
	Format     string `required:"" enum:"hf,safetensors,gguf" placeholder:"hf|safetensors|gguf" help:"hf: a folder for transformers, vLLM and the like; of adapters, for PEFT. gguf: a file for llama.cpp and ollama. safetensors: one file with everything in it, of any model, also for import here and in the page."`
	DType      string `name:"dtype" default:"f32" enum:"f32,f16,bf16,q8_0" help:"How values are stored, f32, f16, bf16 or q8_0: f32 loses nothing, f16 and bf16 take half, q8_0 (gguf only) about a quarter."`
	Out        string `short:"o" required:"" placeholder:"PATH" help:"Folder (hf) or file to make."`
}

// Validate says which options cannot be; kong calls it.
func (c *exportCommand) Validate() error {
	if c.DType == "q8_0" && c.Format != "gguf" {
		return fmt.Errorf("--dtype q8_0 is for --format gguf; --format %s has f32, f16 and bf16", c.Format)
	}
	return nil
}

// Run writes the model in the other program's format.
func (c *exportCommand) Run(p *program) error {
	if err := mustBeNew(c.Out); err != nil {
		return err
	}
	_, file, err := findCheckpoint(c.Checkpoint)
	if err != nil {
		return err
	}
	r, f, err := openCheckpoint(file)
	if err != nil {
		return err
	}
	defer f.Close()
	tok, err := tokenizer.Load(bytes.NewReader(r.Header.Tokenizer))
	if err != nil {
		return fmt.Errorf("%s: its %w", file, err)
	}
	d := interchange.DType(strings.ToUpper(c.DType))
	switch c.Format {
	case "hf":
		err = c.folder(p, r, tok, d)
	case "safetensors":
		err = p.saveInterruptibly(c.Out, func(w io.Writer) error { return interchange.WriteSafetensors(w, r, d) })
	case "gguf":
		err = p.saveInterruptibly(c.Out, func(w io.Writer) error { return gguf.Write(w, r, tok, d) })
	}
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d parameters", r.Header.Model.NumParameters())
	if r.Header.Adapter != nil {
		what = "adapters"
	}
	p.say("%s: %s as %s%s", c.Out, what, c.DType, sizeOf(c.Out))
	return nil
}

// folder writes what transformers loads with from_pretrained or, of adapters, PEFT.
func (c *exportCommand) folder(p *program, r *checkpoint.Reader, tok *tokenizer.Tokenizer, d interchange.DType) error {
	var files map[string][]byte
	var err error
	weights, write := interchange.SafetensorsFile, interchange.WriteWeights
	if r.Header.Adapter != nil {
		weights, write = interchange.AdapterWeightsFile, interchange.WriteAdapters
		files, err = interchange.AdapterFiles(r.Header)
	} else {
		files, err = interchange.FolderFiles(r.Header, tok, d)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil {
		return err
	}
	err = p.saveInterruptibly(filepath.Join(c.Out, weights), func(w io.Writer) error { return write(w, r, d) })
	if err != nil {
		os.Remove(c.Out) // which is empty
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := p.saveAtomically(filepath.Join(c.Out, name), writeBytes(files[name])); err != nil {
			return err
		}
	}
	return nil
}

// mustBeNew refuses to write over what is there; an empty folder is nothing.
func mustBeNew(path string) error {
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) == 0 {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s is already there: choose another --out, or remove it", path)
}

// saveInterruptibly is saveAtomically that Ctrl-C ends, leaving nothing.
func (p *program) saveInterruptibly(path string, write func(io.Writer) error) error {
	err := p.saveAtomically(path, func(w io.Writer) error { return write(&interruptibleWriter{p, w}) })
	if errors.Is(err, errInterrupted) {
		p.say("interrupted: %s was not written", path)
	}
	return err
}

// interruptibleWriter writes until Ctrl-C.
type interruptibleWriter struct {
	p *program
	w io.Writer
}

func (i *interruptibleWriter) Write(b []byte) (int, error) {
	if i.p.ctx.Err() != nil {
		return 0, errInterrupted
	}
	return i.w.Write(b)
}

// sizeOf is the size of a file, for a sentence; nothing of a folder.
func sizeOf(path string) string {
	stat, err := os.Stat(path)
	if err != nil || stat.IsDir() {
		return ""
	}
	return ", " + host.Bytes(stat.Size())
}
