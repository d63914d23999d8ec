//go:build !js

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/gguf"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/pth"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

type importCommand struct {
	Path        string `arg:"" name:"folder|file" help:"A Hugging Face folder (Llama, Qwen3, Qwen3-MoE, MiniMind), or a file: .safetensors, MiniMind's .pth, .gguf; also the .pth of MiniMind's LoRA adapters, with --base."`
	ModelConfig string `placeholder:"FILE" help:"The model's config.json. Default: the one beside the weights; without any, a MiniMind model is told from its weights."`
	Tokenizer   string `placeholder:"FILE" help:"The model's tokenizer.json. Default: the one in or beside the weights."`
	Base        string `placeholder:"FILE|RUN" help:"Of adapters: the model that they were trained on, as a checkpoint."`
	Out         string `short:"o" required:"" placeholder:"FILE" help:"Checkpoint to make, such as minimind2.ckpt."`
}

// Run makes a checkpoint of another program's model.
func (c *importCommand) Run(p *program) error {
	if err := mustBeNew(c.Out); err != nil {
		return err
	}
	var open openFiles
	defer open.close()
	m, tensors, folder, err := c.read(&open)
	switch {
	case err != nil:
	case m == nil && interchange.AreAdapters(tensors):
		return c.adapters(p, tensors)
	case c.Base != "":
		err = errors.New("--base is for adapters, and this is a whole model")
	case m == nil:
		m, err = c.model(tensors, folder)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	if err := p.saveInterruptibly(c.Out, m.WriteCheckpoint); err != nil {
		return err
	}
	k := m.Config
	p.say("%s: %d parameters: L %d, C %d, H %d, K %d, V %d%s; use it with --checkpoint", c.Out, k.NumParameters(), k.NumHiddenLayers,
		k.HiddenSize, k.NumAttentionHeads, k.NumKeyValueHeads, k.VocabSize, sizeOf(c.Out))
	return nil
}

// adapters makes a checkpoint of adapters.
func (c *importCommand) adapters(p *program, tensors []*interchange.Tensor) error {
	if c.Base == "" {
		return fmt.Errorf("%s: these are LoRA adapters: give the model that they were trained on by --base, as a checkpoint (import it first)", c.Path)
	}
	base, err := openRun(c.Base)
	if err != nil {
		return err
	}
	defer base.close()
	a, err := interchange.NewAdapters(tensors, base.reader)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", c.Path, base.file, err)
	}
	if err := p.saveInterruptibly(c.Out, a.WriteCheckpoint); err != nil {
		return err
	}
	p.say("%s: adapters of rank %d on %s%s; make a model of them by lora merge --adapters %s --base %s --out FILE", c.Out,
		a.LoRA().Rank, a.LoRA().Targets, sizeOf(c.Out), c.Out, c.Base)
	return nil
}

// openFiles are closed when the model has been read.
type openFiles []*os.File

func (o *openFiles) open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	*o = append(*o, f)
	stat, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, stat.Size(), nil
}

func (o openFiles) close() {
	for _, f := range o {
		f.Close()
	}
}

// read finds out what there is: a whole model, or tensors and the folder where the rest may be. All values are still in
// their files.
func (c *importCommand) read(open *openFiles) (whole *interchange.Model, tensors []*interchange.Tensor, folder string, err error) {
	stat, err := os.Stat(c.Path)
	if err != nil {
		return nil, nil, "", err
	}
	folder, name := filepath.Split(c.Path)
	files := []string{name}
	if stat.IsDir() {
		folder = c.Path
		if files, err = weightFiles(folder); err != nil {
			return nil, nil, "", err
		}
	}
	for _, name := range files {
		whole, part, err := c.readFile(open, folder, name)
		if err != nil && len(files) > 1 {
			err = fmt.Errorf("%s: %w", name, err)
		}
		if err != nil || whole != nil {
			return whole, nil, folder, err
		}
		tensors = append(tensors, part...)
	}
	return nil, tensors, folder, nil
}

