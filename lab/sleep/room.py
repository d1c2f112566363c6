"""How a sleep fits into memory: beside the engine, in its place, or not at all. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lab.domain import Checkpoint, Lesson, Material, PromptForm, SleepSettings
from lab.engine.estimate import (
    PROMPT_TOKENS,
    ROWS,
    default_dtype,
    estimate,
    free_gpu_bytes,
    gib,
    has_bitsandbytes,
)
from lab.engine.offers import Room
from lab.errors import LabError
from lab.journal import queries
from lab.journal.record import Record
from lab.settings import EngineSettings

# A token has about four bytes of English and three of most other languages; a chat template adds some tokens.
_BYTES_A_TOKEN = 3
_TEMPLATE_TOKENS = 64
# A question and an answer that are said before an example, and an anchor with its template.
_TURN_TOKENS = 40
_ANCHOR_TOKENS = 40


@dataclass(frozen=True, slots=True)
class Way:
    """How a sleep holds the checkpoint: `dtype` and `checkpointing` as in SleepPlan, and how many bytes that takes."""

    dtype: str
    checkpointing: bool = False
    needed: int = 0


class NoRoom(LabError):
    """The sleep fits, in this `way`, when the engine is put away. `seconds` is about how long it takes; None where
    nothing tells."""

    def __init__(self, title: str, seconds: float | None, way: Way) -> None:
        super().__init__(title, "Sleep with the lab closed (lab sleep), or close other programs.")
        self.seconds = seconds
        self.way = way

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


def choose_way(
    engine: EngineSettings,
    checkpoint: str,
    model_path: str,
    form: PromptForm | None,
    settings: SleepSettings,
    material: Sequence[Material],
    memory: Sequence[Lesson],
    free: int,
    in_its_place: Callable[[], Room | None],
    seconds: Callable[[], float | None],
) -> Way:
    """The first way that fits: whole; with gradient checkpointing; on a GPU also in 4 bits. Before the system ends a
    process for it.

    `free` bytes of memory are beside a loaded engine. `in_its_place` is what is free without the engine, None where
    none is loaded; `seconds` is about how long the sleep takes. Raises NoRoom when the sleep fits only there, LabError
    when it does not fit even then.
    """
    on_card = free_gpu_bytes() if engine.device != "cpu" else None
    free, place = (free, "memory") if on_card is None else (on_card, "GPU memory")
    # The sleeper learns on whole numbers where the engine computes on quantised ones.
    dtype = "auto" if engine.dtype in ("int8", "nf4") else engine.dtype
    whole = default_dtype(gpu=on_card is not None) if dtype == "auto" else dtype

    def ways() -> Iterator[Way]:
        for each in (whole, "nf4")[: 1 + (on_card is not None and has_bitsandbytes())]:
            found = estimate(
                Checkpoint(checkpoint, "folder", model_path, ready=True, form=form),
                each,
                PROMPT_TOKENS,
                ROWS,
                training_tokens=_tokens_at_once(settings, material, memory),
                rank=settings.rank,
            )
            if found is None:
                yield Way(dtype)
                return
            if each == whole:
                yield Way(dtype, False, found.training_bytes)
            yield Way(dtype if each == whole else each, True, found.checkpointed_bytes)

    found = list(ways())
    beside = next((way for way in found if way.needed <= free), None)
    if beside is not None:
        return beside
    least = min(found, key=lambda way: way.needed)
    needs = (
        f"A sleep on {checkpoint} needs {gib(least.needed)} beside the engine, at the least;"
        f" {gib(free)} of {place} are free."
    )
    room = in_its_place()
    without = None if room is None else room.free_bytes if on_card is None else room.gpu_bytes
    if without is not None:
        alone = next((way for way in found if way.needed <= without), None)
        if alone is not None:
            raise NoRoom(needs, seconds(), alone)
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


def _tokens_at_once(settings: SleepSettings, material: Sequence[Material], memory: Sequence[Lesson]) -> int:
    """About how many tokens the longest step has, padding included; what is remembered is read again."""
    texts = [f"{each.said}{each.answer}" for each in material]
    texts += [f"{each.question}{each.answer}" for each in memory]
    longest = max((len(text.encode(errors="replace")) for text in texts), default=0)
    tokens = longest // _BYTES_A_TOKEN + _TEMPLATE_TOKENS + settings.turns * _TURN_TOKENS
    return min(tokens, settings.max_tokens) * settings.batch_size + settings.anchor_rows * _ANCHOR_TOKENS
