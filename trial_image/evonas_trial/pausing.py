"""A search that pauses its trials, as the shipped programs take part in it: an attempt goes on from what the last one
kept, ends at the rung that it is to reach, and keeps its state for the next.
"""

from __future__ import annotations

import sys

from evonas_trial import report


def until(steps: int) -> int:
    """Return the step at which this attempt of a training of so many ends; raises ContractError."""
    # Else a training may be longer than the last rung.
    return report.until(steps) if report.pauses() else steps


def was_paused() -> bool:
    """Return whether an earlier attempt of this trial was paused, so that there must be a checkpoint."""
    return report.pauses() and report.until(0) > report.rungs()[0]


def warn_that_nothing_is_kept() -> None:
    """Say so if the search pauses this trial; called by a program that was given no place for a checkpoint."""
    if report.pauses():
        say(
            "this search pauses its trials and nothing is kept, so each starts from the beginning when it goes on: "
            "name a volume that all nodes share, by --checkpoint-dir"
        )


def say(line: str) -> None:
    """Print a line to the trial's log."""
    print(f"evonas: {line}", file=sys.stderr, flush=True)
