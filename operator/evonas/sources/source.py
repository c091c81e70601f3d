"""The interface of every place that keeps a search's record."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from evonas.agents import may_have_population
from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch
from evonas.search.backlog import Decisions
from evonas.search.interventions import MAX_PINNED
from evonas.search.proposer import is_pinnable
from evonas.search.trial import Trial

Choice = Callable[[RecordedSearch, Sequence[Decisions]], Sequence[Decisions]]
"""Given a record and the candidates listed for it, returns which to add; EvonasError if that is impossible."""


def say_on_stderr(warning: str) -> None:
    """Warn the user about what they get."""
    print(f"warning: {warning}", file=sys.stderr)


class Source(Protocol):
    """One search's record."""

    def read(self) -> RecordedSearch:
        """Return the current record; EvonasError if there is none or it cannot be read."""

    def log(
        self, trial: Trial, attempt: int, write: Callable[[bytes], object], *, follow: bool, tail: int | None = None
    ) -> None:
        """Pass on the output of a trial's attempt, with ``follow`` until it ends; EvonasError if nothing is kept.

        ``tail`` is how many of the last lines to start with, by default all.
        """

    def enqueue(self, choose: Choice) -> Sequence[Decisions]:
        """Put candidates ahead of the agent's next proposals and return them; EvonasError if that is impossible."""

    def veto(self, index: int, because: str) -> None:
        """Have a trial without a result ended as infeasible; EvonasError if that is impossible."""

    def pin(self, index: int, *, stays: bool) -> None:
        """Pin a trial to the agent's population, or remove its pin; EvonasError if that is impossible."""


def check_pin(record: RecordedSearch, pinned: Collection[int], index: int, *, stays: bool) -> None:
    """EvonasError unless a trial can be pinned, or its pin removed; ``pinned`` are those pinned now."""
    trial = find_trial(record, index)
    name = f"trial {index} of {record.source}"
    if not stays:
        if index not in pinned:
            raise EvonasError(f"{name} is not pinned; {', '.join(map(str, sorted(pinned))) or 'none'} is")
        return
    agent = record.spec.agent.type
    if not may_have_population(agent):
        raise EvonasError(f"{record.source} has the agent {agent}, which has no population that {name} could stay in")
    if trial.is_confirmation:
        raise EvonasError(f"{name} trains trial {trial.proposal.parent} again; pin that one")
    if trial.state.is_final and not is_pinnable(trial):
        raise EvonasError(f"{name} is {trial.state.value}: without a reward it cannot be pinned")
    if len({*pinned, index}) > MAX_PINNED:
        raise EvonasError(f"{record.source} has {len(pinned)} pinned trials, the most there can be; --remove one")


def check_vetoable(record: RecordedSearch, index: int) -> None:
    """EvonasError unless the record has a trial of that index, without a result."""
    state = find_trial(record, index).state
    if state.is_final:
        raise EvonasError(
            f"trial {index} of {record.source} is {state.value} already; only a trial without a result can be vetoed"
        )


def find_trial(record: RecordedSearch, index: int) -> Trial:
    """Return one trial of a record; EvonasError if none has that index."""
    trial = record.trial(index)
    if trial is None:
        known = f"it has 0 to {record.trials[-1].index}" if record.trials else "it has none yet"
        raise EvonasError(f"{record.source} has no trial {index}; {known}")
    return trial
