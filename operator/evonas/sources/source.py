"""The interface of every place that keeps a search's record."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from evonas.agents import may_have_population
from evonas.errors import EvonasError, FieldProblem, InvalidManifest
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.search.backlog import Decisions
from evonas.search.interventions import MAX_PINNED
from evonas.search.proposer import is_pinnable
from evonas.search.trial import Trial
from evonas.sources.events import SeenEvent
from evonas.spec import SearchSpec
from evonas.wording import first_of

Choice = Callable[[RecordedSearch, Sequence[Decisions]], Sequence[Decisions]]
"""Given a record and the candidates listed for it, returns which to add; EvonasError if that is impossible."""


def say_on_stderr(warning: str) -> None:
    """Warn the user about what they get."""
    print(f"warning: {warning}", file=sys.stderr)


@dataclass(frozen=True)
class Change:
    """What a search may be told while it goes, apart from its trials; what is None stays as it is."""

    suspend: bool | None = None
    parallel_trials: int | None = None
    max_trials: int | None = None

    def spec(self) -> dict[str, Any]:
        """Return it as a merge patch of ``spec``."""
        numbers = {"parallelTrials": self.parallel_trials, "maxTrials": self.max_trials}
        budget = {name: number for name, number in numbers.items() if number is not None}
        patch: dict[str, Any] = {} if self.suspend is None else {"suspend": self.suspend}
        return patch | ({"budget": budget} if budget else {})


class Source(Protocol):
    """One search's record. What changes it is only checked, as far as can be told beforehand, with ``preview``."""

    def read(self) -> RecordedSearch:
        """Return the current record; EvonasError if there is none or it cannot be read."""

    def log(
        self, trial: Trial, attempt: int, write: Callable[[bytes], object], *, follow: bool, tail: int | None = None
    ) -> None:
        """Pass on the output of a trial's attempt, with ``follow`` until it ends; EvonasError if nothing is kept.

        ``tail`` is how many of the last lines to start with, by default all.
        """

    def enqueue(self, choose: Choice, *, preview: bool = False) -> Sequence[Decisions]:
        """Put candidates ahead of the agent's next proposals and return them; EvonasError if that is impossible."""

    def veto(self, index: int, because: str, *, preview: bool = False) -> None:
        """Have a trial without a result ended as infeasible; EvonasError if that is impossible."""

    def pin(self, index: int, *, stays: bool, preview: bool = False) -> None:
        """Pin a trial to the agent's population, or remove its pin; EvonasError if that is impossible."""

    def change(self, change: Change, *, preview: bool = False) -> None:
        """Change the declaration of a search that goes on; EvonasError if that is impossible."""


@runtime_checkable
class SharedSource(Protocol):
    """A source that others act on, too, each by rights of their own."""

    def as_user(self, token: str) -> Source:
        """Return the same for whoever has a bearer token."""

    def refusal(self) -> str:
        """Return why we may not change the search, with the cure; empty if we may."""

    def events(self) -> Sequence[SeenEvent]:
        """Return what has happened to it and to its trials lately, the latest first."""


def check_pin(record: RecordedSearch, pinned: Collection[int], index: int, *, stays: bool) -> None:
    """EvonasError unless a trial can be pinned, or its pin removed; ``pinned`` are those pinned now."""
    trial = find_trial(record, index)
    name = f"trial {index} of {record.source}"
    if not stays:
        if index not in pinned:
            raise EvonasError(f"{name} is not pinned; {_listed(pinned)}")
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


def _listed(pinned: Collection[int]) -> str:
    if not pinned:
        return "none is"
    return f"{first_of([*map(str, sorted(pinned))], MAX_PINNED)} {'is' if len(pinned) == 1 else 'are'}"


def check_change(body: Mapping[str, Any], change: Change) -> None:
    """EvonasError unless the declaration of a search, an object, can be changed so: the API server refuses the same."""
    manifest = manifest_of(body)
    before = SearchSpec.parse(manifest).budget.max_trials
    if change.max_trials is not None and change.max_trials < before:
        said = f"Invalid value: {change.max_trials}: may only grow, and is {before}"
        raise InvalidManifest([FieldProblem("spec.budget.maxTrials", said)])
    patch = change.spec()
    budget = {**manifest["spec"].get("budget", {}), **patch.get("budget", {})}
    SearchSpec.parse({**manifest, "spec": {**manifest["spec"], **patch, "budget": budget}})


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
