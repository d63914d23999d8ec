"""What other programs make of exported models. TestInterop writes case.json into a folder and runs this on it:

    python3 other.py FOLDER

It reads FOLDER/hf with transformers and FOLDER/*.gguf with llama.cpp, and writes what they say to FOLDER/other.json,
transformers' logits and llama.cpp's log-probabilities to FOLDER/*.f32 (with FOLDER/adapters: peft.f32), and the model as
transformers saves it to FOLDER/resaved.
"""
import json
import pathlib
import sys
import urllib.request
from importlib.metadata import version

import numpy as np
import peft
import torch
import transformers
import xllamacpp as llama_cpp
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = pathlib.Path(sys.argv[1])
case = json.loads((folder / "case.json").read_text())
ids, new = case["ids"], case["new"]
says = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__, "llama.cpp through xllamacpp": version("xllamacpp")}}


def with_transformers():
    tokenizer = AutoTokenizer.from_pretrained(folder / "hf")
    model = AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32, attn_implementation="eager").eval()
    says["class"] = type(model).__name__
    says["tied"] = model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
        logits.numpy().astype("<f4").tofile(folder / "transformers.f32")
        out = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=new, eos_token_id=-1)
    says["transformers_ids"] = out[0, len(ids):].tolist()
    says["transformers_tokens"] = [tokenizer(text)["input_ids"] for text in case["texts"]]
    says["special"] = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
    says["chats"] = [tokenizer.apply_chat_template(c["messages"], tools=c.get("tools"), add_generation_prompt=c.get("add_generation_prompt", False), tokenize=False)
                     for c in case["chats"]]
    model.save_pretrained(folder / "resaved")
    if (folder / "adapters").exists():
        with torch.no_grad():
            adapted = peft.PeftModel.from_pretrained(model, folder / "adapters").eval()
            adapted(torch.tensor([ids])).logits[0].numpy().astype("<f4").tofile(folder / "peft.f32")


class Server:
    """llama.cpp's own HTTP server on a GGUF, in this process."""

    def __init__(self, path):
        p = llama_cpp.CommonParams()
        p.model.path, p.n_ctx, p.n_parallel, p.warmup, p.verbosity = str(path), len(ids) + new + 1, 1, False, 0
        p.cache_type_k = p.cache_type_v = llama_cpp.ggml_type.GGML_TYPE_F32  # not rounded to halves
        p.flash_attn_type = llama_cpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        p.prefill_assistant = False  # a chat that ends with an answer is whole
        self.server = llama_cpp.Server(p)
        self.letter = self.tokenize("a")[0]

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server.listening_address + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def tokenize(self, text):
        return self.ask("/tokenize", {"content": text, "add_special": False, "parse_special": True})["tokens"]

    def next(self, prompt, n):
        """The n likeliest tokens after the prompt, best first, with their log-probabilities. The server tells none where it
        chooses the end, so it is made to choose a letter, which these do not show."""
        said = self.ask("/completion", {"prompt": prompt, "n_predict": 1, "n_probs": n, "cache_prompt": True, "logit_bias": [[self.letter, 1000]]})
        return said["completion_probabilities"][0]["top_logprobs"]


def with_llama_cpp():
    says["llama_cpp_ids"] = {}
    for path in sorted(folder.glob("*.gguf")):
        server = Server(path)
        vocab = server.ask("/v1/models")["data"][0]["meta"]["n_vocab"]
        logprobs = np.zeros((len(ids), vocab), dtype="<f4")
        for i in range(len(ids)):
            for t in server.next(ids[:i + 1], vocab):
                logprobs[i, t["id"]] = t["logprob"]
        logprobs.tofile(path.with_suffix(".f32"))
        chosen, text = [], b""
        while len(chosen) < new:
            best = server.next(ids + chosen, 1)[0]
            chosen.append(best["id"])
            text += bytes(best["bytes"])
        says["llama_cpp_ids"][path.stem] = chosen
        if path.stem == "f32":
            props = server.ask("/props")
            says["llama_cpp_tokens"] = [server.tokenize(text) for text in case["texts"]]
            says["llama_cpp_text"] = text.decode(errors="replace")
            says["llama_cpp_special"] = server.tokenize(props["bos_token"]) + server.tokenize(props["eos_token"])
            says["llama_cpp_chats"] = [server.ask("/apply-template", {"add_generation_prompt": False} | chat)["prompt"] for chat in case["chats"]]


with_transformers()
with_llama_cpp()
(folder / "other.json").write_text(json.dumps(says))
