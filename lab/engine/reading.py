"""Weights are read one model at a time."""

from __future__ import annotations

import threading
from typing import Final

# transformers takes the tying of embeddings out of all models of the process while it makes one to read into, and puts
# back what it found: of two at once the later puts back nothing, and every tied model after it has a head of its own.
READING: Final = threading.Lock()
