"""All recorded trials of one search, kept so that a pass need not look at the finished ones again. Pure. Finished
trials are logged in the order in which they were added. Each reader (``Totals``, the agent) keeps a ``Cursor`` and
continues from there; a change to something already logged ends the epoch, and all readers start afresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evonas.search.trial import Trial


@dataclass(frozen=True)
class Cursor:
    """A position in the log of one epoch of a table."""

    epoch: int = -1
    position: int = 0


class TrialTable:
    """One search's trials by index; ``unfinished`` stays small however many trials there are."""

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        self.unfinished: dict[int, Trial] = {}
        self._finished: dict[int, Trial] = {}
        self._log: list[Trial] = []
        self._epoch = 0
        for trial in trials:
            self.put(trial)

    def __len__(self) -> int:
        return len(self.unfinished) + len(self._finished)

    def __iter__(self) -> Iterator[Trial]:
        yield from self._finished.values()
        yield from self.unfinished.values()

    def put(self, trial: Trial) -> None:
        """Add or update a trial as it is recorded now."""
        known = self._finished.get(trial.index)
        if known == trial:
            return
        if known is not None:
            self._rewrite(trial.index)
        if trial.state.is_final:
            self.unfinished.pop(trial.index, None)
            self._finished[trial.index] = trial
            self._log.append(trial)
        else:
            self.unfinished[trial.index] = trial

    def finished(self, indexes: Iterable[int]) -> list[Trial]:
        """Return those of the trials that have an outcome, in the order of ``indexes``."""
        return [self._finished[index] for index in indexes if index in self._finished]

    def drop(self, index: int) -> None:
        """Forget a deleted trial."""
        if self.unfinished.pop(index, None) is None and index in self._finished:
            self._rewrite(index)

    def read(self, cursor: Cursor) -> tuple[Sequence[Trial], Cursor] | None:
        """Return the trials that finished after ``cursor``, and the position to continue from; None in another
        epoch."""
        if cursor.epoch != self._epoch:
            return None
        return self._log[cursor.position :], self.end

    @property
    def start(self) -> Cursor:
        """The position before all finished trials."""
        return Cursor(self._epoch, 0)

    @property
    def end(self) -> Cursor:
        """The position after all finished trials."""
        return Cursor(self._epoch, len(self._log))

    def _rewrite(self, index: int) -> None:
        del self._finished[index]
        self._log = list(self._finished.values())
        self._epoch += 1
