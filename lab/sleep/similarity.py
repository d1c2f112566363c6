"""How alike the wordings of a lesson are in meaning, by the embedded sentence model; torch lives here."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from lab.engine.embedded import EMBEDDING_MODEL, embedded_folder, embedded_ready
from lab.engine.sentences import Sentences
from lab.sleep.lessons import Found, measured
from lab.sleep.tally import Tally


def measure(found: Sequence[Found], stop: Callable[[], bool], tally: Tally) -> list[Found]:
    """With how alike the wordings of each lesson to learn are (see `lessons.measured`), where the embedded sentence
    model is prepared and can be read; as they are once `stop` says so. `tally` counts the texts."""
    learnt = [each.lesson for each in found if each.reason is None]
    if not learnt or not embedded_ready(EMBEDDING_MODEL.name):
        return list(found)
    pairs = [(lesson.question, example.prompt) for lesson in learnt for example in lesson.examples]
    try:
        similarities = _cosines(Sentences(embedded_folder(EMBEDDING_MODEL.name)), pairs, stop, tally)
    except (OSError, ValueError, RuntimeError):
        # A sleep can do without: the log says why it did.
        traceback.print_exc()
        return list(found)
    if similarities is None:
        return list(found)
    each = iter(similarities)
    by_id = {lesson.lesson_id: measured(lesson, list(islice(each, len(lesson.examples)))) for lesson in learnt}
    return [replace(one, lesson=by_id[one.lesson.lesson_id]) if one.reason is None else one for one in found]


def _cosines(
    sentences: Sentences, pairs: Sequence[tuple[str, str]], stop: Callable[[], bool], tally: Tally
) -> list[float] | None:
    """How alike the two of each pair are, in -1..1; None once `stop` says so."""
    texts = sorted({text for pair in pairs for text in pair})
    tally.begin(len(texts))
    vectors = sentences.vectors(texts, stop, seen=tally.add)
    if vectors is None:
        return None
    place = {text: at for at, text in enumerate(texts)}
    return [float(vectors[place[one]] @ vectors[place[other]]) for one, other in pairs]
