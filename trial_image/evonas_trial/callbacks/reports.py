"""What the callbacks have in common: the reports of a training whose loop belongs to a library. Above ``report``."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from evonas_trial import report
from evonas_trial.termination import leave_on_sigterm

_RESERVED = {"step", "of"}
"""Parts of a progress report that are no metrics."""


class Reports:
    """The reports of one training; ``metric`` is the name, in the library, of what the search is after."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._last: dict[str, float] = {}
        self._warned = False
        # A handler of the program's own knows better; and only the main thread may set one.
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and threading.current_thread() is threading.main_thread():
            leave_on_sigterm()

    def begin(self, done: int) -> None:
        """Tell from which step's checkpoint the training goes on, 0 if from none."""
        report.resumed(done)

    def passed(self, step: int, of: int, metrics: Mapping[str, Any], *, leads: bool = True) -> bool:
        """Report what was measured at a step, if this process ``leads`` the others; return whether the attempt ends
        here."""
        of = max(report.rungs(), default=max(step, of))
        end = report.until(of)
        if leads:
            numbers = _numbers(metrics)
            # First, for of a report that is too long the metrics named last are left out.
            self._last = {name: numbers[name] for name in sorted(numbers, key=lambda name: name != self._metric)}
            self._warn_if_missing(step)
            # What was killed between its checkpoint and its report has one step too many.
            report.progress(min(step, end), of, **self._last)
        return step >= end

    def end(self, *, leads: bool = True) -> None:
        """Report the result: what was measured last. Does not return if that is not finite."""
        if not leads:
            return
        if self._metric not in self._last:
            raise report.ContractError(f"the training has ended and {self._missing()}")
        value = self._last[self._metric]
        if not math.isfinite(value):
            report.infeasible(f"the training diverged: {self._metric} is {value}", self._last)
        report.reward(value, self._last)

    def _warn_if_missing(self, step: int) -> None:
        if self._metric not in self._last and not self._warned:
            self._warned = True
            print(f"evonas: after step {step}, {self._missing()}", file=sys.stderr, flush=True)

    def _missing(self) -> str:
        return f"there is no metric {self._metric!r}; there are {', '.join(sorted(self._last)) or 'none'}"


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return those metrics that are single numbers, tensors of one element among them."""
    numbers = {}
    for name in sorted(metrics.keys() - _RESERVED):
        # What several numbers raise depends on whose tensor or array they are in.
        with suppress(TypeError, ValueError, OverflowError, RuntimeError):
            numbers[name] = float(metrics[name])
    return numbers