// model makes a model of tensors and what lies beside them.
func (c *importCommand) model(tensors []*interchange.Tensor, folder string) (*interchange.Model, error) {
	tok, err := c.tokenizer(folder)
	if err != nil {
		return nil, err
	}
	text, err := readBeside(c.ModelConfig, folder, interchange.ConfigFile)
	if err != nil {
		return nil, err
	}
	read := interchange.FromShapes
	if text != nil {
		read = func(t []*interchange.Tensor) (config.Model, error) { return interchange.ParseConfig(text, t) }
	}
	model, err := read(tensors)
	if err != nil {
		return nil, err
	}
	return interchange.New(model, tok, tensors)
}

// readFile reads the index of one file of weights, by what it begins with. A file that says itself what it is makes a
// whole model.
func (c *importCommand) readFile(open *openFiles, folder, name string) (*interchange.Model, []*interchange.Tensor, error) {
	f, size, err := open.open(filepath.Join(folder, name))
	if err != nil {
		return nil, nil, err
	}
	var start [9]byte
	n, err := f.ReadAt(start[:], 0)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	switch begins := start[:n]; {
	case bytes.HasPrefix(begins, []byte("GGUF")):
		var tok *tokenizer.Tokenizer
		if c.Tokenizer != "" {
			if tok, err = c.tokenizer(folder); err != nil {
				return nil, nil, err
			}
		}
		m, err := gguf.Open(f, size, tok)
		return m, nil, err
	case bytes.HasPrefix(begins, []byte("PK")), bytes.HasPrefix(begins, []byte{0x80}): // a zip, or a pickle without one
		tensors, err := pth.Open(f, size)
		return nil, tensors, err
	case n == 9 && begins[8] == '{':
		s, err := interchange.OpenSafetensors(f, size)
		if err != nil {
			return nil, nil, err
		}
		if m, ok, err := s.Model(); ok && c.ModelConfig == "" && c.Tokenizer == "" {
			return m, nil, err
		}
		return nil, s.Tensors, nil
	case n == 9 && begins[0] == 0xb7: // MessagePack's string of 23 bytes
		return nil, nil, errors.New("this is a checkpoint of this program already: use it with --checkpoint")
	}
	return nil, nil, fmt.Errorf("begins with %q: neither safetensors, nor PyTorch's .pth, nor GGUF", start[:n])
}

// weightFiles lists a folder's files of weights, as transformers looks for them.
func weightFiles(folder string) ([]string, error) {
	for _, name := range []string{interchange.SafetensorsFile, "pytorch_model.bin"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			return []string{name}, nil
		}
		index := name + ".index.json"
		text, err := os.ReadFile(filepath.Join(folder, index))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var shards struct {
			WeightMap map[string]string `json:"weight_map"`
		}
		if err := json.Unmarshal(text, &shards); err != nil {
			return nil, fmt.Errorf("%s: %w", index, err)
		}
		var files []string
		for _, file := range shards.WeightMap {
			if file != filepath.Base(file) {
				return nil, fmt.Errorf("%s: %q is no file of this folder", index, file)
			}
			files = append(files, file)
		}
		slices.Sort(files)
		return slices.Compact(files), nil
	}
	if _, err := os.Stat(filepath.Join(folder, checkpointsFolder)); err == nil {
		return nil, errors.New("this is a run of this program: use it with --checkpoint")
	}
	return nil, errors.New("holds neither model.safetensors nor pytorch_model.bin (nor their .index.json): not a Hugging Face folder")
}

// tokenizer is the one that was given, or that lies beside the weights.
func (c *importCommand) tokenizer(folder string) (*tokenizer.Tokenizer, error) {
	text, err := readBeside(c.Tokenizer, folder, interchange.TokenizerFile)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, errors.New("its weights come without a tokenizer: give the model's tokenizer.json by --tokenizer (MiniMind's is model/tokenizer.json in its repository, and differs between generations)")
	}
	return tokenizer.Load(bytes.NewReader(text))
}

// readBeside reads the given file or, without one, the named one in the folder; nil if it is not there.
func readBeside(given, folder, name string) ([]byte, error) {
	if given != "" {
		return os.ReadFile(given)
	}
	text, err := os.ReadFile(filepath.Join(folder, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}
