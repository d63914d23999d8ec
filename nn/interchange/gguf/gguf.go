// Package gguf reads and writes the models of llama.cpp.
//
// A GGUF file is a header (magic, version, counts), settings by name with their types, the tensors' names, shapes,
// types and offsets, and then the tensors, each at a multiple of 32 bytes. Dimensions are written fastest first.
// llama.cpp knows this family's models as the architectures llama, qwen3 and qwen3moe.
package gguf

import (
	"fmt"
	"strings"

	"github.com/minimind-gpu/minimind-gpu/nn/config"
	"github.com/minimind-gpu/minimind-gpu/nn/interchange"
)

const (
	magic            = "GGUF"
	version          = 3  // 2 has the same layout
	defaultAlignment = 32 // of tensors, in bytes
	maxNameLength    = 63 // of a tensor: llama.cpp's
	maxDimensions    = 4
)

// The types of settings.
const (
	typeUint8 uint32 = iota
	typeInt8
	typeUint16
	typeInt16
	typeUint32
	typeInt32
	typeFloat32
	typeBool
	typeString
	typeArray
	typeUint64
	typeInt64
	typeFloat64
)

// ggmlTypes are the numbers of the types of tensors.
var ggmlTypes = map[uint32]interchange.DType{0: interchange.F32, 1: interchange.F16, 8: interchange.Q8_0, 28: interchange.F64, 30: interchange.BF16}

// otherTypes are some that cannot be read, for messages.
var otherTypes = map[uint32]string{2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K"}

func ggmlType(d interchange.DType) uint32 {
	for number, name := range ggmlTypes {
		if name == d {
			return number
		}
	}
	panic("gguf: no type " + string(d))
}

// architecture is llama.cpp's name for the model.
func architecture(c config.Model) string {
	switch {
	case !c.QKNorm:
		return "llama"
	case c.MoE == nil:
		return "qwen3"
	}
	return "qwen3moe"
}

// The names of tensors: Hugging Face's, then llama.cpp's. An asterisk stands for the layer. A layer's experts are one
// tensor, the first dimension over experts, whose name here is that of one.
var tensorNames = [][2]string{
	{"model.embed_tokens.weight", "token_embd.weight"},
	{"model.norm.weight", "output_norm.weight"},
	{"lm_head.weight", "output.weight"},
	{"model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight"},
	{"model.layers.*.self_attn.k_proj.weight", "blk.*.attn_k.weight"},
	{"model.layers.*.self_attn.v_proj.weight", "blk.*.attn_v.weight"},
	{"model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight"},
	{"model.layers.*.self_attn.q_norm.weight", "blk.*.attn_q_norm.weight"},
	{"model.layers.*.self_attn.k_norm.weight", "blk.*.attn_k_norm.weight"},
	{"model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight"},
	{"model.layers.*.post_attention_layernorm.weight", "blk.*.ffn_norm.weight"},
	{"model.layers.*.mlp.gate_proj.weight", "blk.*.ffn_gate.weight"},
	{"model.layers.*.mlp.up_proj.weight", "blk.*.ffn_up.weight"},
	{"model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight"},
	{"model.layers.*.mlp.gate.weight", "blk.*.ffn_gate_inp.weight"},
	{"model.layers.*.mlp.experts.gate_proj.weight", "blk.*.ffn_gate_exps.weight"},
	{"model.layers.*.mlp.experts.up_proj.weight", "blk.*.ffn_up_exps.weight"},
	{"model.layers.*.mlp.experts.down_proj.weight", "blk.*.ffn_down_exps.weight"},
}

// rename translates a name from one column of tensorNames to the other; ok is false for a name that is not in it.
func rename(name string, from, to int) (renamed string, ok bool) {
	for _, pair := range tensorNames {
		before, after, layered := strings.Cut(pair[from], "*")
		if !layered && name == pair[from] {
			return pair[to], true
		}
		layer, ok := strings.CutPrefix(name, before)
		if layer, ok2 := strings.CutSuffix(layer, after); layered && ok && ok2 && isNumber(layer) {
			return strings.Replace(pair[to], "*", layer, 1), true
		}
	}
	return "", false
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// expertOf takes the number of the expert out of a parameter's name.
func expertOf(name string) (stacked string, expert int, ok bool) {
	before, after, ok := strings.Cut(name, ".experts.")
	if !ok {
		return name, 0, false
	}
	number, rest, _ := strings.Cut(after, ".")
	fmt.Sscan(number, &expert)
	return before + ".experts." + rest, expert, true
}

// llama.cpp's architecture llama turns neighbouring values (2j, 2j+1) of a head together, this project's models the
// halves (j, j + D/2). So the rows of its query and key weights are in another order: fileRow is where the file has a
// row, for heads of D.
func fileRow(row, D int) int {
	head, i := row/D, row%D
	return head*D + i%(D/2)*2 + i/(D/2)
}

// permuted reports whether the parameter's rows are in that order.
func permuted(arch, name string) bool {
	return arch == "llama" && (strings.HasSuffix(name, ".q_proj.weight") || strings.HasSuffix(name, ".k_proj.weight"))
}
