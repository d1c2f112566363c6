"""How a sleep lets answers go first: while one is written it waits, before each step and at each layer. torch is here.

Two processes that compute on the same cores slow each other down many times, whatever their priorities: the threads of
each wait for one that has no core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.engine.precedence import answered

if TYPE_CHECKING:
    from torch import nn

# So often it looks whether the answer is done, which costs nothing beside what it waits for.
_LOOK_SECONDS: Final = 0.05
# An answer takes seconds. One of a model so large that it takes longer does not keep a sleep from its end: a step is
# made each time.
LONGEST_SECONDS: Final = 60.0


class Courtesy:
    """The waiting of one sleeper. `waits` is told True when it begins and False when it is over."""

    def __init__(self, lock: Path, waits: Callable[[bool], None], cancelled: Callable[[], bool]) -> None:
        self._lock = lock
        self._waits = waits
        self._cancelled = cancelled
        self._patient = True
        # Seconds that were waited since the step began.
        self.within_step = 0.0

    def before_step(self) -> None:
        """Wait until no answer is written."""
        self._patient = True
        self.here()
        self.within_step = 0.0

    def here(self) -> None:
        """Wait in the middle of a step, at most `LONGEST_SECONDS`; after these the step is made without waiting."""
        if not self._patient or not answered(self._lock):
            return
        began = time.monotonic()
        self._waits(True)
        while answered(self._lock) and not self._cancelled():
            if time.monotonic() - began > LONGEST_SECONDS:
                self._patient = False
                break
            time.sleep(_LOOK_SECONDS)
        self._waits(False)
        self.within_step += time.monotonic() - began

    def at_layers(self, network: nn.Module) -> None:
        """Wait also at each of the network's layers, forwards and backwards: a step may take seconds.

        Asking costs microseconds, a layer milliseconds.
        """

        def forwards(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
            self.here()
            hidden = arguments[0] if arguments else None
            if hidden is not None and hidden.requires_grad:
                hidden.register_hook(lambda gradient: self.here())

        for layer in _layers(network):
            layer.register_forward_pre_hook(forwards)


def _layers(network: nn.Module) -> list[nn.Module]:
    """The decoder's layers: of every family the longest list in its network."""
    from torch import nn

    lists = [list(module) for module in network.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])
