"""Pictures of the picker, of the question before a download, and of a dialogue that two checkpoints answered."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from lab.domain import Adapter, Checkpoint
from lab.engine.offers import Offer, Offers, Room
from lab.journal.events import ExchangeFinished, TurnStarted
from lab.lab import Lab
from lab.tui.screens.checkpoints import CheckpointsScreen
from tests.tui.conftest import SMALL, TALL, Compare, Hand, MakeLab
from tests.tui.test_snapshots import Size, compare, record

pytestmark = pytest.mark.parametrize("size", [TALL, SMALL], ids=["120x40", "80x24"])

_GIB = 2**30
_AT = datetime(2026, 1, 2, 3, 5, 6, tzinfo=timezone.utc)
_SESSION = "20260102-030405-abcd"


def _adapter(name: str, day: int) -> Adapter:
    made = datetime(2026, 1, day, 12, 0, tzinfo=timezone.utc)
    return Adapter(name, "qwen-twin", "", None, name, made, Path("adapters") / name, "", 3_600_000 + day * 10**5, 8)


def _hub(name: str, hub_id: str, parameters: int, form: str, licence: str) -> Checkpoint:
    return Checkpoint(
        name,
        "hub",
        hub_id,
        ready=False,
        form="plain" if form == "base" else "chat",
        parameters=parameters,
        licence=licence,
        context=32768,
    )


# What the pictures show of this machine comes from here.
_TWIN = Checkpoint("/models/qwen-twin", "folder", "/models/qwen-twin", True, "chat", 134_515_008, context=8192)
_SMALL = Checkpoint(
    "smollm2-135m-instruct", "embedded", "/models/smollm2-135m-instruct", True, "chat", 134_515_008, "Apache-2.0"
)
_QWEN = _hub("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", 494_032_768, "base", "Apache-2.0")
_BIG = _hub("qwen2.5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct", 7_615_616_512, "chat", "Apache-2.0")
_PHI = _hub("phi-2", "microsoft/phi-2", 2_779_683_840, "base", "MIT")
_OFFERS = Offers(
    (
        Offer(_SMALL.name, _SMALL, need_bytes=7 * _GIB // 10, dtype="bfloat16"),
        Offer(
            _TWIN.name,
            _TWIN,
            active=True,
            need_bytes=7 * _GIB // 10,
            dtype="bfloat16",
            adapters=(_adapter("sleep-0003", 4), _adapter("sleep-0002", 3)),
        ),
        Offer(_QWEN.name, _QWEN, need_bytes=14 * _GIB // 10, dtype="bfloat16"),
        Offer(
            _PHI.name,
            _PHI,
            need_bytes=66 * _GIB // 10,
            dtype="bfloat16",
            proposal="phi-2 needs 12.0 GiB in float32 and 7.9 GiB of memory are free; in bfloat16 it needs 6.6 GiB.",
        ),
        Offer(
            _BIG.name,
            _BIG,
            need_bytes=151 * _GIB // 10,
            dtype="bfloat16",
            refusal="qwen2.5-7b-instruct needs 15.1 GiB in bfloat16 (weights 14.2 GiB, 2,000 tokens of context and 5"
            " drafts 0.2 GiB); 7.9 GiB of memory are free. Close other programs, or choose a smaller checkpoint: lab"
            " checkpoints lists what fits.",
            too_large=True,
        ),
    ),
    Room(79 * _GIB // 10),
    active_adapter="sleep-0002",
    resident=frozenset({"sleep-0002"}),
)


def _named(text: str, room: Room) -> Offer:
    raise AssertionError(f"{text} was not typed here")


async def _open(hand: Hand) -> None:
    hand.app.push_screen(CheckpointsScreen(lambda: _OFFERS, _named))
    await hand.sees("7.9 GiB free", "answers now")


def test_the_picker(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)
    assert compare(snap_compare, lab, size, _open)


def test_the_picker_at_what_is_too_large(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)

    async def steps(hand: Hand) -> None:
        await _open(hand)
        await hand.press("up", "up")
        await hand.sees("15.1 GiB in bfloat16")

    assert compare(snap_compare, lab, size, steps)


def test_the_adapters_of_the_picker(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)

    async def steps(hand: Hand) -> None:
        await _open(hand)
        await hand.press("tab", "up")

    assert compare(snap_compare, lab, size, steps)


def test_the_question_before_a_download(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)

    async def steps(hand: Hand) -> None:
        await _open(hand)
        await hand.press("down", "enter")
        await hand.sees("Fetch it?")

    assert compare(snap_compare, lab, size, steps)


def _second_turn(lab: Lab) -> None:
    exchange = f"{_SESSION}-0002"
    lab.record.append(
        _SESSION,
        TurnStarted(exchange, _SESSION, 2, "And what would you say?", "/models/qwen-twin", None),
        ExchangeFinished(exchange, "complete", "Mine, in practice.", None, True, 90, 5, 1.5),
        at=_AT,
    )


def test_a_dialogue_that_two_checkpoints_answered(snap_compare: Compare, make_lab: MakeLab, size: Size) -> None:
    lab = make_lab()
    record(lab)
    _second_turn(lab)
    assert compare(snap_compare, lab, size)
