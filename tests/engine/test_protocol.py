"""Every message survives its way over the pipe; nonsense is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.domain import Checkpoint, Message, Prompt, PromptRead, RowFinished, RowGrew, RowStarted, Sampling
from lab.engine.protocol import (
    ProtocolError,
    decode,
    encode,
    generation_event,
    generation_reply,
    read,
    read_prompt,
)

texts = st.text()
numbers = st.integers(0, 2**31)
seeds = st.integers(0, 2**63 - 1)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts)
prompts = st.builds(
    Prompt,
    st.lists(messages, min_size=1).map(tuple),
    st.sampled_from(["chat", "plain"]),
    st.lists(texts).map(tuple),
)
finishes = st.sampled_from(["stop", "length", "cancelled"])
events = st.one_of(
    st.builds(PromptRead, numbers, st.none() | st.floats(0, 64), st.none() | st.floats(0, 64)),
    st.builds(RowStarted, numbers),
    st.builds(RowGrew, numbers, texts, numbers),
    st.builds(RowFinished, numbers, texts, numbers, st.floats(0, 1e6), finishes),
)


@given(prompts)
def test_a_prompt_arrives_as_it_was_sent(prompt: Prompt) -> None:
    line = encode({"prompt": prompt})
    assert line.count(b"\n") == 1
    assert read_prompt(decode(line)["prompt"]) == prompt


@given(events)
def test_a_generation_event_arrives_as_it_was_sent(event: PromptRead | RowStarted | RowGrew | RowFinished) -> None:
    assert generation_event(decode(encode(generation_reply(3, event)))) == event


@given(st.floats(0, 5), seeds)
def test_a_sampling_arrives_as_it_was_sent(temperature: float, seed: int) -> None:
    sampling = Sampling(temperature, seed)
    assert read(Sampling, decode(encode({"row": sampling}))["row"]) == sampling


@given(st.text(alphabet=st.characters(), min_size=1))
def test_any_string_can_be_sent_even_with_lone_surrogates(text: str) -> None:
    prompt = Prompt((Message("user", text), Message("user", "\ud800")), "chat")
    got = read_prompt(decode(encode({"prompt": prompt, "rows": [1, 0.5, None, True]}))["prompt"])
    assert got.messages[0].content == text.encode("utf-8", "replace").decode()


def test_unknown_keys_of_a_newer_release_are_ignored() -> None:
    body = {"name": "x", "source": "hub", "location": "a/b", "ready": False, "colour": "red"}
    assert read(Checkpoint, body) == Checkpoint("x", "hub", "a/b", False)


@given(st.binary().filter(lambda line: b"{" not in line))
def test_a_line_that_is_no_object_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(line)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"messages": [], "form": "chat"},
        {"messages": [{"role": "user"}], "form": "chat"},
        {"messages": [{"role": "user", "content": "x"}], "form": "song"},
    ],
)
def test_a_malformed_prompt_is_refused(body: object) -> None:
    with pytest.raises(ProtocolError):
        read_prompt(body)


def test_a_reply_without_its_fields_is_refused() -> None:
    with pytest.raises(ProtocolError):
        generation_event({"say": "row_grew", "row": 1})
