"""What a running trial reports of its progress: the annotation, or a local run's file, parsed (docs/trial-contract.md).

Nothing that a trial writes is trusted: what cannot be read is left out, and the trial runs on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_PROGRESS = 16_384
"""Longest report that is read, in characters; a longer one is left out."""
_MAX_DIGITS = 9
_SHAPE = frozenset({"step", "of", "rungs", "resumed"})


@dataclass(frozen=True)
class Progress:
    """One progress report."""

    step: int
    metrics: Mapping[str, float]
    """NaN where the trial reported a number that is not finite."""
    rungs: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """The metrics at the rungs passed so far, as far as the report repeats them."""
    resumed: int | None = None
    """The step from whose checkpoint the attempt went on, 0 if from none; None if it does not say."""

    def at_rungs(self, steps: Sequence[int]) -> dict[int, Mapping[str, float]]:
        """Return the metrics at those of the ascending ``steps`` that the report tells of.

        A report that does not repeat them counts for the last rung that it has reached.
        """
        found = {step: self.rungs[step] for step in steps if step in self.rungs}
        return dict(sorted(with_rung_reached(found, steps, self.step, self.metrics).items()))


def with_rung_reached(
    known: Mapping[int, Mapping[str, float]], rungs: Sequence[int], step: int, metrics: Mapping[str, float]
) -> dict[int, Mapping[str, float]]:
    """Return what is known of the ascending ``rungs`` after a step: its metrics are those of the last rung that it has
    reached, unless an earlier step was the first to reach that one.
    """
    found = dict(known)
    if reached := [rung for rung in rungs if rung <= step]:
        found.setdefault(reached[-1], metrics)
    return found


def parse_progress(text: str) -> Progress | None:
    """Read a progress report; None if it is none."""
    if len(text) > MAX_PROGRESS:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or (step := read_step(content.get("step"))) is None:
        return None
    rungs = content.get("rungs")
    return Progress(
        step,
        _metrics({name: value for name, value in content.items() if name not in _SHAPE}),
        {
            int(rung): _metrics(metrics)
            for rung, metrics in (rungs.items() if isinstance(rungs, dict) else ())
            if rung.isdecimal() and len(rung) <= _MAX_DIGITS and isinstance(metrics, dict)
        },
        read_step(content.get("resumed")),
    )


def read_step(value: Any) -> int | None:
    """Return a step, a whole number, also one that was written as 3.0 or "3"."""
    number = None if value is None else _number(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None


def _metrics(content: Mapping[str, Any]) -> dict[str, float]:
    numbers = {name: _number(value) for name, value in content.items()}
    return {name: number for name, number in numbers.items() if number is not None}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else math.nan
