"""Numbers in messages for people. As low as ``errors``."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return ``1 trial``, ``2 trials``; for nouns that take an s."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
