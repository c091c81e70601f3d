"""Candidates from outside: results that are known from elsewhere, and decisions that a user wants tried. Pure. Both
become trials of the search itself, with the next indexes: the record stays complete. What is recorded is not looked up
again, so changing or deleting the source afterwards has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.search.table import Cursor, TrialTable
from evonas.search.totals import Totals
from evonas.search.trial import IMPORTED, LISTED, Import, ProposalRecord, Trial
from evonas.space import Value, identity

Decisions = Mapping[str, Value]


@dataclass(frozen=True)
class Result:
    """A candidate and its reward, known from elsewhere; the fields are those of ``Import``."""

    source: str
    trial: int
    decisions: Decisions
    reward: float
    metrics: Mapping[str, float]
    runs: int


@dataclass(frozen=True)
class Backlog:
    """What must be added before the agent proposes again."""

    imports: Sequence[Trial] = ()
    """Trials to record."""
    listed: Sequence[Decisions] = ()
    """Candidates that were not tried yet, in the order of their turn."""


NOTHING = Backlog()


def import_is_open(totals: Totals) -> bool:
    """Return whether results may still be imported: only before the search's own first trial, and only once."""
    whole = 0 < totals.import_size <= totals.imported
    return totals.total == totals.confirmed == 0 and not whole


def due_imports(results: Sequence[Result], totals: Totals, recorded: Iterable[Trial]) -> list[Trial]:
    """Return trials for those results that are not recorded yet; ``totals`` covers all trials."""
    known = {key_of(trial.decisions) for trial in recorded}
    missing = [result for result in results if key_of(result.decisions) not in known]
    size = totals.import_size or len(results)
    return [
        Trial(
            totals.last_index + place,
            result.decisions,
            ProposalRecord(IMPORTED, None, (), totals.last_sequence),
            imported=Import(result.source, result.trial, result.reward, result.metrics, result.runs, size),
        )
        for place, result in enumerate(missing[: size - totals.imported], start=1)
    ]


def listed_trials(candidates: Sequence[Decisions], totals: Totals) -> list[Trial]:
    """Return a trial for each candidate."""
    return [
        Trial(totals.last_index + place, candidate, ProposalRecord(LISTED, None, (), totals.last_sequence))
        for place, candidate in enumerate(candidates, start=1)
    ]


class TriedCandidates:
    """Tracks which of the listed candidates were tried, without looking at trials at rest twice."""

    def __init__(self) -> None:
        self._tried: set[str] = set()
        self._cursor = Cursor()

    def untried(self, candidates: Sequence[Decisions], table: TrialTable) -> list[Decisions]:
        """Return the candidates without a trial, each once, in the order listed."""
        if not candidates:
            return []
        news = table.read(self._cursor)
        if news is None:
            self._tried.clear()
            news = table.read(table.start)
            assert news is not None
        begun, self._cursor = news
        self._tried.update(key_of(trial.decisions) for trial in begun)
        under_way = {key_of(trial.decisions) for trial in table.unfinished.values()}
        wanted = {key_of(candidate): candidate for candidate in candidates}
        return [candidate for key, candidate in wanted.items() if key not in self._tried and key not in under_way]


def find_backlog(
    results: Sequence[Result], listed: Sequence[Decisions], finished: Totals, table: TrialTable, tried: TriedCandidates
) -> Backlog:
    """Return what must be added now; ``finished`` are the totals of the trials at rest."""
    totals = finished.plus(table.unfinished.values())
    due = due_imports(results, totals, table) if import_is_open(totals) else ()
    return Backlog(due, tried.untried(listed, table))


def key_of(decisions: Mapping[str, Any]) -> str:
    """Return what distinguishes candidates."""
    return identity(dict(decisions))
