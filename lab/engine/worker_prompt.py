"""From a prompt to the tokens that a checkpoint reads; what a person typed never becomes a control token."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from lab.domain import Message, Prompt, PromptForm
from lab.engine.stream import THINKING_OPENS, Thinking
from lab.errors import LabError

# A word that was added to a vocabulary is no control token, and runs of spaces (Phi has them) are not either.
_MARK = re.compile(r"<.+>|\[.+\]", re.DOTALL)
# Enough for the end of any template: white space may follow the mark that opens thinking.
_TAIL = 8


def encode_prompt(tokenizer: Any, prompt: Prompt) -> list[int]:
    """The token ids of a prompt in its form. Raises LabError when the chat template refuses it.

    A message is encoded the same whatever the others say, so the tokens of a dialogue are those of its next turn
    up to where the answer begins.
    """
    return _plain(tokenizer, prompt) if prompt.form == "plain" else _chat(tokenizer, prompt)


def last_message(tokenizer: Any, prompt: Prompt, tokens: Sequence[int]) -> range:
    """Where the tokens of a prompt are those of its last message: the same prompt has others there when it says
    nothing. Empty where the template takes no message that says nothing."""
    *before, last = prompt.messages
    try:
        silent = encode_prompt(tokenizer, replace(prompt, messages=(*before, replace(last, content=""))))
    except LabError:
        return range(0)
    start = common_length(tokens, silent)
    return range(start, len(tokens) - common_length(tokens[start:][::-1], silent[start:][::-1]))


def turn_end(tokenizer: Any, form: PromptForm) -> int | None:
    """The token that a prompt in this form has after an answer in the dialogue; None where it is not the next one."""
    asked = Message("user", "x")
    begun = encode_prompt(tokenizer, Prompt((asked,), form))
    gone_on = encode_prompt(tokenizer, Prompt((asked, Message("assistant", "x"), asked), form))
    answered = [*begun, *tokenizer.encode("x", add_special_tokens=False)]
    return gone_on[len(answered)] if gone_on[: len(answered)] == answered else None


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences share at their beginning."""
    for place, (left, right) in enumerate(zip(one, other)):
        if left != right:
            return place
    return min(len(one), len(other))


def knows_thinking(tokenizer: Any) -> bool:
    """Whether the checkpoint's template can be asked to let it think, or not to."""
    return "enable_thinking" in str(tokenizer.chat_template)


def thinking_at(tokenizer: Any, tokens: list[int]) -> Thinking:
    """Whether what is written after these tokens of a prompt begins with thinking."""
    if THINKING_OPENS not in _controls(tokenizer) and THINKING_OPENS not in str(tokenizer.chat_template):
        return "none"
    end = str(tokenizer.decode(tokens[-_TAIL:], skip_special_tokens=False))
    # Also after a prompt that asks for none: whatever thinking comes all the same is no part of the answer.
    return "open" if end.rstrip().endswith(THINKING_OPENS) else "may"


def _plain(tokenizer: Any, prompt: Prompt) -> list[int]:
    text = ""
    for message in prompt.messages:
        if message.role == "user":
            text += f"Question: {message.content}\n\nAnswer:"
        elif message.role == "assistant":
            text += f" {message.content}\n\n"
        else:
            text += f"{message.content}\n\n"
    return encode_text(tokenizer, text)


def encode_text(tokenizer: Any, text: str) -> list[int]:
    """The tokens of a text in no form, after what the tokenizer puts before every one; the spelling of a control token
    is its letters."""
    if not _holds(_controls(tokenizer), text):
        return _ids(tokenizer(text))
    return _ids(tokenizer("")) + _aliases(tokenizer).encode(text)


def encode_answer(tokenizer: Any, text: str) -> list[int]:
    """The tokens of what follows a prompt, as `encode_text` and with nothing before it."""
    if not _holds(_controls(tokenizer), text):
        return _ids(tokenizer(text, add_special_tokens=False))
    return _aliases(tokenizer).encode(text)


def _chat(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Through the chat template, tokenized at once as the template's makers do.

    A message that holds the spelling of a control token (a user asks about "<|im_end|>") is put in after the
    template was rendered around a mark, and the template's own control tokens are renamed, for this once, to
    something that nobody can have typed.
    """
    controls = _controls(tokenizer)
    texts = [message.content for message in prompt.messages]
    spelled = [index for index, text in enumerate(texts) if _holds(controls, text)]
    if not spelled:
        return _ids(tokenizer(_render(tokenizer, prompt, texts), add_special_tokens=False))
    secret = secrets.token_hex(8)
    marks = {f"part{secret}n{index}end": texts[index] for index in spelled}
    for mark, index in zip(marks, spelled):
        texts[index] = mark
    aliases = _aliases(tokenizer)
    pieces = re.split(f"(part{secret}n[0-9]+end)", _render(tokenizer, prompt, texts))
    return aliases.encode("".join(marks[piece] if piece in marks else aliases.rename(piece) for piece in pieces))


def _render(tokenizer: Any, prompt: Prompt, texts: list[str]) -> str:
    messages = [{"role": message.role, "content": text} for message, text in zip(prompt.messages, texts)]
    try:
        rendered = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False, enable_thinking=prompt.thinking
        )
    except Exception as fault:
        # Templates are programs of the checkpoint's makers; they refuse in their own words.
        raise LabError(
            f"The checkpoint's chat template refuses this prompt: {fault}.",
            'Set dialogue.context = "fresh", or choose another checkpoint.',
        ) from fault
    return str(rendered)


class _Aliases:
    """A tokenizer's twin whose control tokens have secret names."""

    def __init__(self, tokenizer: Any) -> None:
        from tokenizers import Tokenizer

        body = json.loads(tokenizer.backend_tokenizer.to_str())
        controls = _controls(tokenizer)
        secret = secrets.token_hex(8)
        self._names: dict[str, str] = {}
        known: list[tuple[str, int]] = []
        for number, token in enumerate(body["added_tokens"]):
            if token["content"] in controls:
                self._names[token["content"]] = token["content"] = f"<{secret}n{number}>"
            known.append((token["content"], token["id"]))
        self._twin = Tokenizer.from_str(json.dumps(body))
        self._twin.no_truncation()
        self._twin.no_padding()
        # A name that no vocabulary has gets a number of its own.
        self._originals = {self._twin.token_to_id(name): original for name, original in known}
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def rename(self, text: str) -> str:
        """A piece of a rendered template with its control tokens renamed."""
        return self._pattern.sub(lambda found: self._names[found[0]], text)

    def encode(self, text: str) -> list[int]:
        """Token ids of the tokenizer; control tokens are those that were renamed, and no others."""
        ids = self._twin.encode(text, add_special_tokens=False).ids
        return [self._originals.get(token, token) for token in ids]


# Made when somebody types a control token for the first time: it costs a moment and a second vocabulary.
_made: WeakKeyDictionary[Any, _Aliases] = WeakKeyDictionary()


def _aliases(tokenizer: Any) -> _Aliases:
    if tokenizer not in _made:
        _made[tokenizer] = _Aliases(tokenizer)
    return _made[tokenizer]


def _controls(tokenizer: Any) -> frozenset[str]:
    """The spellings of the control tokens."""
    added = tokenizer.added_tokens_decoder.values()
    return frozenset(str(token.content) for token in added if token.special or _MARK.fullmatch(str(token.content)))


def _holds(controls: frozenset[str], text: str) -> bool:
    return any(control in text for control in controls)


def _ids(encoding: Any) -> list[int]:
    return [int(token) for token in encoding["input_ids"]]
