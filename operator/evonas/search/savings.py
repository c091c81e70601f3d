"""What stopping trials at rungs has saved: an estimate. Pure arithmetic, for the report and for metrics."""

from __future__ import annotations


def saved(*, stopped: int, spent: float, full: int, full_spent: float) -> float | None:
    """Return how much more the ``stopped`` trials would have used, had each used as much as those trained to the end
    did on average; ``spent`` is what they used, ``full_spent`` what the ``full`` ones did. None if there is none.

    A multiple of what a stopped trial has used would count the start of its training once for every rung to come.
    """
    return max(0.0, stopped * full_spent / full - spent) if full else None
