"""Makes llama_f16.gguf beside it with llama.cpp's own library for Python (package gguf). Run in this folder:

    python3 make.py ../../../corpus/tokenizer.json

The values are those of ../../pth/testdata/make.py; the rows of queries and keys are put in order as llama.cpp's
converter does.
"""
import json
import sys

import gguf
import numpy as np

vocab, hidden, heads, kv, size, width = 512, 16, 4, 2, 4, 24

with open(sys.argv[1], encoding="utf-8") as f:
    tokenizer = json.load(f)
special = {t["content"]: t["special"] for t in tokenizer["added_tokens"]}
tokens = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]


def values(name, *shape):
    i = np.arange(np.prod(shape)).reshape(shape)
    return (((37 * i + 11 * len(name)) % 255 - 127) / 256 + (len(shape) == 1)).astype(np.float32)


def permute(weights, heads):
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, weights.shape[1]).swapaxes(1, 2).reshape(weights.shape)


w = gguf.GGUFWriter("llama_f16.gguf", "llama")
w.add_context_length(64)
w.add_embedding_length(hidden)
w.add_block_count(1)
w.add_feed_forward_length(width)
w.add_head_count(heads)
w.add_head_count_kv(kv)
w.add_layer_norm_rms_eps(1e-5)
w.add_rope_freq_base(1e6)
w.add_rope_dimension_count(size)
w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
w.add_tokenizer_model("gpt2")
w.add_tokenizer_pre("gpt-2")
w.add_token_list(tokens)
w.add_token_types([gguf.TokenType.NORMAL if t not in special else gguf.TokenType.CONTROL if special[t] else gguf.TokenType.USER_DEFINED for t in tokens])
w.add_token_merges(merges)
w.add_bos_token_id(1)
w.add_eos_token_id(2)

layer = "model.layers.0."
for theirs, ours, shape in [
    ("token_embd", "model.embed_tokens", (vocab, hidden)),
    ("blk.0.attn_norm", layer + "input_layernorm", (hidden,)),
    ("blk.0.ffn_down", layer + "mlp.down_proj", (hidden, width)),
    ("blk.0.ffn_gate", layer + "mlp.gate_proj", (width, hidden)),
    ("blk.0.ffn_up", layer + "mlp.up_proj", (width, hidden)),
    ("blk.0.ffn_norm", layer + "post_attention_layernorm", (hidden,)),
    ("blk.0.attn_k", layer + "self_attn.k_proj", (kv * size, hidden)),
    ("blk.0.attn_output", layer + "self_attn.o_proj", (hidden, heads * size)),
    ("blk.0.attn_q", layer + "self_attn.q_proj", (heads * size, hidden)),
    ("blk.0.attn_v", layer + "self_attn.v_proj", (kv * size, hidden)),
    ("output_norm", "model.norm", (hidden,)),
]:
    v = values(ours + ".weight", *shape)
    if theirs.endswith("attn_q"):
        v = permute(v, heads)
    if theirs.endswith("attn_k"):
        v = permute(v, kv)
    w.add_tensor(theirs + ".weight", v.astype(np.float16) if len(shape) > 1 else v)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()

# Values of many sizes, with ties, and what llama.cpp quantizes them to.
draw = np.random.default_rng(1)
v = (draw.standard_normal((64, 32)) * np.exp2(draw.integers(-20, 12, (64, 1)))).astype(np.float32)
v[0], v[1], v[2] = 0, np.arange(32) - 15.5, np.arange(32) * 4 - 127  # in v[1] and v[2], -15.5 and -127 are the largest
v.astype("<f4").tofile("values.f32")
gguf.quants.quantize(v, gguf.GGMLQuantizationType.Q8_0).tofile("values.q8_0")
