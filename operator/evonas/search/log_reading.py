"""From a container's output to what a trial reports by it, piece by piece, in bounded memory. Pure.

The local run's supervisors and the operator both feed this. It is a fold that may be fed the same output again, after a
broken connection or a restart: what it has found stays, and a rung counts once.

Lines are what a terminal would show of them: of a line that is drawn over and over, as by tqdm, the last state.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from evonas.search.printed import Said, create_finder, plain
from evonas.search.trial_progress import Progress, with_rung_reached
from evonas.search.trial_report import MAX_METRIC_NAME, MAX_METRICS, Report
from evonas.wording import counted

MAX_LINE = 4096
"""Bytes of a line that are looked at; the rest of a longer one is skipped."""
MAX_EXAMPLE = 120
MAX_PRINTED = 1 << 20
"""Longest text that is taken for what ``to_text`` has written."""
REWARD = "reward"
"""The metric that is looked for if the objective names none."""


@dataclass(frozen=True)
class Wanted:
    """What to look for in an output; plain values, so that it can be handed to another process."""

    metrics: Sequence[str]
    """Those of the objectives, then those of their constraints."""
    patterns: Sequence[str] = ()
    best: bool = False
    """Whether the best value of the only objective counts, not the last."""
    minimize: bool = False
    rungs: Sequence[int] = ()
    """The steps, ascending, at which results are kept."""


@dataclass(frozen=True)
class Printed:
    """What an output has said so far."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """As they would be reported now; NaN for what is not finite."""
    progress: Progress | None = None
    lines: int = 0
    """How many lines that are not blank it has."""
    last_line: str = ""


class LogReading:
    """What is found in one container's output."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._finder = create_finder(wanted.patterns, wanted.metrics)
        self._objective = wanted.metrics[0]
        self._line, self._drawn = b"", b""
        self._lines = 0
        self._last_line = ""
        self._metrics: dict[str, float] = {}
        self._best: float | None = None
        self._unit = ""
        self._step: int | None = None
        self._at_step: dict[str, float] = {}
        self._progress: Progress | None = None

    @property
    def printed(self) -> Printed:
        """What has been found."""
        metrics = dict(self._metrics)
        if self._wanted.best and self._best is not None:
            metrics[self._objective] = self._best
        return Printed(metrics, self._progress, self._lines, self._last_line)

    @property
    def rungs(self) -> Collection[int]:
        """The rungs whose results are known."""
        return () if self._progress is None else self._progress.rungs.keys()

    def feed(self, chunk: bytes) -> None:
        """Read on."""
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._draw(part)
            self._end_line()
        self._draw(rest)

    def begin_again(self) -> None:
        """Expect the output from its beginning, or from where its oldest kept line is."""
        self._line, self._drawn, self._lines = b"", b"", 0
        # Of the step that it had come to, the end may not have been seen.
        self._step, self._at_step = None, {}

    def end(self) -> None:
        """Note that nothing follows: what was said last counts."""
        self._end_line()
        self._complete_step()

    def _draw(self, part: bytes) -> None:
        """Add to the line; a carriage return begins it anew, and what it had shown stays until something is drawn."""
        *drawn, rest = part.split(b"\r")
        for piece in drawn:
            self._line += piece[: MAX_LINE - len(self._line)]
            if self._line.strip():
                self._drawn = self._line
            self._line = b""
        self._line += rest[: MAX_LINE - len(self._line)]

    def _end_line(self) -> None:
        shown = self._line if self._line.strip() else self._drawn
        self._line, self._drawn = b"", b""
        if not shown:
            return
        line = plain(shown.decode(errors="replace")).strip()
        if line:
            self._lines += 1
            self._last_line = line if len(line) <= MAX_EXAMPLE else f"{line[:MAX_EXAMPLE]}…"
            self._take_in(self._finder.find(line))

    def _take_in(self, said: Said) -> None:
        named = self._take_step(said)
        for name, value in said.metrics.items():
            self._take_value(name, value)
        if named and not said.partial and said.metrics and self._is_complete:
            # The line itself says which step it is of. Otherwise a step's values count once another step begins.
            self._complete_step()

    def _take_step(self, said: Said) -> bool:
        """Begin a step that is named; returns whether the line names one in the unit that counts."""
        if said.step is None or (self._unit == "epoch" and said.unit != "epoch"):
            return False
        if said.unit != self._unit:
            # Epochs count where there are any: what was counted before were the steps within the first.
            self._unit, self._progress, self._step, self._at_step = said.unit, None, None, {}
        if said.step != self._step:
            self._complete_step()
            self._step, self._at_step = said.step, {}
        return True

    def _take_value(self, name: str, value: float) -> None:
        if name not in self._metrics and name not in self._wanted.metrics and not self._has_room(name):
            return
        self._metrics[name] = value
        if self._step is not None:
            self._at_step[name] = value
        if name == self._objective and not math.isnan(value):
            better = min if self._wanted.minimize else max
            self._best = value if self._best is None else better(self._best, value)

    def _has_room(self, name: str) -> bool:
        return len(name) <= MAX_METRIC_NAME and len(self._metrics) < MAX_METRICS - len(self._wanted.metrics)

    @property
    def _is_complete(self) -> bool:
        return all(name in self._at_step for name in self._wanted.metrics)

    def _complete_step(self) -> None:
        step = self._step
        if step is None or not self._is_complete:
            return
        before = Progress(step, {}) if self._progress is None else self._progress
        metrics = dict(self._at_step)
        rungs = with_rung_reached(before.rungs, self._wanted.rungs, step, metrics)
        if step >= before.step:
            self._progress = Progress(step, metrics, rungs)
        else:
            self._progress = Progress(before.step, before.metrics, rungs)


