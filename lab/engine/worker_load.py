"""Loads a checkpoint from a local folder: as weights for the engine's runner, or as a network for the sleeper."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from lab.domain import Checkpoint, Loaded, LoadOptions, Progress
from lab.engine.compute.architecture import Architecture, architecture
from lab.engine.compute.decoder import Decoder
from lab.engine.compute.library import Library
from lab.engine.compute.runner import Model, Runner
from lab.engine.compute.weights import Weights
from lab.engine.fingerprint import count_parameters, fingerprint
from lab.engine.machine import free_bytes
from lab.engine.reading import READING
from lab.engine.worker_device import choose_device, choose_dtype
from lab.engine.worker_prompt import knows_thinking
from lab.errors import LabError

Report = Callable[[Progress], None]

# "nf4" keeps a scale a block besides its four bits.
_BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int8": 1.0, "nf4": 0.6}
_QUANTIZED = ("int8", "nf4")
_GIB = 2**30
_CARD_SHARE = 0.8
_STAGE = "Reading the weights"
_OUT_OF_MEMORY = ("allocate memory", "bad_alloc", "ALLOC_FAILED", "out of memory")


@dataclass(frozen=True, slots=True)
class Network:
    """A checkpoint in memory as transformers holds it, ready to learn; an answer ends at any of the `end_tokens`."""

    network: Any
    tokenizer: Any
    end_tokens: frozenset[int]
    loaded: Loaded


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be loaded where, as far as it is known without the weights."""

    checkpoint: Checkpoint
    folder: Path
    fingerprint: str
    place: str
    dtype: str
    config: Any
    tokenizer: Any
    generation: Any

    @property
    def end_tokens(self) -> frozenset[int]:
        given = self.generation.eos_token_id
        tokens = {*(given if isinstance(given, list) else [given]), self.tokenizer.eos_token_id}
        return frozenset(int(token) for token in tokens if token is not None)

    def loaded(self, context: int, parameters: int, kernels: str) -> Loaded:
        template = bool(self.tokenizer.chat_template)
        form = self.checkpoint.form or ("chat" if template else "plain")
        return Loaded(
            name=self.checkpoint.name,
            family=str(self.config.model_type),
            form=form if template else "plain",
            context=context,
            parameters=parameters,
            dtype=self.dtype,
            device=self.place,
            fingerprint=self.fingerprint,
            path=str(self.folder),
            # The host knows when the whole of it began and ended.
            seconds=0.0,
            kernels=kernels,
            thinking=knows_thinking(self.tokenizer),
            revision=self.checkpoint.revision,
        )


def load_model(checkpoint: Checkpoint, options: LoadOptions, progress: Report) -> Model:
    """Load a checkpoint to write with.

    The decoder computes the families that it knows on a CPU, the library everything else. Raises LabError that
    names the checkpoint when it cannot be used on this machine.
    """
    plan = _plan(checkpoint, options.device, options.dtype)
    known = _decoded(plan, options)
    if known is None:
        network = _network(plan, progress)
        runner: Runner = Library(network)
        parameters = int(network.num_parameters())
        context = _context(plan.config)
    else:
        with _refusals(checkpoint.name):

            def layers_done(done: int, total: int) -> None:
                progress(Progress(_STAGE, done, total, "layers"))

            runner = Decoder(known, Weights(plan.folder), getattr(torch, plan.dtype), layers_done)
        parameters = count_parameters(plan.folder)
        context = known.context
    return Model(runner, plan.tokenizer, plan.end_tokens, plan.loaded(context, parameters, runner.kernels))


def load_network(checkpoint: Checkpoint, device: str, dtype: str) -> Network:
    """Load a checkpoint to learn with. Raises LabError as `load_model` does."""
    plan = _plan(checkpoint, device, dtype)
    network = _network(plan, lambda progress: None)
    loaded = plan.loaded(_context(plan.config), int(network.num_parameters()), "transformers")
    return Network(network, plan.tokenizer, plan.end_tokens, loaded)


