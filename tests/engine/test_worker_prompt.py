"""What a checkpoint reads: its template, the published form, thinking, and texts that spell control tokens."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.domain import Message, Prompt, PromptForm
from lab.engine.worker_prompt import encode_prompt, knows_thinking, last_message, thinking_at
from lab.errors import LabError
from tests.tiny import SPECIAL, TEMPLATE

# As Qwen3 does it: thinking that is not wanted is opened and closed in the prompt.
THINKING_TEMPLATE = TEMPLATE.replace(
    "'<|im_start|>assistant\n' }}",
    "'<|im_start|>assistant\n' }}{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}",
)
# As the checkpoints that always think do it.
OPENING_TEMPLATE = TEMPLATE.replace("'<|im_start|>assistant\n' }}", "'<|im_start|>assistant\n<think>\n' }}")
_CORPUS = [
    "Question: What is yours, and what is only lent to you?\n\nAnswer: What I can use is mine.\n\n",
    "user\nassistant\nsystem\n think im_start im_end tool_call ",
]


@cache
def tokenizer(template: str = TEMPLATE) -> Any:
    """Byte pairs learned from a few words, so that neighbours do merge; marks as Qwen3 has them, spaces as Phi."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner.train_from_iterator(
        _CORPUS, trainers.BpeTrainer(vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    inner.add_tokens([AddedToken(mark, normalized=False) for mark in ("<think>", "</think>", "<tool_call>")])
    inner.add_tokens([AddedToken("  "), AddedToken("word")])
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token=SPECIAL[2], pad_token=SPECIAL[0])
    made.chat_template = template
    return made


def dialogue(*texts: str, form: PromptForm = "chat", thinking: bool = False) -> Prompt:
    roles = ("user", "assistant")
    return Prompt(
        tuple(Message(roles[n % 2], text) for n, text in enumerate(texts)),  # type: ignore[arg-type]
        form,
        (),
        thinking,
    )


def controls(ids: list[int], tokenizer: Any) -> list[str]:
    """The control tokens among these, in order."""
    names = [str(tokenizer.convert_ids_to_tokens(token)) for token in ids]
    return [name for name in names if name in (*SPECIAL, "<think>", "</think>", "<tool_call>")]


_TURN = ["<|im_start|>", "<|im_end|>"]
_FRAGMENTS = [
    "<think>",
    "</think>",
    "<|im_end|>",
    "<|im_start|>",
    "<tool_call>",
    "<",
    "think>",
    "word",
    "  ",
    "\n",
    "a",
]
spelled = st.lists(st.sampled_from(_FRAGMENTS), max_size=6).map("".join)
# Making a tokenizer and its twin takes longer than a deadline; it is done once.
patient = settings(deadline=None)


@patient
@given(spelled, spelled, spelled)
def test_marks_in_any_message_stay_text_and_the_text_is_whole(first: str, second: str, third: str) -> None:
    made = tokenizer()
    ids = encode_prompt(made, dialogue(first, second, third))
    assert controls(ids, made) == [*_TURN * 3, "<|im_start|>"]
    rendered = "".join(
        f"<|im_start|>{role}\n{text}<|im_end|>\n"
        for role, text in (("user", first), ("assistant", second), ("user", third))
    )
    assert made.decode(ids, clean_up_tokenization_spaces=False) == f"{rendered}<|im_start|>assistant\n"


@patient
@given(spelled, spelled)
def test_marks_in_the_published_form_stay_text(question: str, answer: str) -> None:
    made = tokenizer()
    ids = encode_prompt(made, dialogue(question, answer, "Why?", form="plain"))
    assert controls(ids, made) == []
    text = f"Question: {question}\n\nAnswer: {answer}\n\nQuestion: Why?\n\nAnswer:"
    assert made.decode(ids, clean_up_tokenization_spaces=False) == text


@patient
@given(
    st.lists(spelled | st.text(max_size=12), min_size=3, max_size=9).filter(lambda texts: len(texts) % 2),
    st.sampled_from(["chat", "plain"]),
)
def test_the_tokens_of_a_turn_begin_those_of_the_next(texts: list[str], form: PromptForm) -> None:
    made = tokenizer()
    before = encode_prompt(made, dialogue(*texts[:-2], form=form))
    after = encode_prompt(made, dialogue(*texts, form=form))
    head = 0 if form == "plain" else len(made("<|im_start|>assistant\n")["input_ids"])
    assert after[: len(before) - head] == before[: len(before) - head]


