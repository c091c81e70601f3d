"""Numbers and lists in messages for people. As low as ``errors``."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Return ``1 trial``, ``2 trials``, ``10,000 trials``; for nouns that take an s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def axis_label(metric: str, *, minimize: bool) -> str:
    """Return ``latency_ms (less is better)``."""
    return f"{metric} ({'less' if minimize else 'more'} is better)"


def first_of(items: Sequence[str], most: int = 3) -> str:
    """Return ``a, b and c``, or ``a, b, c and 5 others``."""
    listed = [*items] if len(items) <= most + 1 else [*items[:most], f"{len(items) - most} others"]
    return " and ".join(filter(None, [", ".join(listed[:-1]), *listed[-1:]]))
