"""The ways of writing five drafts that are compared, each in a process of its own that waits for its turn.

    python -m benchmarks.sides ours | published | llamacpp

reads one JSON request a line from standard input and answers each with one line of JSON. All of them sample at the
temperatures of the refinement and write every draft to its full length, whatever token comes.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.domain import Checkpoint, GenerationEvent, LoadOptions, Message, Prompt, PromptRead, RowGrew
from lab.engine.cores import use_cores
from lab.engine.embedded import embedded_folder
from lab.refinement.irp import samplings
from lab.settings import EMBEDDED_CHECKPOINT

QUESTION = "What does it mean to learn something, and how would you know that you have?"
DRAFTS = 5


class Side:
    """A child that waits for requests. `environment` is added to that of this process."""

    def __init__(self, name: str, *arguments: str) -> None:
        self.name = name
        self._child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sides", name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        self.about = self._answer()

    def ask(self, **request: object) -> dict[str, Any]:
        """The answer to one request. Raises RuntimeError when the child died."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """Close its input and wait."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the side {self.name!r} ended with exit code {self._child.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def ours(kernels: str = "auto") -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The engine's own code, on the embedded checkpoint."""
    use_cores()
    from dataclasses import replace

    from lab.engine.compute.drafting import write_drafts
    from lab.engine.worker_load import load_model
    from lab.engine.worker_prompt import encode_prompt

    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    checkpoint = Checkpoint(EMBEDDED_CHECKPOINT, "embedded", str(folder), True, form="chat")
    model = load_model(checkpoint, LoadOptions(kernels=kernels), lambda progress: None)
    unending = replace(model, end_tokens=frozenset())

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        messages = request.get("messages") or [["user", QUESTION]]
        prompt = Prompt(tuple(Message(role, text) for role, text in messages), "chat")
        tokens = encode_prompt(model.tokenizer, prompt)
        if request.get("forget", True):
            model.runner.forget()
        texts = [""] * DRAFTS
        first: list[float] = []
        began = time.perf_counter()

        def emit(event: GenerationEvent) -> None:
            if isinstance(event, RowGrew):
                first.append(time.perf_counter() - began)
                texts[event.row] += event.text
            elif isinstance(event, PromptRead):
                first.append(time.perf_counter() - began)

        rows = samplings(DRAFTS, request.get("seed", 0))
        write_drafts(unending, tokens, rows, request["length"], threading.Event(), emit)
        return {
            "seconds": time.perf_counter() - began,
            "first_token": first[0],
            "prompt_tokens": len(tokens),
            "text": texts[0],
        }

    answer({"length": 3})
    return answer


def published() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """As published: one call of `generate` a draft, transformers, the same weights in bfloat16."""
    import torch
    import transformers

    folder = embedded_folder(EMBEDDED_CHECKPOINT)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        message = [{"role": "user", "content": QUESTION}]
        encoded = tokenizer.apply_chat_template(
            message, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        began = time.perf_counter()
        for row in samplings(DRAFTS, request.get("seed", 0)):
            torch.manual_seed(row.seed)
            with torch.no_grad():
                network.generate(
                    **encoded,
                    do_sample=True,
                    temperature=row.temperature,
                    top_k=0,
                    min_new_tokens=request["length"],
                    max_new_tokens=request["length"],
                )
        return {"seconds": time.perf_counter() - began, "prompt_tokens": encoded["input_ids"].shape[1]}

    answer({"length": 3})
    return answer


def llamacpp(gguf: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """llama.cpp on the GGUF file that the embedded checkpoint was made from, by its C functions."""
    import llama_cpp as c
    import psutil

    cores = psutil.cpu_count(logical=False) or 1
    c.llama_backend_init()
    model = c.llama_model_load_from_file(gguf.encode(), c.llama_model_default_params())
    vocabulary = c.llama_model_get_vocab(model)
    options = c.llama_context_default_params()
    options.n_ctx, options.n_seq_max, options.kv_unified = 4096, DRAFTS, True
    options.n_threads = options.n_threads_batch = cores
    context = c.llama_init_from_model(model, options)
    memory = c.llama_get_memory(context)
    text = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n".encode()
    room = (c.llama_token * 256)()
    prompt = list(room[: c.llama_tokenize(vocabulary, text, len(text), room, 256, False, True)])
    batch = c.llama_batch_init(256, 0, DRAFTS)

    def decode(entries: list[tuple[int, int, int, bool]]) -> None:
        for at, (token, position, sequence, wanted) in enumerate(entries):
            batch.token[at], batch.pos[at], batch.logits[at] = token, position, wanted
            batch.n_seq_id[at] = 1
            batch.seq_id[at][0] = sequence
        batch.n_tokens = len(entries)
        if c.llama_decode(context, batch) != 0:
            raise RuntimeError("llama_decode failed")

    def write(rows: list[Any], length: int) -> None:
        """These drafts side by side, the prompt read once for them."""
        c.llama_memory_clear(memory, True)
        decode([(token, at, 0, at == len(prompt) - 1) for at, token in enumerate(prompt)])
        chains = []
        for row in rows:
            chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
            c.llama_sampler_chain_add(chain, c.llama_sampler_init_temp(ctypes.c_float(row.temperature)))
            c.llama_sampler_chain_add(chain, c.llama_sampler_init_dist(row.seed))
            chains.append(chain)
        for sequence in range(1, len(rows)):
            c.llama_memory_seq_cp(memory, 0, sequence, -1, -1)
        tokens = [c.llama_sampler_sample(chain, context, -1) for chain in chains]
        for step in range(length - 1):
            decode([(token, len(prompt) + step, row, True) for row, token in enumerate(tokens)])
            tokens = [c.llama_sampler_sample(chain, context, row) for row, chain in enumerate(chains)]
        for chain in chains:
            c.llama_sampler_free(chain)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        rows = samplings(DRAFTS, request.get("seed", 0))
        began = time.perf_counter()
        if request["parallel"]:
            write(rows, request["length"])
        else:
            for row in rows:
                write([row], request["length"])
        return {"seconds": time.perf_counter() - began, "prompt_tokens": len(prompt)}

    answer({"length": 3, "parallel": True})
    return answer


if __name__ == "__main__":
    requests, replies = sys.stdin, sys.stdout
    makers: dict[str, Callable[..., Callable[[dict[str, Any]], dict[str, Any]]]]
    makers = {"ours": ours, "published": published, "llamacpp": llamacpp}
    side = makers[sys.argv[1]](*sys.argv[2:])
    replies.write(json.dumps({"ready": True}) + "\n")
    replies.flush()
    for line in requests:
        replies.write(json.dumps(side(json.loads(line))) + "\n")
        replies.flush()
