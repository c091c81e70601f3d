"""How much of what could be tried the tests try: what a change needs, or, with `EVONAS_EXHAUSTIVE=1`, all of it."""

from __future__ import annotations

import os

EXHAUSTIVE = os.environ.get("EVONAS_EXHAUSTIVE") == "1"
"""True in `make test-exhaustive`, which takes its time."""

MORE = 10


def examples(usual: int) -> int:
    """Return how many examples Hypothesis tries where a usual run tries so many."""
    return usual * MORE if EXHAUSTIVE else usual
