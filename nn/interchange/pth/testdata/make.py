"""Makes the .pth files beside it, as MiniMind's trainers save them. Run in this folder with PyTorch:

    python3 make.py

Element i of the parameter called name is ((37*i + 11*len(name)) % 255 - 127) / 256, which float16 and bfloat16 hold
exactly; norms are 1 more (rounded to bfloat16 where that is the type).
"""
import collections
import os

import torch
from torch import nn


class Norm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))


def linear(columns, rows):
    return nn.Linear(columns, rows, bias=False)


class FeedForward(nn.Module):
    def __init__(self, hidden, width):
        super().__init__()
        self.gate_proj = linear(hidden, width)
        self.down_proj = linear(width, hidden)
        self.up_proj = linear(hidden, width)


class Mixture(nn.Module):
    def __init__(self, hidden, width, experts):
        super().__init__()
        self.gate = linear(hidden, experts)
        self.experts = nn.ModuleList(FeedForward(hidden, width) for _ in range(experts))


class Attention(nn.Module):
    def __init__(self, hidden, heads, kv, size, norms):
        super().__init__()
        self.q_proj = linear(hidden, heads * size)
        self.k_proj = linear(hidden, kv * size)
        self.v_proj = linear(hidden, kv * size)
        self.o_proj = linear(heads * size, hidden)
        if norms:
            self.q_norm = Norm(size)
            self.k_norm = Norm(size)


class Layer(nn.Module):
    def __init__(self, attention, mlp, hidden):
        super().__init__()
        self.self_attn = attention
        self.input_layernorm = Norm(hidden)
        self.post_attention_layernorm = Norm(hidden)
        self.mlp = mlp


class Body(nn.Module):
    def __init__(self, vocab, hidden, layers):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab, hidden)
        self.layers = nn.ModuleList(layers)
        self.norm = Norm(hidden)


class MiniMind(nn.Module):
    """The modules with their names; nothing is computed."""

    def __init__(self, vocab, hidden, layers):
        super().__init__()
        self.model = Body(vocab, hidden, layers)
        self.lm_head = linear(hidden, vocab)
        self.model.embed_tokens.weight = self.lm_head.weight
        with torch.no_grad():
            for name, p in self.named_parameters():
                i = torch.arange(p.numel()).reshape(p.shape)
                p.copy_(((37 * i + 11 * len(name)) % 255 - 127) / 256 + (p.dim() == 1))


def first(vocab=512, hidden=32):
    return MiniMind(vocab, hidden, [Layer(Attention(hidden, 8, 2, 4, False), FeedForward(hidden, 32), hidden) for _ in range(2)])


def second(vocab=512, hidden=16):
    return MiniMind(vocab, hidden, [Layer(Attention(hidden, 2, 1, 12, True), Mixture(hidden, 20, 3), hidden)])


class Hostile:
    def __reduce__(self):
        return os.system, ("touch /tmp/this-was-run",)


# As both generations save: each tensor converted by itself, so the head is there twice.
torch.save({k: v.half().cpu() for k, v in first().state_dict().items()}, "first_fp16.pth")
torch.save({k: v.bfloat16() for k, v in second().state_dict().items()}, "second_moe_bf16.pth", pickle_protocol=4)
# A state dict as it stands: the head is the embedding's storage.
torch.save(second().state_dict(), "second_moe_fp32.pth")
# What a trainer goes on from.
model = second(hidden=8)
optimizer = torch.optim.AdamW([model.model.norm.weight], lr=5e-4)
model.model.norm.weight.grad = torch.zeros(8)
optimizer.step()
model = second(hidden=8)
torch.save({"model": {k: v.half() for k, v in model.state_dict().items()}, "optimizer": optimizer.state_dict(), "epoch": 1, "step": 100000,
            "world_size": 1, "wandb_id": None}, "second_resume.pth")
# What is refused.
torch.save({"tok_embeddings.weight": torch.zeros(4, 4), "layers.0.attention.wq.weight": torch.zeros(4, 4)}, "before_april_2025.pth")
torch.save(collections.OrderedDict(a=torch.zeros(4, 4), b=Hostile()), "hostile.pth")
torch.save({"a": torch.zeros(4, 6).t()}, "transposed.pth")
torch.save({"a": torch.zeros(4, dtype=torch.int64)}, "integers.pth")
torch.save({"a": torch.zeros(4)}, "before_zip.pth", _use_new_zipfile_serialization=False)
