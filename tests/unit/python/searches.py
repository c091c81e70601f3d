"""Searches in Python for tests, small enough to run in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import evonas
from evonas.local.journal import read_journal
from evonas.recorded.knowledge_record import experience_of
from evonas.recorded.replay import Replay
from evonas.recorded.search import manifest_of
from evonas.search.trial import Trial
from evonas.spec import SearchSpec

SPACE = {f"a{position}": [1, 2, 3, 4] for position in range(4)}


def a_search(folder: Path, **more: Any) -> evonas.Search:
    told: dict[str, Any] = {"trials": 6, "parallel": 2, "agent": "Evolution", "retries": 0, "runs": folder, **more}
    return evonas.Search("here", SPACE, **told)


def replayed(folder: Path) -> list[Trial]:
    """Return the recorded trials, whose proposals follow from the record bit for bit."""
    body, trials, knowledge = read_journal(folder / "journal.jsonl")
    replay = Replay(SearchSpec.parse(manifest_of(body)), trials, experience_of(knowledge))
    assert all(difference is None for _, difference in replay.run())
    return trials
