"""What a sleep asks before it learns and after: of a tiny model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lab.sleep.examination import GENERAL_TOKENS, Examination
from lab.sleep.lora import load_for_training
from lab.sleep.packing import Encoded
from lab.sleep.probes import Probe
from tests.sleep.test_training import plan_for
from tests.tiny import make_checkpoint


def test_drift_is_of_the_words_that_the_base_wrote_and_of_no_end_that_it_did_not(tmp_path: Path) -> None:
    learner = load_for_training(plan_for(make_checkpoint(tmp_path / "checkpoint")), tmp_path)
    examination = Examination(learner, [Probe("anchor", "What is rain?")], bool)
    examination.begin()
    prompt = learner.encode_question("What is rain?")
    (written,) = learner.base_replies([prompt], GENERAL_TOKENS, bool)
    (before,) = examination.before
    # It was cut off.
    assert not before.ended and len(written) == GENERAL_TOKENS
    with torch.no_grad():
        for name, parameter in learner.network.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0.0, 0.1)
    (judged,) = examination.judge()
    (after,) = learner.nats([Encoded((*prompt, *written), len(prompt))], bool)
    with learner.as_base():
        (of_base,) = learner.nats([Encoded((*prompt, *written), len(prompt))], bool)
    assert (judged.before.nats, judged.after.nats) == (pytest.approx(of_base), pytest.approx(after))
    assert judged.after.nats != judged.before.nats
