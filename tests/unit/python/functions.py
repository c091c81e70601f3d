"""Training functions that trials of the tests run, found by name: as those of a user's module are."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import evonas


def count(candidate: Mapping[str, Any]) -> float:
    """How many decisions are one more than the last."""
    values = list(candidate.values())
    return float(sum(later == earlier + 1 for earlier, later in pairwise(values)))


def slow_count(candidate: Mapping[str, Any]) -> float:
    time.sleep(0.1)
    return count(candidate)


def report_only(candidate: Mapping[str, Any], trial: evonas.RunningTrial) -> None:
    for step in (1, 2, 3):
        trial.report(step, accuracy=count(candidate) * step, seed=trial.seed)


def diverge(candidate: Mapping[str, Any]) -> float:
    return float("nan")


def nothing(candidate: Mapping[str, Any]) -> None:
    """Forgets to return."""


def text(candidate: Mapping[str, Any]) -> Any:
    return "0.93"


def other_metric(candidate: Mapping[str, Any]) -> Any:
    return {"loss": 0.1}


def broken(candidate: Mapping[str, Any]) -> float:
    raise ValueError("no such layer")


def broken_in_lines(candidate: Mapping[str, Any]) -> float:
    raise ValueError("no such layer:\n  dense")


def vanish(candidate: Mapping[str, Any]) -> float:
    """As if its folder were deleted: its supervisor leaves no end."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
    return 0.0


def leave(candidate: Mapping[str, Any]) -> float:
    sys.exit(3)


def killed(candidate: Mapping[str, Any]) -> float:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def wait_for_go(candidate: Mapping[str, Any], trial: evonas.RunningTrial) -> float:
    """Trials from the fifth on wait until the test lets them go."""
    while trial.index >= 4 and not Path("go").exists():
        time.sleep(0.05)
    return count(candidate)
