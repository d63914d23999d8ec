// Package checkpoint writes and reads a training run as one stream of bytes: front to back, without a second copy of
// the tensors, and so that no damaged byte goes unnoticed. Files, names and atomic renames are the caller's.
//
// A checkpoint is a sequence of MessagePack objects:
//
//	str     "minimind-gpu checkpoint"
//	uint 32 format version
//	bin 32  header: model, tokenizer, state of the loop, index of tensors
//	uint 32 checksum
//	bin 32  values of the first tensor, little-endian
//	uint 32 checksum
//	...     and so on for each tensor of the index
//	str     "end"
//
// A checksum is the CRC-32C of every byte before it except the earlier checksums, so a tensor can neither be changed
// nor change places, nor come from another file. The fixed-width forms are always used: each byte has one right value.
package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/tinylib/msgp/msgp"
)

// Version is the format that this package writes, and the only one that it reads.
const Version = 1

const (
	maxHeader     = 64 << 20 // bytes: far above any tokenizer
	tagUint32     = 0xce     // MessagePack's uint 32
	tagBin32      = 0xc6     // MessagePack's bin 32
	frameBytes    = 5        // a tag and 32 bits
	damagedAdvice = "use an earlier checkpoint, or copy this one again"
)

var (
	magic      = msgp.AppendString(nil, "minimind-gpu checkpoint")
	endMarker  = msgp.AppendString(nil, "end")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// frame is a uint 32, or the start of a bin 32.
func frame(tag byte, value uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{tag}, value)
}

// validate checks that the header describes a model and tensors that can be written, and in group "parameter" exactly
// the model's parameters.
func (h *Header) validate() error {
	if err := h.Model.Validate(); err != nil {
		return fmt.Errorf("the model's configuration: %w", err)
	}
	count := map[string]int{}
	for i, t := range h.Tensors {
		if err := t.validate(); err != nil {
			return fmt.Errorf("%s: %w", h.place(i), err)
		}
		count[t.Group]++
	}
	switch {
	case h.Adapter != nil:
		if err := h.Adapter.LoRA.Validate(h.Model); err != nil {
			return err
		}
		if count[GroupParameter] > 0 {
			return fmt.Errorf("the index has %d parameters beside the adapters, which come without them", count[GroupParameter])
		}
		return h.validateGroup(GroupAdapter, count[GroupAdapter], 1, func() []config.Parameter { return h.Model.AdapterParameters(h.Adapter.LoRA) })
	case count[GroupParameter] > 0:
		experts := 1
		if h.Model.MoE != nil {
			experts = h.Model.MoE.NumExperts + h.Model.MoE.NumSharedExperts
		}
		return h.validateGroup(GroupParameter, count[GroupParameter], experts, h.Model.Parameters)
	}
	return nil
}

// validateGroup compares a group of the index, which has count tensors and must have some for each layer and expert,
// with what the model has.
func (h *Header) validateGroup(group string, count, experts int, model func() []config.Parameter) error {
	if layers := h.Model.NumHiddenLayers; layers*experts > count { // asked first, so that a short file cannot make a long list
		return fmt.Errorf("the index has %d %ss, too few for a model of %d layers", count, group, layers)
	}
	want := model()
	if count != len(want) {
		return fmt.Errorf("the index has %d %ss and the model %d", count, group, len(want))
	}
	at := 0
	for i, t := range h.Tensors {
		if t.Group != group {
			continue
		}
		if t.Name != want[at].Name || !slices.Equal(t.Shape, want[at].Shape) {
			return fmt.Errorf("%s has the shape %v where the model has %s, %v", h.place(i), t.Shape, want[at].Name, want[at].Shape)
		}
		at++
	}
	return nil
}

func (t TensorInfo) validate() error {
	if t.DType != "f32" && t.DType != "u32" {
		return fmt.Errorf("its type is %q: only \"f32\" and \"u32\" are known", t.DType)
	}
	bytes := int64(4)
	for _, n := range t.Shape {
		if n < 1 || int64(n) > math.MaxUint32/bytes {
			return fmt.Errorf("its shape %v is not that of a tensor below 4 GiB", t.Shape)
		}
		bytes *= int64(n)
	}
	if t.Bytes != bytes {
		return fmt.Errorf("its shape %v takes %d bytes, but the index says %d", t.Shape, bytes, t.Bytes)
	}
	return nil
}

// place names a tensor in errors.
func (h *Header) place(i int) string {
	t := h.Tensors[i]
	return fmt.Sprintf("tensor %d of %d (%s %s)", i+1, len(h.Tensors), t.Group, t.Name)
}
