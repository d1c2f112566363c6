"""The engine process: holds a checkpoint and its adapter and answers the protocol with transformers.

Run as `python -m lab.engine.worker`; the lab starts it through `lab.engine.client`.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.domain import (
    Checkpoint,
    GenerationEvent,
    Loaded,
    LoadOptions,
    Progress,
    Prompt,
    PromptRead,
    Resident,
    Sampling,
)
from lab.engine.serving import serve, too_long
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.engine.worker_adapter import Adapters
    from lab.engine.worker_load import Model


class TransformersHost:
    """Answers requests with one checkpoint at a time. The libraries are imported at the first load."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._adapters: Adapters | None = None

    def load(self, checkpoint: Checkpoint, options: LoadOptions, progress: Callable[[Progress], None]) -> Loaded:
        started = time.monotonic()
        progress(Progress("Starting the engine"))
        from lab.engine.worker_adapter import Adapters
        from lab.engine.worker_device import use_cores
        from lab.engine.worker_load import load_model, release
        from lab.engine.worker_write import write_draft

        use_cores()
        # First make room: two checkpoints at once may not fit.
        self._model = self._adapters = None
        release()
        with _one_sentence():
            model = load_model(checkpoint, options.device, options.dtype, progress)
            progress(Progress("Warming up"))
            # The first pass reads the weights in and makes what is made once; NaN weights show here.
            first = model.tokenizer("Hello")["input_ids"]
            write_draft(model, first, 0, Sampling(0.0, 0), (), 2, threading.Event(), lambda event: None)
        model = replace(model, loaded=replace(model.loaded, seconds=time.monotonic() - started))
        self._model, self._adapters = model, Adapters(model)
        return model.loaded

    def activate(self, adapter: Path | None) -> float:
        self._require()
        assert self._adapters is not None
        with _one_sentence():
            return self._adapters.activate(adapter)

    def generate(
        self,
        prompt: Prompt,
        rows: list[Sampling],
        max_tokens: int,
        cancelled: threading.Event,
        emit: Callable[[GenerationEvent], None],
    ) -> None:
        from lab.engine.worker_prompt import encode_prompt
        from lab.engine.worker_write import write_draft

        model = self._require()
        tokens = encode_prompt(model.tokenizer, prompt)
        if len(tokens) + max_tokens > model.loaded.context:
            raise too_long(len(tokens), max_tokens, model.loaded.context)
        emit(PromptRead(len(tokens)))
        with _one_sentence():
            for row, sampling in enumerate(rows):
                if cancelled.is_set():
                    return
                write_draft(model, tokens, row, sampling, prompt.stop, max_tokens, cancelled, emit)

    def count(self, prompt: Prompt) -> int:
        from lab.engine.worker_prompt import encode_prompt

        return len(encode_prompt(self._require().tokenizer, prompt))

    def adapters(self) -> list[Resident]:
        return []

    def vram_bytes(self) -> int | None:
        if self._model is None or not self._model.loaded.device.startswith("cuda"):
            return None
        import torch

        return int(torch.cuda.memory_allocated())

    def _require(self) -> Model:
        if self._model is None:
            raise LabError("No checkpoint is loaded.", "Load one first.")
        return self._model


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Out of memory comes in many shapes; the engine lives on after each."""
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as fault:
        if not isinstance(fault, (torch.OutOfMemoryError, MemoryError)) and "allocate memory" not in str(fault):
            raise
        from lab.engine.worker_load import release

        release()
        raise LabError(
            "The engine ran out of memory.",
            "Close other programs, shorten the conversation, or choose a smaller checkpoint or engine.dtype.",
        ) from fault


if __name__ == "__main__":
    # Nothing is told to anyone, and no program code comes from the hub.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ["USE_HUB_KERNELS"] = "NO"
    # A thread that waits for another one sleeps: spinning takes the core from the one it waits for.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    warnings.simplefilter("ignore", category=FutureWarning)
    serve(TransformersHost())