def to_report(wanted: Wanted, printed: Printed) -> Report:
    """Return what a container with exit code 0 has reported by its output."""
    metrics = {name: value for name, value in printed.metrics.items() if not math.isnan(value)}
    objective = wanted.metrics[0]
    reward = metrics.get(objective) if objective == REWARD else None
    diverged = next((name for name in wanted.metrics if math.isnan(printed.metrics.get(name, 0.0))), None)
    if diverged is not None:
        problem = f"{diverged!r} in the output is not a finite number in the end"
        return Report(reward, metrics, problem=problem)
    absent = next((name for name in wanted.metrics if name not in metrics), None)
    return Report(reward, metrics, unmatched=None if absent is None else _absence(absent, wanted, printed))


def _absence(metric: str, wanted: Wanted, printed: Printed) -> str:
    if not printed.lines:
        return f"the container printed nothing; {metric!r} was looked for"
    by = "by spec.trial.report.patterns" if wanted.patterns else "in the usual forms, such as "
    form = "" if wanted.patterns else f"{metric}=0.93"
    return (
        f"no value of {metric!r} in {counted(printed.lines, 'line')} of output, where it was looked for {by}{form}; "
        f"the last line is {printed.last_line!r}"
    )


def to_text(printed: Printed) -> str:
    """Write what was found for another process."""
    progress = printed.progress
    content = {
        "metrics": printed.metrics,
        "progress": None if progress is None else [progress.step, progress.metrics, list(progress.rungs.items())],
        "lines": printed.lines,
        "lastLine": printed.last_line,
    }
    return json.dumps(content, default=dict)


def read_printed(text: str) -> Printed:
    """Read what ``to_text`` has written; of anything else, nothing was printed."""
    try:
        content = json.loads(text)
        progress = content["progress"]
        if progress is not None:
            step, metrics, rungs = progress
            progress = Progress(step, metrics, {rung: at for rung, at in rungs})  # noqa: C416 - pairs are checked
        return Printed(content["metrics"], progress, content["lines"], content["lastLine"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return Printed()