def release() -> None:
    """Give back what the checkpoint before held; to be called after the last reference is gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def ran_out_of_memory(fault: BaseException) -> bool:
    """Whether the libraries mean that, in whichever of their words."""
    said = str(fault)
    return isinstance(fault, (torch.OutOfMemoryError, MemoryError)) or any(word in said for word in _OUT_OF_MEMORY)


def _plan(checkpoint: Checkpoint, device: str, dtype: str) -> _Plan:
    folder = Path(checkpoint.location)
    mark = fingerprint(folder)
    place = choose_device(device)
    kind = choose_dtype(place) if dtype == "auto" else dtype
    if kind in _QUANTIZED and place == "cpu":
        raise LabError(f'engine.dtype is "{kind}", which needs a GPU.', 'Set engine.dtype = "auto" in lab.toml.')
    _require_memory(checkpoint.name, folder, place, kind)
    with _refusals(checkpoint.name):
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        # Made from the configuration only where there is none: a damaged one would lose the tokens that end a draft.
        if (folder / "generation_config.json").is_file():
            generation = transformers.GenerationConfig.from_pretrained(folder, local_files_only=True)
        else:
            generation = transformers.GenerationConfig.from_model_config(config)
    return _Plan(checkpoint, folder, mark, place, kind, config, tokenizer, generation)


def _decoded(plan: _Plan, options: LoadOptions) -> Architecture | None:
    """The architecture when the decoder can compute it here, from tensors of the names that it knows."""
    if options.kernels != "auto" or plan.place != "cpu" or plan.dtype not in ("float32", "bfloat16"):
        return None
    return architecture(plan.config) if Weights(plan.folder).has("model.embed_tokens.weight") else None


def _network(plan: _Plan, progress: Report) -> Any:
    options: dict[str, Any] = {"dtype": getattr(torch, plan.dtype, torch.bfloat16)}
    if plan.dtype in _QUANTIZED:
        options["dtype"] = getattr(torch, choose_dtype(plan.place))
        options["quantization_config"] = _quantization(plan.dtype, options["dtype"])
    if plan.place != "cpu":
        # What does not fit the card is kept beside it; a part of the card is for keys, values and work.
        fits = count_parameters(plan.folder) * _BYTES[plan.dtype] < _CARD_SHARE * torch.cuda.mem_get_info()[0]
        options["device_map"] = plan.place if fits else "auto"
    if _has_flash_attention(plan):
        options["attn_implementation"] = "flash_attention_2"
    with _refusals(plan.checkpoint.name), _liveness(_STAGE, progress), READING:
        network, told = transformers.AutoModelForCausalLM.from_pretrained(
            plan.folder,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **options,
        )
    if missing := sorted(told["missing_keys"]):
        # The library would fill them with random numbers and say nothing to a person.
        raise LabError(
            f"The checkpoint {plan.checkpoint.name} lacks {len(missing)} of its weights, such as {missing[0]}.",
            "Copy or download it again, or choose another.",
        )
    network.eval().requires_grad_(False)
    return network


def _quantization(kind: str, compute: torch.dtype) -> Any:
    if kind == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute)


def _has_flash_attention(plan: _Plan) -> bool:
    from transformers.utils import is_flash_attn_2_available

    return plan.place != "cpu" and plan.dtype != "float32" and bool(is_flash_attn_2_available())


def _context(config: Any) -> int:
    text = config.get_text_config()
    window = int(getattr(text, "max_position_embeddings", None) or 2048)
    rope = getattr(text, "rope_parameters", None) or {}
    if rope.get("rope_type") == "longrope":
        # Beyond it other frequencies apply, and keys that are in the cache would have the wrong ones.
        window = min(window, int(rope["original_max_position_embeddings"]))
    return window


def _require_memory(name: str, folder: Path, place: str, kind: str) -> None:
    """Say so before the system ends a process for it."""
    needed = count_parameters(folder) * _BYTES[kind]
    free = free_bytes() + (torch.cuda.mem_get_info()[0] if place != "cpu" else 0)
    if needed > free:
        raise LabError(
            f"The checkpoint {name} needs {needed / _GIB:.1f} GiB in {kind}; {free / _GIB:.1f} GiB of memory are free.",
            "Close other programs, choose a smaller checkpoint, or set engine.dtype to a smaller type in lab.toml.",
        )


@contextlib.contextmanager
def _refusals(name: str) -> Iterator[None]:
    """What the libraries raise about a checkpoint, in one sentence; out of memory stays what it is."""
    try:
        yield
    except LabError:
        raise
    except (
        MemoryError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RuntimeError,
        ImportError,
        SafetensorError,
    ) as e:
        if ran_out_of_memory(e):
            raise
        raise _refused(name, e) from e


def _refused(name: str, fault: Exception) -> LabError:
    text = str(fault)
    if "trust_remote_code" in text or "custom code" in text:
        return LabError(
            f"The checkpoint {name} needs program code of its authors, which the lab never runs.",
            "Choose a checkpoint of an architecture that transformers knows itself.",
        )
    if isinstance(fault, ImportError) and "bitsandbytes" in text:
        return LabError(
            'The dtypes "int8" and "nf4" need the package bitsandbytes.',
            'Install it with pip install bitsandbytes, or set engine.dtype = "auto" in lab.toml.',
        )
    lines = text.strip().splitlines()
    said = f"{type(fault).__name__}: {lines[0][:300] if lines else 'no message'}"
    return LabError(
        f"The checkpoint {name} cannot be loaded: {said}",
        "Copy or download it again, or choose another; the engine's log has the whole message.",
    )


@contextlib.contextmanager
def _liveness(stage: str, progress: Report) -> Iterator[None]:
    """Report the seconds that pass while native code works."""
    over = threading.Event()
    started = time.monotonic()

    def report() -> None:
        while not over.wait(0.25):
            progress(Progress(stage, time.monotonic() - started, None, "seconds"))

    progress(Progress(stage, unit="seconds"))
    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
