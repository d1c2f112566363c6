"""From a prompt to the tokens that a checkpoint reads; what a person typed never becomes a control token."""

from __future__ import annotations

import re
import secrets
from typing import Any

from lab.domain import Prompt
from lab.errors import LabError


def encode_prompt(tokenizer: Any, prompt: Prompt) -> list[int]:
    """The token ids of a prompt in its form. Raises LabError when the chat template refuses it."""
    return _plain(tokenizer, prompt) if prompt.form == "plain" else _chat(tokenizer, prompt)


def _plain(tokenizer: Any, prompt: Prompt) -> list[int]:
    text = ""
    for message in prompt.messages:
        if message.role == "user":
            text += f"Question: {message.content}\n\nAnswer:"
        elif message.role == "assistant":
            text += f" {message.content}\n\n"
        else:
            text += f"{message.content}\n\n"
    return _ids(tokenizer(text, split_special_tokens=True))


def _chat(tokenizer: Any, prompt: Prompt) -> list[int]:
    """Through the chat template.

    A text that holds the spelling of a control token (a user asks about "<|im_end|>") is put in after
    the template was rendered around a mark, and tokenized as text. Without one the rendered whole is
    tokenized at once, exactly as the template's makers do.
    """
    controls = [str(token.content) for token in tokenizer.added_tokens_decoder.values() if token.special]
    texts = [message.content for message in prompt.messages]
    if not any(control in text for control in controls for text in texts):
        return _ids(tokenizer(_render(tokenizer, prompt, texts), add_special_tokens=False))
    secret = secrets.token_hex(8)
    marks = [f"part{secret}n{index}end" for index in range(len(texts))]
    ids: list[int] = []
    for piece in re.split(f"(part{secret}n[0-9]+end)", _render(tokenizer, prompt, marks)):
        if piece in marks:
            text = texts[marks.index(piece)]
            ids += _ids(tokenizer(text, add_special_tokens=False, split_special_tokens=True))
        elif piece:
            ids += _ids(tokenizer(piece, add_special_tokens=False))
    return ids


def _render(tokenizer: Any, prompt: Prompt, texts: list[str]) -> str:
    messages = [{"role": message.role, "content": text} for message, text in zip(prompt.messages, texts)]
    try:
        return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
    except Exception as fault:
        # Templates are programs of the checkpoint's makers; they refuse in their own words.
        raise LabError(
            f"The checkpoint's chat template refuses this prompt: {fault}.",
            'Set dialogue.context = "fresh", or choose another checkpoint.',
        ) from fault


def _ids(encoding: Any) -> list[int]:
    return [int(token) for token in encoding["input_ids"]]
