"""A terminal lab for talking with a small local model and letting it sleep on what mattered."""

__version__ = "0.1.0"
