"""At which steps of its training a trial is compared with others, and by which rule: ``spec.fidelity``. Pure.

Beside ``gpus``, below ``spec``, which has a ``Fidelity`` where the manifest asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from evonas.errors import FieldProblem

MAX_RUNGS = 16
"""As many as a trial's status may list."""


class Mode(StrEnum):
    """What happens to a trial at a rung."""

    STOP = "Stop"
    """It trains on, unless the rule stops it there, for good."""
    PAUSE = "Pause"
    """It ends its attempt and frees its GPU; another attempt goes on from its checkpoint once the rule lets it."""


class Rule(StrEnum):
    """Which trials go on at a rung (``search.promotion``)."""

    NONE = "None"
    """None: results are only recorded."""
    MEDIAN = "Median"
    SUCCESSIVE_HALVING = "SuccessiveHalving"


@dataclass(frozen=True)
class Fidelity:
    """The rungs of a search, and what happens there."""

    steps: tuple[int, ...]
    """Ascending; the last one is a full training, at which nothing is decided."""
    factor: int
    """No trial is stopped at a rung before that many have reached it; SuccessiveHalving lets one of them go on."""
    rule: Rule
    mode: Mode = Mode.STOP

    @property
    def pauses(self) -> bool:
        """Whether each trial pauses at each rung."""
        return self.mode is Mode.PAUSE

    @classmethod
    def parse(cls, fidelity: Mapping[str, Any]) -> Fidelity:
        """Read the field of a manifest without ``fidelity_problems``."""
        rungs = fidelity["rungs"]
        factor = rungs["factor"]
        steps = tuple(rungs["steps"]) if "steps" in rungs else _geometric(rungs["min"], rungs["max"], factor)
        return cls(steps, factor, Rule(fidelity["rule"]), Mode(fidelity["mode"]))


def fidelity_problems(fidelity: Mapping[str, Any]) -> Iterator[FieldProblem]:
    """Check what the CRD states in CEL, and that there are not too many rungs."""
    if fidelity["mode"] == Mode.PAUSE and fidelity["rule"] == Rule.NONE:
        yield FieldProblem("spec.fidelity.rule", "must be Median or SuccessiveHalving in mode Pause, got None")
    field, rungs = "spec.fidelity.rungs", fidelity["rungs"]
    given = {"min", "max", "steps"} & rungs.keys()
    if given not in ({"min", "max"}, {"steps"}):
        yield FieldProblem(field, "needs either min and max, or steps")
        return
    if "steps" in rungs:
        if any(later <= earlier for earlier, later in pairwise(rungs["steps"])):
            yield FieldProblem(f"{field}.steps", f"must ascend, got {rungs['steps']}")
    elif rungs["max"] <= rungs["min"]:
        yield FieldProblem(f"{field}.max", f"must be more than min ({rungs['max']} <= {rungs['min']})")
    elif (count := len(_geometric(rungs["min"], rungs["max"], rungs["factor"]))) > MAX_RUNGS:
        yield FieldProblem(
            f"{field}.factor", f"makes {count} rungs of min and max, more than {MAX_RUNGS}: raise it, or raise min"
        )


def _geometric(first: int, last: int, factor: int) -> tuple[int, ...]:
    """Return the first rung, those each ``factor`` times further, and the last."""
    steps = [first]
    while steps[-1] * factor < last:
        steps.append(steps[-1] * factor)
    return (*steps, last)
