// Package interchange brings models in from other programs and takes them out again: the files that Hugging Face's
// transformers reads and writes, and what all formats share. Packages gguf and pth beside it do llama.cpp's and
// PyTorch's files.
//
// Parameters have Hugging Face's names and shapes in this project, so a format is little more than a list of tensors,
// their types and a configuration. Tensors are read, converted and written one at a time: no model is ever held in
// memory. Values become float32 on their way in; NaN and infinity are refused.
//
// What comes in was made by others. Every length is held against the size of the file before anything is allocated,
// and every tensor against the configuration before anything is written.
package interchange

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/tokenizer"
)

// Model is a model of another program, its values still in that program's file.
type Model struct {
	Config    config.Model
	Tokenizer *tokenizer.Tokenizer
	tensors   []*Tensor // one for each of Config.Parameters
}

// New checks that the tensors are the parameters of the configuration, each with its shape and none besides.
// A second copy of the embedding as output head, as MiniMind's files have, is dropped.
func New(c config.Model, tok *tokenizer.Tokenizer, tensors []*Tensor) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("this model cannot be trained here: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if tok.VocabSize() > c.VocabSize {
		return nil, fmt.Errorf("the tokenizer has %d tokens and the model rows for %d: they do not belong together", tok.VocabSize(), c.VocabSize)
	}
	byName, err := named(tensors)
	if err != nil {
		return nil, err
	}
	if head := byName[headName]; head != nil && c.TieWordEmbeddings {
		same, err := sameValues(head, byName[embeddingName])
		if err != nil {
			return nil, err
		}
		if !same {
			return nil, fmt.Errorf("%s is not %s, though the configuration ties them (tie_word_embeddings)", headName, embeddingName)
		}
		delete(byName, headName)
	}
	m := &Model{Config: c, Tokenizer: tok}
	for _, p := range c.Parameters() {
		t := byName[p.Name]
		if t == nil {
			return nil, fmt.Errorf("%s, %v, is missing", p.Name, p.Shape)
		}
		if !slices.Equal(t.Shape, p.Shape) {
			return nil, fmt.Errorf("%s has the shape %v, and the configuration says %v", p.Name, t.Shape, p.Shape)
		}
		m.tensors = append(m.tensors, t)
		delete(byName, p.Name)
	}
	for _, t := range tensors {
		if byName[t.Name] != nil && !strings.HasSuffix(t.Name, ".rotary_emb.inv_freq") { // a table that old files store
			return nil, fmt.Errorf("%s, %v, belongs to no part of this model: it would be lost", t.Name, t.Shape)
		}
	}
	return m, nil
}

const (
	embeddingName = "model.embed_tokens.weight"
	headName      = "lm_head.weight"
)

func named(tensors []*Tensor) (map[string]*Tensor, error) {
	byName := make(map[string]*Tensor, len(tensors))
	for _, t := range tensors {
		if byName[t.Name] != nil {
			return nil, fmt.Errorf("%s is there twice", t.Name)
		}
		byName[t.Name] = t
	}
	return byName, nil
}

// WriteCheckpoint writes a checkpoint of the weights alone: it can be talked to, trained on and exported.
func (m *Model) WriteCheckpoint(w io.Writer) error {
	var tok bytes.Buffer
	if err := m.Tokenizer.WriteJSON(&tok); err != nil {
		return err
	}
	return writeTensors(w, checkpoint.ModelHeader(m.Config, m.Tokenizer.Hash(), tok.Bytes()), m.tensors)
}

// writeTensors writes a checkpoint of tensors that are in the header's order.
func writeTensors(w io.Writer, h *checkpoint.Header, tensors []*Tensor) error {
	out, err := checkpoint.NewWriter(w, h)
	if err != nil {
		return err
	}
	var values []byte
	for i, t := range tensors {
		info := h.Tensors[i]
		values = slices.Grow(values[:0], int(info.Bytes))[:info.Bytes]
		if err := t.ReadFloat32(values); err != nil {
			return err
		}
		if err := checkpoint.CheckFinite(info, values); err != nil {
			return err
		}
		if err := out.Tensor(values); err != nil {
			return err
		}
	}
	return out.Close()
}

// EachParameter reads a checkpoint's parameters, one after another in the order of Config.Parameters, and gives each
// to f, which must not keep the values (float32, little-endian). The rest of the checkpoint is left unread.
func EachParameter(r *checkpoint.Reader, f func(p config.Parameter, values []byte) error) error {
	if err := checkWhole(r.Header); err != nil {
		return err
	}
	return each(r, checkpoint.GroupParameter, f)
}

// checkWhole refuses adapters without their model.
func checkWhole(h *checkpoint.Header) error {
	if h.Adapter != nil {
		return errors.New("this checkpoint holds adapters only: make a whole model of them first (lora merge), or export them as hf for PEFT")
	}
	return nil
}

// each reads a group's tensors.
func each(r *checkpoint.Reader, group string, f func(p config.Parameter, values []byte) error) error {
	left := 0
	for _, t := range r.Header.Tensors {
		if t.Group == group {
			left++
		}
	}
	if left == 0 {
		return fmt.Errorf("the checkpoint holds no tensors of group %q", group)
	}
	var values []byte
	for _, t := range r.Header.Tensors {
		values = slices.Grow(values[:0], int(t.Bytes))[:t.Bytes]
		info, err := r.Next(values)
		if err != nil {
			return err
		}
		if info.Group != group {
			continue
		}
		if err := checkpoint.CheckFinite(info, values); err != nil {
			return err
		}
		if err := f(config.Parameter{Name: info.Name, Shape: info.Shape}, values); err != nil {
			return fmt.Errorf("%s: %w", info.Name, err)
		}
		if left--; left == 0 {
			break
		}
	}
	return nil
}
