"""Pins of a local run's trials: a file in its folder, to which `evonas pin` appends (``search.interventions``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.local.requests.lines import Lines

PINNED_FILE = "pinned.jsonl"


@dataclass(frozen=True)
class _Pin:
    trial: int
    stays: bool
    """False if the pin was removed."""


class Pinned(Lines[_Pin]):
    """The pins for the run in a folder; a trial's latest line counts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / PINNED_FILE, _parse)

    def indexes(self) -> list[int]:
        """Return which trials are pinned, in order."""
        latest = {line.trial: line.stays for line in self.read()}
        return sorted(index for index, stays in latest.items() if stays)

    def pin(self, trial: int, *, stays: bool) -> None:
        """Pin a trial, or remove its pin; on disk when this returns."""
        self.append([{"trial": trial, "pinned": stays}])


def _parse(body: Any) -> _Pin:
    try:
        return _Pin(int(body["trial"]), bool(body["pinned"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"not a pin ({error})") from error
