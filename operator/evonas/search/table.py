"""All recorded trials of one search, kept so that a pass need not look at those at rest, finished or paused. Pure.
Trials are logged as they come to rest, and when a paused one goes on. Each reader (``Totals``, the agent) keeps a
``Cursor`` and continues from there; a change to a finished trial ends the epoch, and all readers start afresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evonas.search.trial import Trial, TrialState


@dataclass(frozen=True)
class Cursor:
    """A position in the log of one epoch of a table."""

    epoch: int = -1
    position: int = 0


class TrialTable:
    """One search's trials by index; ``unfinished`` stays small however many trials there are."""

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self.unfinished: dict[int, Trial] = {}
        """Those that run or are about to."""
        self.paused: dict[int, Trial] = {}
        self._finished: dict[int, Trial] = {}
        self._log: list[int] = []
        self._epoch = 0
        for trial in trials:
            self.put(trial)

    def __len__(self) -> int:
        return len(self.unfinished) + len(self.paused) + len(self._finished)

    def __iter__(self) -> Iterator[Trial]:
        yield from self._finished.values()
        yield from self.paused.values()
        yield from self.unfinished.values()

    def put(self, trial: Trial) -> None:
        """Add or update a trial as it is recorded now."""
        index = trial.index
        if trial in (self._finished.get(index), self.paused.get(index)):
            return
        if index in self._finished:
            self._rewrite(index)
        was_paused = self.paused.pop(index, None) is not None
        self.unfinished.pop(index, None)
        place = self._place(trial)
        place[index] = trial
        if was_paused or place is not self.unfinished:
            self._log.append(index)

    def finished(self, indexes: Iterable[int]) -> list[Trial]:
        """Return those of the trials that have an outcome, in the order of ``indexes``."""
        return [self._finished[index] for index in indexes if index in self._finished]

    def drop(self, index: int) -> None:
        """Forget a deleted trial."""
        if self.unfinished.pop(index, None) is None and (index in self._finished or index in self.paused):
            self._rewrite(index)

    def read(self, cursor: Cursor) -> tuple[Sequence[Trial], Cursor] | None:
        """Return the trials that finished, paused or went on after ``cursor``, as they stand now, and the position to
        continue from; None in another epoch.
        """
        if cursor.epoch != self._epoch:
            return None
        return [self._find(index) for index in dict.fromkeys(self._log[cursor.position :])], self.end

    @property
    def start(self) -> Cursor:
        """The position before all of the log."""
        return Cursor(self._epoch, 0)

    @property
    def end(self) -> Cursor:
        """The position after all of the log."""
        return Cursor(self._epoch, len(self._log))

    def _place(self, trial: Trial) -> dict[int, Trial]:
        if trial.state is TrialState.PAUSED:
            return self.paused
        return self._finished if trial.state.is_final else self.unfinished

    def _find(self, index: int) -> Trial:
        return next(place[index] for place in (self._finished, self.paused, self.unfinished) if index in place)

    def _rewrite(self, index: int) -> None:
        self._finished.pop(index, None)
        self.paused.pop(index, None)
        self._log = [*self._finished, *self.paused]
        self._epoch += 1
