"""What every place that keeps a search's record can do."""

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
"""Given a record and the candidates that are listed for it, says which to add; EvonasError where that cannot be."""


def say_on_stderr(warning: str) -> None:
    """Tell a person what is wrong with what they get."""
    print(f"warning: {warning}", file=sys.stderr)


class Source(Protocol):
    """One search's record."""

    def read(self) -> RecordedSearch:
        """Return the record as it is now; EvonasError where there is none or it cannot be read."""

    def log(
        self, trial: Trial, attempt: int, write: Callable[[bytes], object], *, follow: bool, tail: int | None = None
    ) -> None:
        """Pass on what a trial's attempt printed, with ``follow`` until it ends; EvonasError where nothing is kept.

        ``tail`` is how many of the last lines to begin with, by default all.
        """

    def enqueue(self, choose: Choice) -> Sequence[Decisions]:
        """Put candidates in front of the agent's next proposals and return them; EvonasError where that cannot be."""

    def veto(self, index: int, because: str) -> None:
        """Have a trial that has no result yet ended as infeasible; EvonasError where that cannot be."""

    def pin(self, index: int, *, stays: bool) -> None:
        """Pin a trial to the agent's population, or remove its pin; EvonasError where that cannot be."""


def check_pin(record: RecordedSearch, pinned: Collection[int], index: int, *, stays: bool) -> None:
    """EvonasError unless a trial can be pinned, or its pin removed; ``pinned`` are those that are."""
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
        raise EvonasError(f"{name} is {trial.state.value}: without a reward it is in no population")
    if len({*pinned, index}) > MAX_PINNED:
        raise EvonasError(f"{record.source} has {len(pinned)} pinned trials, the most there can be; --remove one")


def check_vetoable(record: RecordedSearch, index: int) -> None:
    """EvonasError unless the record has a trial of that index, without a result."""
    state = find_trial(record, index).state
    if state.is_final:
        raise EvonasError(
            f"trial {index} of {record.source} is {state.value} already; only what has no result yet can be vetoed"
        )


def find_trial(record: RecordedSearch, index: int) -> Trial:
    """Return one trial of a record; EvonasError where there is none of that index."""
    trial = record.trial(index)
    if trial is None:
        known = f"it has 0 to {record.trials[-1].index}" if record.trials else "it has none yet"
        raise EvonasError(f"{record.source} has no trial {index}; {known}")
    return trial
