"""Keeps the libraries of a computing process from the network: whatever they need is on this machine by then."""

from __future__ import annotations

import os


def stay_offline() -> None:
    """Nothing is asked of the hub, no program code comes from it, nothing is told to anyone.

    For a process of its own, before it imports the libraries: they read it once.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["USE_HUB_KERNELS"] = "NO"
