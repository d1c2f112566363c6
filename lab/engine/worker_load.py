"""Loads a checkpoint: fetches it when it is on the hub, checks it, and describes what it is."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers
from safetensors import SafetensorError

from lab.domain import Checkpoint, Loaded, Progress
from lab.engine.fingerprint import count_parameters, fingerprint
from lab.engine.worker_device import choose_device, choose_dtype
from lab.errors import LabError

Report = Callable[[Progress], None]

# Data only: weights as safetensors, configuration, tokenizer. No code, nothing pickled.
_HUB_FILES = [
    "model*.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
]
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint in memory."""

    network: Any
    tokenizer: Any
    end_tokens: frozenset[int]
    loaded: Loaded


def load_model(checkpoint: Checkpoint, device: str, dtype: str, progress: Report) -> Model:
    """Load a checkpoint. Raises LabError that names it when it cannot be used on this machine."""
    folder = _folder(checkpoint, progress)
    if (folder / "adapter_config.json").is_file():
        raise LabError(f"{folder} is an adapter, not a checkpoint.", "Load its checkpoint and use --adapter NAME.")
    mark = fingerprint(folder)
    place = choose_device(device)
    kind = choose_dtype(place) if dtype == "auto" else dtype
    _require_memory(checkpoint.name, folder, place, kind)
    try:
        with _liveness("Reading the weights", progress):
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
            network = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, kind),
                device_map=None if place == "cpu" else place,
                trust_remote_code=False,
                use_safetensors=True,
                local_files_only=True,
            )
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError) as e:
        raise _refused(checkpoint.name, e) from e
    network.eval().requires_grad_(False)
    config = network.config.get_text_config()
    form = checkpoint.form or ("chat" if tokenizer.chat_template else "plain")
    if form == "chat" and not tokenizer.chat_template:
        form = "plain"
    end_tokens = _end_tokens(network, tokenizer)
    # What a checkpoint suggests for sampling (top_k and others) would change the published protocol.
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(end_tokens, default=0)
    network.generation_config = transformers.GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=sorted(end_tokens) or None, pad_token_id=pad
    )
    loaded = Loaded(
        name=checkpoint.name,
        family=str(network.config.model_type),
        form=form,
        context=int(getattr(config, "max_position_embeddings", None) or 2048),
        parameters=int(network.num_parameters()),
        dtype=kind,
        device=str(network.device),
        fingerprint=mark,
        path=str(folder),
        # The host knows when the whole of it began and ended.
        seconds=0.0,
    )
    return Model(network, tokenizer, end_tokens, loaded)


def release() -> None:
    """Give back what the checkpoint before held; to be called after the last reference is gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _folder(checkpoint: Checkpoint, progress: Report) -> Path:
    if checkpoint.source != "hub":
        return Path(checkpoint.location)
    import huggingface_hub
    import huggingface_hub.errors
    from tqdm.auto import tqdm

    if checkpoint.ready:
        with contextlib.suppress(huggingface_hub.errors.LocalEntryNotFoundError):
            return Path(
                huggingface_hub.snapshot_download(
                    checkpoint.location, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"], local_files_only=True
                )
            )
    stage = f"Downloading {checkpoint.name}"
    nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115

    class Bar(tqdm):  # type: ignore[type-arg,misc,unused-ignore]
        """The hub's own bar, sent to the screen of the lab."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "disable": False, "file": nowhere})

        def update(self, n: float | None = 1) -> bool | None:
            moved: bool | None = super().update(n)
            if self.unit == "B":
                progress(Progress(stage, float(self.n), float(self.total) if self.total else None, "bytes"))
            return moved

    progress(Progress(stage, unit="bytes"))
    try:
        path = huggingface_hub.snapshot_download(
            checkpoint.location, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"], tqdm_class=Bar
        )
    except Exception as fault:
        # The hub's client raises many kinds: no network, no such repository, gated, no space.
        raise LabError(
            f"The checkpoint {checkpoint.name} cannot be fetched from the hub: {_line(fault)}",
            "Check the name and the network, or use a local folder with config.json and *.safetensors.",
        ) from fault
    return Path(path)


def _require_memory(name: str, folder: Path, place: str, kind: str) -> None:
    """Say so before the system ends a process for it."""
    needed = count_parameters(folder) * _BYTES[kind]
    free = psutil.virtual_memory().available if place == "cpu" else torch.cuda.mem_get_info()[0]
    if needed > free:
        raise LabError(
            f"The checkpoint {name} needs {needed / _GIB:.1f} GiB in {kind}; {free / _GIB:.1f} GiB of memory are free.",
            "Close other programs, choose a smaller checkpoint, or set engine.dtype to a smaller type in lab.toml.",
        )


def _end_tokens(network: Any, tokenizer: Any) -> frozenset[int]:
    given = network.generation_config.eos_token_id if network.generation_config is not None else None
    tokens = set(given if isinstance(given, list) else [given])
    tokens.add(tokenizer.eos_token_id)
    return frozenset(int(token) for token in tokens if token is not None)


def _refused(name: str, fault: Exception) -> LabError:
    text = str(fault)
    if "trust_remote_code" in text or "custom code" in text:
        return LabError(
            f"The checkpoint {name} needs program code of its authors, which the lab never runs.",
            "Choose a checkpoint of an architecture that transformers knows itself.",
        )
    return LabError(
        f"The checkpoint {name} cannot be loaded: {_line(fault)}",
        "Copy or download it again, or choose another; the engine's log has the whole message.",
    )


def _line(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return f"{type(fault).__name__}: {lines[0][:300] if lines else 'no message'}"


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
