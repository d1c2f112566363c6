"""Whether a sleep fits into memory beside the engine, in its place, or not at all. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.domain import Checkpoint, Material, PromptForm, SleepSettings
from lab.engine.estimate import (
    HELD_TOKENS,
    PROMPT_TOKENS,
    ROWS,
    default_dtype,
    estimate,
    free_gpu_bytes,
    gib,
)
from lab.engine.offers import Room
from lab.errors import LabError
from lab.journal import queries
from lab.journal.record import Record
from lab.settings import EngineSettings

# A token has about four bytes of English and three of most other languages; a chat template adds some tokens.
_BYTES_A_TOKEN = 3
_TEMPLATE_TOKENS = 64


class NoRoom(LabError):
    """The sleep fits when the engine is put away. `seconds` is about how long it takes; None where nothing tells."""

    def __init__(self, title: str, seconds: float | None) -> None:
        super().__init__(title, "Sleep with the lab closed (lab sleep), or close other programs.")
        self.seconds = seconds

    @property
    def sentence(self) -> str:
        """What a person is told when the engine is put away for it."""
        about = ""
        if self.seconds is not None:
            minutes = max(round(self.seconds / 60), 1)
            about = f", about {minutes} minute{'' if minutes == 1 else 's'}"
        return (
            f"There is not room for both: the model is put away while it sleeps{about};"
            " what you write is kept until it is back."
        )


def require_memory(
    engine: EngineSettings,
    checkpoint: str,
    model_path: str,
    form: PromptForm | None,
    settings: SleepSettings,
    material: Sequence[Material],
    free: int,
    in_its_place: Callable[[], Room | None],
    seconds: Callable[[], float | None],
) -> None:
    """Say so before the system ends a process for it: `free` bytes of memory are beside a loaded engine.

    `in_its_place` is what is free without the engine, None where none is loaded; `seconds` is about how long the sleep
    takes. Raises NoRoom when the sleep fits only there, LabError when it does not fit even then.
    """
    on_card = free_gpu_bytes() if engine.device != "cpu" else None
    free, place = (free, "memory") if on_card is None else (on_card, "GPU memory")
    # The sleeper learns on whole numbers where the engine computes on quantised ones.
    whole = engine.dtype if engine.dtype not in ("auto", "int8", "nf4") else default_dtype(gpu=on_card is not None)
    found = estimate(
        Checkpoint(checkpoint, "folder", model_path, ready=True, form=form),
        whole,
        PROMPT_TOKENS,
        ROWS,
        training_tokens=_tokens_at_once(settings, material),
        held_tokens=HELD_TOKENS if settings.anchor_weight else 0,
    )
    if found is None or found.training_bytes <= free:
        return
    needs = (
        f"A sleep on {checkpoint} needs {gib(found.training_bytes)} in {whole} beside the engine;"
        f" {gib(free)} of {place} are free."
    )
    room = in_its_place()
    without = None if room is None else room.free_bytes if on_card is None else room.gpu_bytes
    if without is not None and found.training_bytes <= without:
        raise NoRoom(needs, seconds())
    raise LabError(
        needs, "Close other programs, sleep with the lab closed (lab sleep), or choose a smaller checkpoint."
    )


def usual_seconds(record: Record, checkpoint: str, exchanges: int) -> float | None:
    """About how long a sleep on so many exchanges takes, by the earlier ones; None without any. Raises LabError."""
    slept = [
        each
        for each in queries.cycles(record)
        if each.checkpoint == checkpoint and each.status == "complete" and each.seconds and each.exchanges
    ]
    whole = sum(each.exchanges for each in slept)
    return sum(each.seconds or 0.0 for each in slept) / whole * exchanges if whole else None


def _tokens_at_once(settings: SleepSettings, material: Sequence[Material]) -> int:
    """About how many tokens the longest batch has, padding included."""
    longest = max((len(f"{each.said}{each.answer}".encode(errors="replace")) for each in material), default=0)
    tokens = min(longest // _BYTES_A_TOKEN + _TEMPLATE_TOKENS, settings.max_tokens)
    return tokens * settings.batch_size
