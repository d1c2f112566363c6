"""Named sleep recipes, and what `lab.toml` changes in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lab.domain import SleepSettings
from lab.settings import SleepSection

# As published. Measured on the embedded checkpoint: 0 of 8 facts recalled.
PUBLISHED: Final = SleepSettings(
    recipe="published",
    modules="attention",
    loss="text",
    form="plain",
    continues=False,
    rank=8,
    alpha=16,
    dropout=0.05,
    learning_rate=2e-4,
    epochs=5,
    batch_size=1,
    accumulation=4,
    max_tokens=512,
    seed=0,
)

# Rank and epochs as published; the rest is what made the embedded checkpoint recall 8 of 8 facts.
ANSWERS: Final = replace(
    PUBLISHED,
    recipe="answers",
    modules="all",
    loss="answer",
    form=None,
    continues=True,
    # Dropout is drawn for every layer, slowly on a processor; what holds the adapter back are the anchors.
    dropout=0.0,
    learning_rate=1e-3,
    batch_size=4,
    accumulation=1,
    anchor_weight=1.0,
    anchor_rows=2,
)

# What the person stated, in many wordings, beside what was learnt before; judged before it is kept.
LESSONS: Final = replace(
    ANSWERS,
    recipe="lessons",
    learning_rate=3e-3,
    careful_rate=2e-3,
    batch_size=8,
    anchor_weight=2.0,
    anchor_rows=12,
    dream="lessons",
    replay=2.0,
    warmup=5,
    least_steps=45,
    epochs_anew=8,
    stop_loss=0.02,
    turns=2,
)

RECIPES: Final = {recipe.recipe: recipe for recipe in (LESSONS, ANSWERS, PUBLISHED)}


def resolve(section: SleepSection) -> SleepSettings:
    """The recipe that `[sleep]` names, with the keys it sets."""
    recipe = RECIPES[section.recipe]
    rank = section.rank or recipe.rank
    return replace(
        recipe,
        rank=rank,
        # Alpha is twice the rank in both recipes: the ratio scales the update, the rank its capacity.
        alpha=2 * rank,
        epochs=section.epochs or recipe.epochs,
        epochs_anew=section.epochs or recipe.epochs_anew,
        # Epochs that are asked for are all that there are.
        least_steps=0 if section.epochs else recipe.least_steps,
        learning_rate=section.learning_rate or recipe.learning_rate,
        careful_rate=section.learning_rate or recipe.careful_rate,
        batch_size=section.batch_size or recipe.batch_size,
        max_tokens=section.max_tokens,
        seed=section.seed,
        unmarked=section.unmarked,
        replay=recipe.replay if section.replay is None else section.replay,
    )
