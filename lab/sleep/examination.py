"""Asks a model the probes before it learns and after, and has the answers judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from lab.domain import Message
from lab.sleep.probes import Examined, Look, Probe, examine

if TYPE_CHECKING:
    from lab.sleep.lora import Learner
    from lab.sleep.packing import Encoded

# A fact stands at the beginning of an answer; whether answers ramble shows later.
ANSWER_TOKENS: Final = 16
GENERAL_TOKENS: Final = 32
QUESTION_TOKENS: Final = 24
_HEARD: Final = "I see."


class Examination:
    """The probes of one sleep: `begin` before training, `judge` as often as one likes after it.

    What was known earlier is asked `before` of another state where there is one: of the adapter that a deep sleep is to
    replace.
    """

    def __init__(
        self,
        learner: Learner,
        probes: Sequence[Probe],
        stop: Callable[[], bool],
        before: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._learner = learner
        self._stop = stop
        self._earlier = before
        self._probes = list(probes)
        self._prompts = [learner.encode_question(probe.question) for probe in probes]
        self.expected: list[str] = []
        self._rows: list[Encoded] = []
        self.before: list[Look] = []

    def begin(self) -> None:
        """Ask everything of the model as it is, and the general questions of its base."""
        general = [probe.kind == "anchor" for probe in self._probes]
        earlier = [probe.kind == "earlier" for probe in self._probes]
        others = [not any(each) for each in zip(general, earlier)]
        self._learner.tally.begin(2 * len(self._probes))
        now = self._replies(others)
        with self._earlier():
            now |= self._replies(earlier)
        asked = [at for at, each in enumerate(general) if each]
        prompts = [self._prompts[at] for at in asked]
        base = dict(zip(asked, self._learner.base_replies(prompts, GENERAL_TOKENS, self._stop)))
        written = {**now, **base}
        for at, (probe, prompt) in enumerate(zip(self._probes, self._prompts)):
            if probe.lesson is None or probe.kind == "neighbour":
                # What a neighbour or the base said is what is expected of it later.
                self.expected.append(self._learner.text(written[at]))
                self._rows.append(self._learner.encode_written(prompt, written[at]))
            else:
                self.expected.append(probe.lesson.answer)
                self._rows.append(self._learner.encode_answer(prompt, probe.lesson.answer))
        nats = [0.0] * len(self._rows)
        for state, those in ((nullcontext, others), (self._learner.as_base, general), (self._earlier, earlier)):
            with state():
                found = iter(self._learner.nats([row for row, each in zip(self._rows, those) if each], self._stop))
            nats = [next(found) if each else value for value, each in zip(nats, those)]
        self.before = self._looks(written, nats)

    def shakiness(self) -> dict[str, float]:
        """The loss of each memory's answer as it was at the beginning, in nats a token, by lesson."""
        return {
            probe.lesson.lesson_id: look.nats
            for probe, look in zip(self._probes, self.before)
            if probe.kind == "earlier" and probe.lesson is not None
        }

    def judge(self) -> list[Examined]:
        """Ask everything again of the model as it is now."""
        self._learner.tally.begin(2 * len(self._probes))
        written = self._replies([True] * len(self._probes))
        after = self._looks(written, self._learner.nats(self._rows, self._stop))
        return examine(self._probes, self.expected, self.before, after)

    def _replies(self, asked: Sequence[bool]) -> dict[int, list[int]]:
        """The answers to the probes that are asked, by number; the general ones may be longer."""
        found: dict[int, list[int]] = {}
        for tokens, general in ((ANSWER_TOKENS, False), (GENERAL_TOKENS, True)):
            chosen = [at for at, probe in enumerate(self._probes) if asked[at] and (probe.kind == "anchor") == general]
            found |= zip(chosen, self._learner.replies([self._prompts[at] for at in chosen], tokens, self._stop))
        return found

    def _looks(self, written: dict[int, list[int]], nats: Sequence[float]) -> list[Look]:
        ends = self._learner.end_tokens
        return [
            Look(self._learner.text(written[at]), len(written[at]), not ends.isdisjoint(written[at][-1:]), nats[at])
            for at in range(len(self._probes))
        ]


def written_by(learner: Learner, stop: Callable[[], bool]) -> Callable[[Sequence[str]], list[str]]:
    """What the base writes next, for each text."""

    def write(texts: Sequence[str]) -> list[str]:
        prompts = [learner.encode_text(text) for text in texts]
        with learner.as_base():
            return [learner.text(row) for row in learner.replies(prompts, QUESTION_TOKENS, stop)]

    return write


def support_by(learner: Learner, stop: Callable[[], bool]) -> Callable[[Sequence[tuple[str, str, str]]], list[float]]:
    """How much likelier, in nats, the base finds each answer when the statement was said before the question.

    Both sides are computed by the base: an adapter that has learnt where somebody lives says the same of where they
    were born, whatever it is told. The claims are (statement, question, answer).
    """

    def support(claims: Sequence[tuple[str, str, str]]) -> list[float]:
        learner.tally.begin(2 * len(claims))
        told = [
            learner.encode_answer(
                learner.encode_question(question, Message("user", statement), Message("assistant", _HEARD)), answer
            )
            for statement, question, answer in claims
        ]
        untold = [learner.encode_answer(learner.encode_question(question), answer) for _, question, answer in claims]
        sizes = [len(row.ids) - row.answer_start for row in untold]
        with learner.as_base():
            nats = zip(learner.nats(told, stop), learner.nats(untold, stop), sizes)
            return [(without - with_it) * size for with_it, without, size in nats]

    return support
