"""Runs of ``tests.unit.search.climbing`` in commands: what they recorded, and how `evonas get` lists one of them."""

from __future__ import annotations

from pathlib import Path

from evonas.local.journal import JOURNAL_FILE, read_journal
from evonas.search.trial import Trial, TrialState
from tests.unit.commands.conftest import Evonas


def trials_of(run: Path) -> list[Trial]:
    return read_journal(run / JOURNAL_FILE)[1]


def trials_in(run: Path, state: TrialState) -> list[Trial]:
    """Return the trials in a state, which are more than a third of all."""
    trials = trials_of(run)
    found = [trial for trial in trials if trial.state is state]
    assert len(found) > len(trials) / 3
    return found


def listed(evonas: Evonas) -> tuple[dict[str, str], dict[str, str]]:
    """Return the cells of the run ``climb``, the only one, by heading: those on the left, and those on the right, since
    one in between may be empty.
    """
    names = (["name"], ["climb"])
    heading, line = (row.split() for row in evonas("get", "-o", "wide")[1].splitlines() if row.split()[:1] in names)
    left = dict(zip([word for word in heading if word not in ("GPU", "h")], line, strict=False))
    return left, dict(zip(reversed(heading), reversed(line), strict=False))
