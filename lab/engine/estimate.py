"""Estimates the memory that a checkpoint takes and says whether it fits, before anything is loaded. No torch.

The arithmetic, in bytes; b is 4 for float32 and 2 for every other dtype, in which activations stay in 16 bits:

    weights   b a parameter; "int8" 1 and "nf4" 0.5625 (4 bits, and 4 bytes a block of 64) a parameter of a linear
              layer, while embeddings and output head stay at 2
    cache     2 (key and value) x layers x kv_heads x head_dim x b for each token: the rows of a refinement share one
              prompt in the lab's own decoder, so tokens + rows x 200; the library copies the prompt for each row, so
              tokens x (rows + 1) + rows x 200
    working   one layer at a time while the prompt is read: tokens x (6 hidden + 4 intermediate) x b, and two float32
              distributions over the vocabulary for each row
    total     these three and 400 MiB for the libraries
    training  a process of its own: libraries, weights, 16 bytes a LoRA number (weight, gradient, two moments) of rank
              8 on every linear layer, and for each of 4 x 512 tokens layers x (10 hidden + 6 intermediate) x (b + 0.5)
              and 16 x vocabulary; the factors are those of a measured backward pass (SmolLM2-135M-Instruct, bfloat16:
              1.8 MiB a token)
    checkpointed  as training, but of each layer a token's hidden numbers are kept and the rest is computed again
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.domain import Checkpoint
from lab.engine.catalogue import ready_folder
from lab.engine.families import TARGETS
from lab.engine.fingerprint import count_parameters, read_config
from lab.engine.gguf_header import read_header
from lab.engine.known import known_shape
from lab.engine.machine import free_bytes, free_gpu_bytes, native_bfloat16, torch_is_for_cpu
from lab.engine.shape import Shape, shape_of
from lab.errors import LabError
from lab.settings import EngineSettings

__all__ = [
    "PROMPT_TOKENS",
    "RANK",
    "ROWS",
    "TRAINING_TOKENS",
    "Advice",
    "Estimate",
    "advise",
    "estimate",
    "free_bytes",
    "free_gpu_bytes",
    "has_bitsandbytes",
    "library_computes",
]

# What a refinement is reckoned with: five drafts after a prompt of this length.
PROMPT_TOKENS: Final = 2000
ROWS: Final = 5
# The most that a sleep reads at once as it is set up.
TRAINING_TOKENS: Final = 4 * 512
# Of the adapter that a sleep makes as it is set up.
RANK: Final = 8
_ANSWER_TOKENS: Final = 200
_LIBRARIES: Final = 400 * 2**20
_GIB: Final = 2**30
_BYTES: Final = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 2, "nf4": 2}
_QUANTISED: Final = {"int8": 1.0, "nf4": 0.5625}
# The lab's own decoder computes the families of the table of linear layers, in these.
_DECODED: Final = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes by use. `training_bytes` is what a sleep takes beside the engine, in a process of its own, and
    `checkpointed_bytes` what it takes with gradient checkpointing."""

    dtype: str
    weights_bytes: int
    cache_bytes: int
    working_bytes: int
    training_bytes: int
    checkpointed_bytes: int

    @property
    def total_bytes(self) -> int:
        """What the engine takes while it writes drafts."""
        return self.weights_bytes + self.cache_bytes + self.working_bytes + _LIBRARIES


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether a checkpoint fits as it is asked for; if not, `dtype` is the first smaller one that does.

    `estimate` is that of `dtype`, None where nothing is known of the checkpoint yet (then it is taken to fit).
    `sentence` is the proposal in words, or that a part stays beside the GPU; empty where there is nothing to say.
    """

    fits: bool
    dtype: str
    estimate: Estimate | None
    free_bytes: int
    sentence: str = ""


def estimate(
    checkpoint: Checkpoint,
    dtype: str,
    tokens: int,
    rows: int,
    *,
    library: bool = False,
    training_tokens: int = TRAINING_TOKENS,
    rank: int = RANK,
) -> Estimate | None:
    """What a checkpoint takes in a dtype ("auto": as `default_dtype` without a GPU), or None when that is not known.

    From its files where they are on this machine, else from the catalogue. `tokens` is the length of the prompt
    that `rows` drafts share; `library` as `library_computes` tells; `training_tokens` is what a sleep reads
    at once, `rank` that of its adapter. Raises LabError when its files are damaged.
    """
    sizes = _sizes(checkpoint)
    if sizes is None:
        return None
    parameters, shape = sizes
    if checkpoint.context is not None:
        tokens = max(min(tokens, checkpoint.context - _ANSWER_TOKENS), 1)
    dtype = default_dtype() if dtype == "auto" else dtype
    shared = not library and checkpoint.family in TARGETS and dtype in _DECODED
    return arithmetic(parameters, shape, dtype, tokens, rows, shared=shared, training_tokens=training_tokens, rank=rank)


def arithmetic(
    parameters: int,
    shape: Shape,
    dtype: str,
    tokens: int = PROMPT_TOKENS,
    rows: int = ROWS,
    *,
    shared: bool = True,
    training_tokens: int = TRAINING_TOKENS,
    rank: int = RANK,
) -> Estimate:
    """The estimate of the numbers alone; see the head of this module. `shared` says that rows share the prompt."""
    each = _BYTES[dtype]
    kept = min(shape.embedding_parameters, parameters)
    weights = kept * each + (parameters - kept) * _QUANTISED.get(dtype, each)
    kept_tokens = tokens * (1 if shared else rows + 1) + rows * _ANSWER_TOKENS
    cache = 2 * shape.layers * shape.kv_heads * shape.head_dim * each * kept_tokens
    working = tokens * (6 * shape.hidden + 4 * shape.intermediate) * each + 2 * 4 * rows * shape.vocabulary
    layer = (10 * shape.hidden + 6 * shape.intermediate) * (each + 0.5)
    training = _LIBRARIES + weights + 16 * _lora_parameters(shape, rank) + training_tokens * 16 * shape.vocabulary
    return Estimate(
        dtype,
        int(weights),
        cache,
        working,
        int(training + training_tokens * shape.layers * layer),
        int(training + training_tokens * (shape.layers * shape.hidden * each + layer)),
    )


def library_computes(engine: EngineSettings, *, gpu: bool) -> bool:
    """Whether the library computes every family, also those that the lab's own decoder knows."""
    return gpu or engine.kernels == "library"


