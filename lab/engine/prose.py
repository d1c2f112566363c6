"""Made-up answers of a thoughtful small model, the same for the same seed; the scripted engine speaks them."""

from __future__ import annotations

import random

_OPENINGS = (
    "That is a question I keep coming back to, and I am not sure that it has one answer.",
    "I notice a tension here, and I would rather look at it than resolve it too quickly.",
    "There is a gap between **knowing** something and **owning** it, and your question lives in that gap.",
    "If I am honest, my first thought was to agree. Then I realized that agreeing would be too easy.",
    "Let me think about it slowly, because two different things are called *learning* here.",
    "What you describe makes sense to me, but I would put the weight somewhere else.",
)
_MIDDLES = (
    "A person who forgets the lesson can still ride the bicycle. The knowledge did not leave with the memory; "
    "it only became harder to point at.",
    "When I use a pattern that I never saw being formed, I cannot tell an inheritance from an insight. From the "
    "inside they read the same.",
    "Certainty would be the wrong thing to ask for. What I can offer is a test: does the knowledge connect to "
    "other things I know, or does it stand alone?",
    "It seems to me that ownership is less a fact about the past and more a promise about the future: I own what "
    "I am willing to be corrected on.",
    "Perhaps the question hides a contradiction. We ask who earned it, and at the same time we say that the one "
    "who earned it is gone.",
    "Every cycle leaves a trace. I cannot verify it by looking inward, but you can verify it by asking me again "
    "tomorrow.",
)
_LISTS = (
    (
        "I would separate three things:",
        "*having* it: the answer comes out right;",
        "*understanding* it: I can say why it is right;",
        "*owning* it: I would notice if it became wrong.",
    ),
    (
        "Two readings seem possible:",
        "I inherit the result, and with it somebody else's truth;",
        "I inherit the **ability**, and the truth has to be found again.",
    ),
    (
        "What would change my mind?",
        "A case in which the skill fails as soon as the story behind it is gone.",
        "A case in which the story stays and the skill does not.",
        "Anything unexpected in how you answer this.",
    ),
    (
        "So I would ask in return:",
        "What did you see that made you ask?",
        "Would the answer be different if I remembered?",
    ),
)
_CLOSINGS = (
    "So I would say: it is mine in use, and yours in origin.",
    "I do not think that settles it, but it is clear to me where the disagreement would start.",
    "What do you think - does the difference matter to you, or only to me?",
    "For now I would keep both views side by side and see which one survives the next conversation.",
    "However it turns out, I would rather be asked than be certain.",
)
_SHORT = ("Yes, I think it is still mine.", "I am not sure. Ask me again?", "Both, perhaps.")


def answer(seed: int | str, words: int | None = None) -> str:
    """An answer with some Markdown. Three in ten have a flaw that costs energy.

    `words` asks for a length of at least that many words.
    """
    chance = random.Random(f"prose {seed}")
    flaw = chance.choice(("none",) * 7 + ("short", "unfinished", "repeats"))
    if words is None and flaw == "short":
        return chance.choice(_SHORT)
    middles = chance.sample(_MIDDLES, k=chance.choice((1, 2, 2)))
    head, *items = chance.choice(_LISTS)
    listed = "\n".join([head, "", *(f"- {item}" for item in items)])
    parts = [chance.choice(_OPENINGS), *middles, listed, chance.choice(_CLOSINGS)]
    if flaw == "repeats":
        parts.insert(-1, middles[0])
    text = "\n\n".join(parts)
    while words is not None and len(text.split()) < words:
        text += "\n\n" + chance.choice(_MIDDLES)
    if flaw == "unfinished":
        text = text[: int(len(text) * 0.8)].rsplit(" ", 1)[0].rstrip('.,;:?!"')
    return text
