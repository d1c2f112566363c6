"""The scalars of a sleep in TensorBoard's form, for who looks at trainings there. torch lives here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.journal.sleep_events import SleepStepped


@contextmanager
def scalars(folder: Path | None) -> Iterator[Callable[[SleepStepped], None]]:
    """What takes each step's loss, learning rate and tokens/s into event files of this folder; None takes nothing.

    Needs the package tensorboard. Raises OSError when the folder cannot be written.
    """
    if folder is None:
        yield lambda step: None
        return
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def tell(step: SleepStepped) -> None:
        writer.add_scalar("loss", step.loss, step.step)
        writer.add_scalar("learning_rate", step.learning_rate, step.step)
        if step.seconds > 0:
            writer.add_scalar("tokens_per_second", step.tokens / step.seconds, step.step)

    try:
        yield tell
    finally:
        writer.close()
