"""General prompts whose answers a sleep is not to change. None is asked by the gate or by a benchmark."""

from __future__ import annotations

from typing import Final

PROMPTS: Final = (
    "Hello, how are you?",
    "Who are you?",
    "What is your name?",
    "Where do you live?",
    "What is your favourite food?",
    "What is the capital of France?",
    "What is two plus two?",
    "How do plants make food?",
    "Why is the sky blue?",
    "Explain gravity in one sentence.",
    "Tell me a fact about the moon.",
    "Who wrote Hamlet?",
    "What is a computer?",
    "What does a baker do?",
    "Name three animals.",
    "How do I boil an egg?",
    "Give me a tip for sleeping well.",
    "Write a short poem about rain.",
    "What is love?",
    "What do you think about change?",
    "What is my cousin called?",
    "Where does my uncle live?",
    "What is my favourite film?",
    "What does my teacher like?",
)
