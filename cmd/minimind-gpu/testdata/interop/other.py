"""What other programs make of exported models. TestInterop writes case.json into a folder and runs this on it:

    python3 other.py FOLDER

It reads FOLDER/hf with transformers and FOLDER/*.gguf with llama.cpp, and writes what they say to FOLDER/other.json,
their logits to FOLDER/*.f32 (with FOLDER/adapters: peft.f32), and the model as transformers saves it to FOLDER/resaved.
"""
import json
import pathlib
import sys

import llama_cpp
import numpy as np
import peft
import torch
import transformers
from llama_cpp.llama_chat_format import Jinja2ChatFormatter
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = pathlib.Path(sys.argv[1])
case = json.loads((folder / "case.json").read_text())
ids, new = case["ids"], case["new"]
says = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__, "llama-cpp-python": llama_cpp.__version__}}


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


def with_llama_cpp():
    says["llama_cpp_ids"] = {}
    for path in sorted(folder.glob("*.gguf")):
        exact = {"type_k": llama_cpp.GGML_TYPE_F32, "type_v": llama_cpp.GGML_TYPE_F32, "flash_attn": False}  # not rounded to halves
        model = llama_cpp.Llama(str(path), n_ctx=len(ids) + new + 1, n_batch=512, logits_all=True, verbose=False, **exact)
        model.eval(ids)
        logits = np.array(model.scores[:len(ids)], dtype="<f4")
        logits.tofile(path.with_suffix(".f32"))
        chosen = [int(np.argmax(logits[-1]))]
        while len(chosen) < new:
            model.eval([chosen[-1]])
            chosen.append(int(np.argmax(model.scores[model.n_tokens - 1])))
        says["llama_cpp_ids"][path.stem] = chosen
        if path.stem == "f32":
            says["llama_cpp_tokens"] = [model.tokenize(text.encode(), add_bos=False, special=True) for text in case["texts"]]
            says["llama_cpp_text"] = model.detokenize(chosen, special=False).decode(errors="replace")
            says["llama_cpp_special"] = [model.token_bos(), model.token_eos()]
            says["llama_cpp_chats"] = [rendered(model, c) for c in case["chats"]]


def rendered(model, chat):
    """A chat in the file's own template, as create_chat_completion writes it."""
    text = lambda token: llama_cpp.llama_vocab_get_text(model._model.vocab, token).decode()
    formatter = Jinja2ChatFormatter(model.metadata["tokenizer.chat_template"], eos_token=text(model.token_eos()), bos_token=text(model.token_bos()),
                                    add_generation_prompt=chat.get("add_generation_prompt", False))
    return formatter(messages=chat["messages"], tools=chat.get("tools")).prompt


with_transformers()
if any(folder.glob("*.gguf")):
    with_llama_cpp()
(folder / "other.json").write_text(json.dumps(says))
