package interchange

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minimind-gpu/minimind-gpu/nn/checkpoint"
	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange/interchangetest"
)

// adapterTensors are a checkpoint's adapters under MiniMind's names.
func adapterTensors(t *testing.T, ckpt []byte) []*Tensor {
	t.Helper()
	var file bytes.Buffer
	err := writeGroup(&file, openCheckpoint(t, ckpt), checkpoint.GroupAdapter, F32, map[string]string{}, func(name string) string { return name })
	if err != nil {
		t.Fatal(err)
	}
	return openSafetensors(t, file.Bytes()).Tensors
}

// TestAdaptersOfMiniMind makes a checkpoint of a model and MiniMind's adapters for it: that of the same adapters trained here.
func TestAdaptersOfMiniMind(t *testing.T) {
	c := interchangetest.Models()["qwen3"]
	base := interchangetest.Checkpoint(c, true)
	for _, l := range []config.LoRA{c.DefaultLoRA(), {Rank: 4, Targets: "down_proj,v_proj"}} {
		want := openCheckpoint(t, interchangetest.Adapters(c, l))
		tensors := adapterTensors(t, interchangetest.Adapters(c, l))
		if !AreAdapters(tensors) || AreAdapters(append(tensors, memoryTensor(headName, nil, 4, 4))) || AreAdapters(nil) {
			t.Error("adapters are taken for something else, or the reverse")
		}
		a, err := NewAdapters(tensors, openCheckpoint(t, base))
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := a.WriteCheckpoint(&file); err != nil {
			t.Fatal(err)
		}
		got := openCheckpoint(t, file.Bytes())
		if len(got.Header.Adapter.Base) != 64 {
			t.Errorf("its base is %q", got.Header.Adapter.Base)
		}
		want.Header.Adapter.Base = got.Header.Adapter.Base
		want.Header.Adapter.LoRA.Targets = a.LoRA().Targets
		if d := cmp.Diff(want.Header, got.Header); d != "" {
			t.Errorf("differences (-want +got):\n%s", d)
		}
		for _, info := range want.Header.Tensors {
			x, y := make([]byte, info.Bytes), make([]byte, info.Bytes)
			if _, err := want.Next(x); err != nil {
				t.Fatal(err)
			}
			if _, err := got.Next(y); err != nil || !bytes.Equal(x, y) {
				t.Errorf("%s has other values, %v", info.Name, err)
			}
		}
	}
}

func TestAdaptersThatCannotBe(t *testing.T) {
	c := interchangetest.Models()["qwen3"]
	good := adapterTensors(t, interchangetest.Adapters(c, c.DefaultLoRA()))
	const name = "model.layers.1.self_attn.q_proj.lora.B.weight"
	at := slices.IndexFunc(good, func(t *Tensor) bool { return t.Name == name })
	shaped := func(shape ...int) []*Tensor {
		return append(slices.Delete(slices.Clone(good), at, at+1), memoryTensor(name, nil, shape...))
	}
	wider := c
	wider.HiddenSize = 128
	for says, bad := range map[string]struct {
		model   config.Model
		tensors []*Tensor
	}{
		name + ", [96 16], is missing":       {c, slices.Delete(slices.Clone(good), at, at+1)},
		name + " has the shape [96 8]":       {c, shaped(96, 8)},
		"for this model it is [16 128]":      {wider, good},
		"no linear layer \"head\" to adapt":  {c, append(slices.Clone(good), memoryTensor("head.lora.A.weight", nil, 16, 64))},
		"belongs to no layer":                {c, append(slices.Clone(good), memoryTensor("model.layers.2.self_attn.q_proj.lora.A.weight", nil, 16, 64))},
		"no A of an adapter":                 {c, []*Tensor{memoryTensor(name, nil, 16, 64)}},
		"x.lora.A.weight has the shape [16]": {c, []*Tensor{memoryTensor("x.lora.A.weight", nil, 16)}},
		"is there twice":                     {c, append(slices.Clone(good), good[0])},
	} {
		_, err := NewAdapters(bad.tensors, openCheckpoint(t, interchangetest.Checkpoint(bad.model, true)))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want it to say %q", err, says)
		}
	}
	onAdapters := openCheckpoint(t, interchangetest.Adapters(c, c.DefaultLoRA()))
	if _, err := NewAdapters(good, onAdapters); err == nil || !strings.Contains(err.Error(), "adapters only") {
		t.Errorf("adapters on adapters: %v", err)
	}
}
