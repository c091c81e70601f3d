"""What one line of a container's output says: values of metrics, and the step that they belong to. Pure.

``log_reading`` makes lines of the output, and a result of what they say. Each expression here takes time linear in its
line, however odd that is: the operator reads the lines of all searches.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from evonas.log_report import METRIC, STEP, VALUE, compile_pattern

_COLOURS = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[()][A-Z0-9])")
_FIGURES = r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,4})?|[-+]?(?:nan|inf(?:inity)?)(?!\w)"
# accuracy=0.9, "accuracy": 0.9, accuracy: tensor(0.9), accuracy is 93.1%, and a row of a table.
_LINK = r"""["']?(?:\s{0,40}[=:|│]{1,2}|\s{1,40}is(?!\w)|(?=\s))\s{0,40}["']?(?:[\w.]{0,20}[(\[])?"""
_UNIT = r"(?:%|[A-Za-z]{1,3})?(?!\w|\.\d)"
_BEFORE = r"(?<![\w./-])"
_COUNTER = r"""["']?\s{0,4}[#:=]?\s{0,4}["'\[(#]?\s{0,4}(\d{1,9})(?![\w%])"""
_EPOCH = re.compile(rf"(?<!\w)epoch{_COUNTER}", re.IGNORECASE)
_STEP = re.compile(rf"(?<!\w)(?:step|iteration|iter|round){_COUNTER}", re.IGNORECASE)
_INNER = re.compile(rf"(?<!\w)(?:step|iteration|iter|batch){_COUNTER}", re.IGNORECASE)


@dataclass(frozen=True)
class Said:
    """What a line says."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each on this line; NaN for one that is not finite."""
    step: int | None = None
    unit: str = STEP
    """What the step counts: an output may count both epochs and the steps within each."""
    partial: bool = False
    """Whether a counter within the step says that it goes on."""


class Finder(Protocol):
    """Finds what a line says."""

    def find(self, line: str) -> Said:
        """Return what the line says."""


def create_finder(patterns: Sequence[str], metrics: Sequence[str]) -> Finder:
    """Return what finds values by these patterns; without any, those of ``metrics`` in what programs usually print."""
    return PatternFinder(patterns) if patterns else UsualFinder(metrics)


def plain(line: str) -> str:
    """Return a line without the codes that colour it."""
    return _COLOURS.sub("", line) if "\x1b" in line else line


class UsualFinder:
    """Finds metrics by name, and epochs or steps, in the forms that programs usually print."""

    def __init__(self, metrics: Sequence[str]) -> None:
        self._names = tuple(metrics)
        named = "|".join(sorted(map(re.escape, metrics), key=len, reverse=True))
        self._metric = re.compile(rf"{_BEFORE}({named}){_LINK}((?i:{_FIGURES})){_UNIT}")

    def find(self, line: str) -> Said:
        """Return what the line says."""
        metrics: dict[str, float] = {}
        if any(name in line for name in self._names):
            metrics = {match.group(1): to_number(match.group(2)) for match in self._metric.finditer(line)}
        if (epoch := _EPOCH.search(line)) is not None:
            return Said(metrics, int(epoch.group(1)), "epoch", partial=_INNER.search(line) is not None)
        if (step := _STEP.search(line)) is not None:
            return Said(metrics, int(step.group(1)))
        return Said(metrics)


class PatternFinder:
    """Finds what the named groups of a user's patterns match."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns: list[Any] = [compile_pattern(pattern) for pattern in patterns]

    def find(self, line: str) -> Said:
        """Return what the line says."""
        metrics: dict[str, float] = {}
        step: int | None = None
        for pattern in self._patterns:
            for match in pattern.finditer(line):
                groups = match.groupdict()
                step = _whole(groups.pop(STEP, None), step)
                metrics.update(_values(groups))
        return Said(metrics, step)


def _values(groups: Mapping[str, str | None]) -> Iterator[tuple[str, float]]:
    named = {name: text for name, text in groups.items() if name not in (METRIC, VALUE)}
    if (metric := groups.get(METRIC)) is not None:
        named[metric.strip()] = groups.get(VALUE)
    for name, text in named.items():
        number = None if text is None else _read(text)
        if number is not None:
            yield name, number


def _read(text: str) -> float | None:
    try:
        return to_number(text.strip(" \t,;%()[]{}'\""))
    except ValueError:
        return None


def _whole(text: str | None, known: int | None) -> int | None:
    number = None if text is None else _read(text)
    return known if number is None or math.isnan(number) or not 0 <= number < 10**9 else int(number)


def to_number(text: str) -> float:
    """Return a number as a reward may be; NaN for one that is not finite, ValueError for what is none."""
    number = float(text)
    return number if math.isfinite(number) else math.nan
