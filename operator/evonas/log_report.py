"""How a trial's result is found in what its container prints: ``spec.trial.report``. Pure.

Beside ``fidelity``, below ``spec``, which has a ``LogReport`` where the manifest asks for one; ``search.printed`` reads
lines by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evonas.errors import FieldProblem

METRIC, VALUE, STEP = "metric", "value", "step"
"""Groups of a pattern that are not the name of a metric."""
_GROUP = re.compile(r"\(\?P<(\w+)>")
_EXAMPLE = r"val_acc: (?P<accuracy>\S+)"


class Counts(StrEnum):
    """Which of the values of the objective's metric is the result."""

    LAST = "Last"
    BEST = "Best"


@dataclass(frozen=True)
class LogReport:
    """What is read from a container's output."""

    patterns: tuple[str, ...]
    """Regular expressions (RE2) with named groups; none means what programs usually print."""
    counts: Counts

    @property
    def keeps_best(self) -> bool:
        """Whether the best value is the result, so that all of the output matters."""
        return self.counts is Counts.BEST

    @classmethod
    def parse(cls, report: Mapping[str, Any]) -> LogReport:
        """Read the field of a manifest without ``log_report_problems``."""
        return cls(tuple(report.get("patterns", ())), Counts(report["value"]))


def compile_pattern(pattern: str) -> Any:
    """Return the compiled pattern; ValueError says why it is none.

    By RE2, whose time is linear in the line: a user's pattern runs in the operator, and Python's own engine would let
    one like ``(a*)*b`` hold all other searches. The API server judges patterns by the same syntax.
    """
    # Few searches have patterns of their own.
    import re2  # noqa: PLC0415

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0]
        raise ValueError(said.decode(errors="replace") if isinstance(said, bytes) else str(said)) from error


def log_report_problems(report: Mapping[str, Any]) -> Iterator[FieldProblem]:
    """Check what the CRD states in CEL."""
    for position, pattern in enumerate(report.get("patterns", ())):
        problem = _pattern_problem(pattern)
        if problem is not None:
            yield FieldProblem(f"spec.trial.report.patterns[{position}]", problem)


def _pattern_problem(pattern: str) -> str | None:
    try:
        compile_pattern(pattern)
    except ValueError as error:
        return f"is not a regular expression (RE2): {error}"
    groups = set(_GROUP.findall(pattern))
    if not groups:
        return f"must have a named group for what it finds, such as {_EXAMPLE}, got {pattern!r}"
    if (METRIC in groups) != (VALUE in groups):
        return (
            f"must have both groups {METRIC} and {VALUE}, or neither: a value that is always of the same metric is a "
            f"group of the metric's name, such as {_EXAMPLE}"
        )
    return None
