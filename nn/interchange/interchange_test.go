package interchange

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/corpus"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
)

// memoryTensor is a tensor of the given float32 values that lies in memory.
func memoryTensor(name string, values []byte, shape ...int) *Tensor {
	return &Tensor{Name: name, Shape: shape, DType: F32, Data: bytes.NewReader(values)}
}

func openCheckpoint(t testing.TB, file []byte) *checkpoint.Reader {
	t.Helper()
	r, err := checkpoint.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func toCheckpoint(t testing.TB, m *Model, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := m.WriteCheckpoint(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSafetensorsRoundTrip takes every kind of model out and in again: as F32 the checkpoint comes back byte for byte,
// and so it does as F16 and BF16 when the values fit these.
func TestSafetensorsRoundTrip(t *testing.T) {
	for name, c := range interchangetest.Models() {
		for _, d := range []DType{F32, F16, BF16} {
			ckpt := interchangetest.Checkpoint(c, d == F32)
			f := openSafetensors(t, toSafetensors(t, ckpt, d))
			m, ok, err := f.Model()
			if !ok {
				t.Fatal("the file does not say what it is")
			}
			back := toCheckpoint(t, m, err)
			if !bytes.Equal(back, ckpt) {
				t.Errorf("%s as %s comes back as another checkpoint", name, d)
			}
		}
	}
}

// TestHead gives models a second copy of the embedding, or another head.
func TestHead(t *testing.T) {
	c := interchangetest.Models()["llama"]
	tensors := func() (list []*Tensor, embedding []byte) {
		EachParameter(openCheckpoint(t, interchangetest.Checkpoint(c, true)), func(p config.Parameter, values []byte) error {
			list = append(list, memoryTensor(p.Name, bytes.Clone(values), p.Shape...))
			if p.Name == embeddingName {
				embedding = bytes.Clone(values)
			}
			return nil
		})
		return list, embedding
	}
	list, embedding := tensors()
	list = append(list, memoryTensor(headName, embedding, c.VocabSize, c.HiddenSize))
	inferred, err := FromShapes(list)
	if err != nil || !inferred.TieWordEmbeddings {
		t.Fatalf("the same head: tied is %v, %v", inferred.TieWordEmbeddings, err)
	}
	m, err := New(c, corpus.Tokenizer(), list)
	if !bytes.Equal(toCheckpoint(t, m, err), interchangetest.Checkpoint(c, true)) {
		t.Error("a doubled head is not dropped")
	}

	other := bytes.Clone(embedding)
	other[len(other)-1] ^= 1
	list[len(list)-1] = memoryTensor(headName, other, c.VocabSize, c.HiddenSize)
	if _, err := New(c, corpus.Tokenizer(), list); err == nil || !strings.Contains(err.Error(), "tie_word_embeddings") {
		t.Errorf("another head in a tied model: %v", err)
	}
	if inferred, err = FromShapes(list); err != nil || inferred.TieWordEmbeddings {
		t.Fatalf("another head: tied is %v, %v", inferred.TieWordEmbeddings, err)
	}
	c.TieWordEmbeddings = false
	if _, err := New(c, corpus.Tokenizer(), list); err != nil {
		t.Error(err)
	}
}

// TestNewSaysWhatDoesNotFit names the tensor.
func TestNewSaysWhatDoesNotFit(t *testing.T) {
	c := interchangetest.Models()["qwen3"]
	all := func() (list []*Tensor) {
		for _, p := range c.Parameters() {
			list = append(list, memoryTensor(p.Name, make([]byte, 4*p.Elements()), p.Shape...))
		}
		return list
	}
	for says, change := range map[string]func([]*Tensor) []*Tensor{
		"q_proj.weight, [96 64], is missing":  func(l []*Tensor) []*Tensor { return append(l[:1], l[2:]...) },
		"k_proj.weight has the shape [64 64]": func(l []*Tensor) []*Tensor { l[2].Shape = []int{64, 64}; return l },
		"q_proj.bias, [96], belongs to no part": func(l []*Tensor) []*Tensor {
			return append(l, memoryTensor("model.layers.0.self_attn.q_proj.bias", nil, 96))
		},
		"lm_head.weight is not model.embed_tokens": func(l []*Tensor) []*Tensor { return append(l, memoryTensor(headName, nil, 4, 4)) },
		"model.norm.weight is there twice":         func(l []*Tensor) []*Tensor { return append(l, l[len(l)-1]) },
		"parameter model.norm.weight is NaN at [5]": func(l []*Tensor) []*Tensor {
			copyInto(l[len(l)-1], floats(0, 0, 0, 0, 0, float32(math.NaN())))
			return l
		},
		"model.norm.weight: reading its values: EOF": func(l []*Tensor) []*Tensor { l[len(l)-1].Data = bytes.NewReader(nil); return l },
	} {
		m, err := New(c, corpus.Tokenizer(), change(all()))
		if err == nil {
			err = m.WriteCheckpoint(&bytes.Buffer{})
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
	small := c
	small.VocabSize = 500
	if _, err := New(small, corpus.Tokenizer(), nil); err == nil || !strings.Contains(err.Error(), "512 tokens and the model rows for 500") {
		t.Error(err)
	}
	small.HiddenSize = 3
	if _, err := New(small, corpus.Tokenizer(), nil); err == nil || !strings.Contains(err.Error(), "hidden_size is 3") {
		t.Error(err)
	}
}

func copyInto(t *Tensor, values []byte) {
	t.Data = bytes.NewReader(append(bytes.Clone(values), make([]byte, 4*t.Shape[0]-len(values))...))
}

// TestExportOfDivergedWeights refuses NaN and what F16 cannot hold, and names the tensor.
func TestExportOfDivergedWeights(t *testing.T) {
	c := interchangetest.Models()["llama"]
	for says, bad := range map[string]float32{"is NaN": float32(math.NaN()), "beyond the largest F16": 70000} {
		ckpt := interchangetest.Edited(c, func(name string, values []byte) {
			if name == "model.norm.weight" {
				copy(values, floats(bad))
			}
		})
		err := WriteSafetensors(&bytes.Buffer{}, openCheckpoint(t, ckpt), F16)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "model.norm.weight") {
			t.Errorf("%v", err)
		}
	}
}