def default_dtype(*, gpu: bool = False) -> str:
    """What "auto" stands for."""
    return "bfloat16" if gpu or native_bfloat16() else "float32"


def advise(checkpoint: Checkpoint, engine: EngineSettings, free: int, gpu_free: int | None = None) -> Advice:
    """Whether a checkpoint fits into `free` bytes of memory, or of the GPU's where `gpu_free` is given.

    What fits the GPU in no dtype is split between it and the memory, except in 8 and 4 bits. Raises LabError that
    names the sizes when no dtype that this machine can compute in is small enough, or what the dtype lacks.
    """
    gpu = gpu_free is not None
    _check_quantised(engine, gpu=gpu)
    library = library_computes(engine, gpu=gpu)

    def reckon(dtype: str) -> Estimate | None:
        return estimate(checkpoint, dtype, PROMPT_TOKENS, ROWS, library=library)

    wanted = default_dtype(gpu=gpu) if engine.dtype == "auto" else engine.dtype
    room = free if gpu_free is None else gpu_free
    asked = reckon(wanted)
    if asked is None or asked.total_bytes <= room or (wanted in _QUANTISED and not gpu):
        # How much a GPU has that no driver's tool tells of, the engine knows.
        return Advice(True, wanted, asked, room)
    place = "memory" if gpu_free is None else "GPU memory"
    needs = f"{checkpoint.name} needs {gib(asked.total_bytes)} in {wanted} and {gib(room)} of {place} are free"
    found = [asked, *filter(None, map(reckon, _smaller(wanted, gpu=gpu)))]
    for each in found:
        if each.total_bytes <= room:
            return Advice(False, each.dtype, each, room, f"{needs}; in {each.dtype} it needs {gib(each.total_bytes)}.")
    install = gpu and not has_bitsandbytes()
    for each in found if gpu else []:
        if each.dtype not in _QUANTISED and each.total_bytes <= room + free:
            smaller = "" if each is asked else f"; in {each.dtype} it needs {gib(each.total_bytes)}"
            sentence = f"{needs}{smaller}: a part of it stays in memory, which is slow."
            if install:
                sentence += " With the package bitsandbytes (pip install bitsandbytes) 8 or 4 bits may fit."
            return Advice(each is asked, each.dtype, each, room, sentence)
    smallest = found[-1]
    raise LabError(
        f"{checkpoint.name} needs {gib(smallest.total_bytes)} in {smallest.dtype} (weights"
        f" {gib(smallest.weights_bytes)}, {PROMPT_TOKENS:,} tokens of context and {ROWS} drafts"
        f" {gib(smallest.cache_bytes)}); {gib(room)} of {place} are free.",
        f"Close other programs, {'install bitsandbytes for 8 and 4 bits (pip install bitsandbytes), ' * install}"
        "or choose a smaller checkpoint: lab checkpoints lists what fits.",
    )


def gib(size: float) -> str:
    """Bytes as "1.2 GiB"."""
    return f"{size / _GIB:.1f} GiB"


def _check_quantised(engine: EngineSettings, *, gpu: bool) -> None:
    """Raises LabError where "int8" or "nf4" cannot be computed for sure."""
    if engine.dtype not in _QUANTISED:
        return
    if not gpu and (engine.device == "cpu" or torch_is_for_cpu()):
        raise LabError(
            f'engine.dtype is "{engine.dtype}", which needs a GPU.', 'Set engine.dtype = "auto" in lab.toml.'
        )
    if not has_bitsandbytes():
        raise LabError(
            f'engine.dtype is "{engine.dtype}", which needs the package bitsandbytes.',
            'Install it with pip install bitsandbytes, or set engine.dtype = "auto" in lab.toml.',
        )


def has_bitsandbytes() -> bool:
    """Whether "int8" and "nf4" can be had."""
    return importlib.util.find_spec("bitsandbytes") is not None


def _smaller(dtype: str, *, gpu: bool) -> Iterator[str]:
    """The dtypes that take less, largest first."""
    if dtype == "float32":
        yield "bfloat16"
    if gpu and dtype not in _QUANTISED and has_bitsandbytes():
        yield "int8"
    if gpu and dtype != "nf4" and has_bitsandbytes():
        yield "nf4"


def _lora_parameters(shape: Shape, rank: int) -> int:
    """Numbers of a LoRA on every linear layer of a Llama; the fused layers of Phi-3 have fewer."""
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    attention = 2 * (shape.hidden + queries) + 2 * (shape.hidden + keys)
    return rank * shape.layers * (attention + 3 * (shape.hidden + shape.intermediate))


def _sizes(checkpoint: Checkpoint) -> tuple[int, Shape] | None:
    folder = ready_folder(checkpoint)
    shape: Shape | None = None
    parameters = checkpoint.parameters
    if folder is not None:
        shape, parameters = shape_of(read_config(folder)), count_parameters(folder)
    elif checkpoint.source == "gguf":
        header = read_header(Path(checkpoint.location))
        shape, parameters = header.shape, header.parameters
    shape = shape or known_shape(checkpoint)
    return None if shape is None or parameters is None else (parameters, shape)
