"""Vetoes of a local run's trials: a file in its folder, to which `evonas veto` appends (``search.interventions``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evonas.local.requests.lines import Lines

VETOED_FILE = "vetoed.jsonl"


class Vetoed(Lines[tuple[int, str]]):
    """The vetoes for the run in a folder: index of the trial, and why."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / VETOED_FILE, _parse)

    def veto(self, trial: int, because: str) -> None:
        """Add a veto; on disk when this returns."""
        self.append([{"trial": trial, "because": because}])


def _parse(body: Any) -> tuple[int, str]:
    try:
        return int(body["trial"]), str(body["because"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"not a veto ({error})") from error
