"""The engine process: holds a checkpoint and its adapter and answers the protocol with transformers.

Run as `python -m lab.engine.worker`; the lab starts it through `lab.engine.client`.
"""

from __future__ import annotations

import contextlib
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
    Resident,
    Sampling,
)
from lab.engine.cores import use_cores
from lab.engine.embedded import EMBEDDING_MODEL, embedded_folder, embedded_ready
from lab.engine.offline import stay_offline
from lab.engine.serving import serve, too_long
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.engine.compute.runner import Model
    from lab.engine.sentences import Sentences
    from lab.engine.worker_adapter import Adapters


class TransformersHost:
    """Answers requests with one checkpoint at a time."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._adapters: Adapters | None = None
        self._sentences: Sentences | None = None
        self._loading_sentences = threading.Lock()

    def load(self, checkpoint: Checkpoint, options: LoadOptions, progress: Callable[[Progress], None]) -> Loaded:
        started = time.monotonic()
        from lab.engine.worker_adapter import Adapters
        from lab.engine.worker_load import load_model, release

        # First make room: two checkpoints at once may not fit.
        self._model = self._adapters = None
        release()
        with _one_sentence():
            model = load_model(checkpoint, options, progress)
            progress(Progress("Warming up"))
            _warm_up(model)
        sentences = embedded_ready(EMBEDDING_MODEL.name)
        loaded = replace(model.loaded, seconds=time.monotonic() - started, sentences=sentences)
        model = replace(model, loaded=loaded)
        adapters = Adapters(model.runner, model.tokenizer, model.loaded, options.resident_adapters)
        self._model, self._adapters = model, adapters
        # A second that the first turn need not wait for.
        threading.Thread(target=self._ready_sentences, name="sentences", daemon=True).start()
        return model.loaded

    def _ready_sentences(self) -> None:
        with contextlib.suppress(LabError):
            self._sentence_model()

    def activate(self, adapter: Path | None) -> float:
        self._require()
        assert self._adapters is not None
        with _one_sentence():
            return self._adapters.activate(adapter)

    def embed(self, texts: list[str], tokens: int) -> list[list[float]] | None:
        sentences = self._sentence_model()
        if sentences is None:
            return None
        with _one_sentence():
            vectors = sentences.vectors(texts, most=tokens)
        return vectors.tolist() if vectors is not None else None

    def _sentence_model(self) -> Sentences | None:
        """The sentence model, loaded when it is not; None where it is not prepared."""
        with self._loading_sentences:
            if self._sentences is None and embedded_ready(EMBEDDING_MODEL.name):
                from lab.engine.sentences import Sentences

                folder = embedded_folder(EMBEDDING_MODEL.name)
                try:
                    self._sentences = Sentences(folder)
                except (OSError, ValueError) as fault:
                    raise LabError(
                        f"The sentence model in {folder} cannot be read: {fault}.",
                        "Delete that folder and run lab prepare.",
                    ) from fault
            return self._sentences

    def adapters(self) -> list[Resident]:
        return self._adapters.residents() if self._adapters is not None else []

    def generate(
        self,
        prompt: Prompt,
        rows: list[Sampling],
        max_tokens: int,
        cancelled: threading.Event,
        emit: Callable[[GenerationEvent], None],
    ) -> None:
        from lab.engine.compute.drafting import write_drafts
        from lab.engine.worker_prompt import encode_prompt, last_message, thinking_at

        model = self._require()
        tokens = encode_prompt(model.tokenizer, prompt)
        if len(tokens) + max_tokens > model.loaded.context:
            raise too_long(len(tokens), max_tokens, model.loaded.context)
        thinking = thinking_at(model.tokenizer, tokens)
        message = last_message(model.tokenizer, prompt, tokens)
        with _one_sentence():
            try:
                write_drafts(model, tokens, rows, max_tokens, cancelled, emit, prompt.stop, thinking, message)
            except BaseException:
                # A pass that broke off has filled the cache by half; the next prompt must not go on from that.
                model.runner.forget()
                raise

    def count(self, prompt: Prompt) -> int:
        from lab.engine.worker_prompt import encode_prompt

        return len(encode_prompt(self._require().tokenizer, prompt))

    def vram_bytes(self) -> int | None:
        if not self._on_card():
            return None
        import torch

        return int(torch.cuda.memory_allocated())

    def peak_vram_bytes(self) -> int | None:
        if not self._on_card():
            return None
        import torch

        return int(torch.cuda.max_memory_allocated())

    def _on_card(self) -> bool:
        # Asked by another thread than the one that loads.
        model = self._model
        return model is not None and model.loaded.device.startswith("cuda")

    def _require(self) -> Model:
        if self._model is None:
            raise LabError("No checkpoint is loaded.", "Load one first.")
        return self._model


def _import_libraries() -> None:
    # Every family is built of what that of Llama imports; transformers itself imports it at the first use only.
    import transformers.models.auto
    import transformers.models.llama.modeling_llama  # noqa: F401

    import lab.engine.compute.drafting
    import lab.engine.worker_adapter
    import lab.engine.worker_load  # noqa: F401


def _warm_up(model: Model) -> None:
    """The first passes read the weights in and make what is made once a shape; NaN weights show here."""
    from lab.engine.compute.drafting import write_drafts

    first = model.tokenizer("Hello")["input_ids"]
    unending = replace(model, end_tokens=frozenset())
    for rows in (5, 1):
        write_drafts(unending, first, [Sampling(0.0, 0)] * rows, 2, threading.Event(), lambda event: None)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Out of memory comes in many shapes; the engine lives on after each."""
    from lab.engine.worker_load import ran_out_of_memory, release

    try:
        yield
    except Exception as fault:
        if isinstance(fault, LabError) or not ran_out_of_memory(fault):
            raise
        release()
        raise LabError(
            "The engine ran out of memory.",
            "Close other programs, shorten the conversation, or choose a smaller checkpoint or engine.dtype.",
        ) from fault


if __name__ == "__main__":
    stay_offline()
    use_cores()
    warnings.simplefilter("ignore", category=FutureWarning)
    serve(TransformersHost(), _import_libraries)