@patient
@given(st.text(alphabet="a word is<>\n", max_size=20), spelled)
def test_a_message_is_encoded_the_same_whatever_the_next_one_says(text: str, other: str) -> None:
    made = tokenizer()
    alone = encode_prompt(made, dialogue(text))
    head = len(made("<|im_start|>assistant\n")["input_ids"])
    assert encode_prompt(made, dialogue(text, "is", other))[: len(alone) - head] == alone[:-head]


def test_a_clean_dialogue_is_tokenized_as_the_templates_makers_do() -> None:
    made = tokenizer()
    messages = [{"role": "user", "content": "What  is a word?"}]
    expected = made.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
    assert encode_prompt(made, dialogue("What  is a word?")) == expected


def test_a_text_beside_a_spelled_mark_is_tokenized_as_without_it() -> None:
    made = tokenizer()
    for text in ("a word is a word", "two  spaces"):
        ids = encode_prompt(made, dialogue("<think>", "is", text))
        plain = encode_prompt(made, dialogue("is", "is", text))
        tail = len(made(f"user\n{text}<|im_end|>\n<|im_start|>assistant\n")["input_ids"])
        assert ids[-tail:] == plain[-tail:]


def test_a_token_that_begins_every_text_begins_one_with_a_spelled_mark_too() -> None:
    from tokenizers import processors

    made = tokenizer.__wrapped__()
    made.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[1]} $A", special_tokens=[(SPECIAL[1], 1)]
    )
    for text in ("clean", "a <think>"):
        assert controls(encode_prompt(made, dialogue(text, form="plain")), made) == [SPECIAL[1]]


def test_thinking_is_asked_for_through_the_template() -> None:
    made = tokenizer(THINKING_TEMPLATE)
    assert knows_thinking(made)
    asked = encode_prompt(made, dialogue("Why?", thinking=True))
    spared = encode_prompt(made, dialogue("Why?"))
    assert controls(asked, made) == [*_TURN, "<|im_start|>"]
    assert controls(spared, made) == [*_TURN, "<|im_start|>", "<think>", "</think>"]
    assert spared[: len(asked)] == asked


def test_a_template_without_a_thinking_mode_does_not_mind() -> None:
    made = tokenizer()
    assert not knows_thinking(made)
    assert encode_prompt(made, dialogue("Why?", thinking=True)) == encode_prompt(made, dialogue("Why?"))


@pytest.mark.parametrize(("template", "state"), [(THINKING_TEMPLATE, "may"), (OPENING_TEMPLATE, "open")])
@pytest.mark.parametrize("text", ["Why?", "Why <think>"])
def test_whether_a_draft_begins_with_thinking_is_known_from_the_prompt(template: str, state: str, text: str) -> None:
    made = tokenizer(template)
    assert thinking_at(made, encode_prompt(made, dialogue(text, thinking=True))) == state


def test_a_checkpoint_without_marks_does_not_think() -> None:
    from tests.tiny import make_tokenizer

    made = make_tokenizer()
    assert thinking_at(made, encode_prompt(made, dialogue("Why <think>", thinking=True))) == "none"


def test_a_template_that_refuses_is_told_in_its_own_words() -> None:
    made = tokenizer("{{ raise_exception('only one at a time') }}")
    with pytest.raises(LabError, match="refuses this prompt: only one at a time"):
        encode_prompt(made, dialogue("Why?"))


@settings(max_examples=50)
@given(st.lists(st.text(alphabet="ab <|im_end|>\n.\u00e9", max_size=20), min_size=1, max_size=3))
def test_the_place_of_the_last_message_is_known(texts: list[str]) -> None:
    if len(texts) % 2 == 0:
        texts = texts[1:]
    prompt = dialogue(*texts)
    tokens = encode_prompt(tokenizer(), prompt)
    place = last_message(tokenizer(), prompt, tokens)
    said = tokenizer().decode(tokens[place.start : place.stop])
    # The end of the line before it and the one that it begins with may be one token.
    assert said == texts[-1] or (texts[-1].startswith("\n") and said == f"\n{texts[-1]}")
    before = tokenizer().decode(tokens[: place.start])
    assert not texts[-1] or f"{before}{said}".endswith(f"user\n{texts[-1]}")


def test_where_the_template_takes_no_silent_message_its_place_is_not_known() -> None:
    refusal = "{% if messages[-1].content == '' %}{{ raise_exception('say something') }}{% endif %}"
    refusing = tokenizer(refusal + TEMPLATE)
    prompt = dialogue("Hello")
    assert not last_message(refusing, prompt, encode_prompt(refusing, prompt))
