"""Derives each proposal again from the record before it, and compares bit for bit. Pure, beside ``proposer``.

Nothing is learned from a failed trial, but it is no longer pending: each proposal names those the agent had been told
about. Old records do not. If one of their proposals differs, the possible combinations are tried in turn.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain, combinations, islice
from typing import Any

from evonas.agents import NO_EXPERIENCE, Agent, Experience, Record, SpaceExhausted
from evonas.errors import EvonasError
from evonas.search.lessons import Lesson, in_order, lessons_of, new_agent, record_of, restore, teach
from evonas.search.proposer import is_abandoned, is_pinnable, pin, trial_of
from evonas.search.trial import ProposalRecord, Trial
from evonas.spec import SearchSpec

MAX_TRIES = 32
"""For old records; each try folds everything that came before."""

_COMPARED = tuple(field.name for field in fields(ProposalRecord) if field.name not in ("abandoned", "observed_up_to"))
"""What the agent itself says about its proposals: which trials were abandoned and what it has learned, it was told."""


@dataclass(frozen=True)
class Difference:
    """The first field of a trial that could not be derived."""

    index: int
    field: str
    recorded: Any
    derived: Any


class MissingTrial(EvonasError):
    """The record has a gap: nothing after it can be derived."""

    def __init__(self, index: int) -> None:
        super().__init__(f"trial {index} is missing from the record: no proposal after it can be derived")
        self.index = index


class Replay:
    """A replay of one search; ``run`` it once, or look at the state before one trial."""

    def __init__(self, spec: SearchSpec, trials: Sequence[Trial], experience: Experience = NO_EXPERIENCE) -> None:
        """``trials`` are sorted by index; ``experience`` is what the agent knew from earlier searches."""
        self._spec = spec
        self._experience = experience
        self._trials = trials
        self._lessons = in_order(chain.from_iterable(map(lessons_of, trials)))
        self._abandoned = [trial.index for trial in trials if is_abandoned(trial)]

    def run(self) -> Iterator[tuple[Trial, Difference | None]]:
        """Yield each proposal as it is derived; the one that differs is the last. MissingTrial if there is a gap.
        Confirmations and candidates from outside are not proposals. After them the agent was folded from the record.
        """
        agent: Agent | None = None
        learned = 0
        known: frozenset[int] = frozenset()
        named: frozenset[int] = frozenset()
        for place, trial in enumerate(self._trials):
            if trial.index != place:
                raise MissingTrial(place)
            if not trial.is_proposed:
                agent = None
                continue
            guess = trial.proposal.abandoned is None
            told: Sequence[int] = ()
            if not guess:
                named |= self._named(trial)
                agent = agent if known <= named else None
                told, known = sorted(named - known), named
            if agent is None:
                agent, told = self._agent_before(trial, known), ()
                learned = trial.proposal.observed_up_to
            # In the order in which a search tells its agent (``Proposer.propose``).
            _abandon(agent, (index for index in told if not self._trials[index].rungs))
            while learned < trial.proposal.observed_up_to:
                teach(self._spec, agent, self._lesson(learned, trial))
                learned += 1
            _abandon(agent, (index for index in told if self._trials[index].rungs))
            difference = self._difference(trial, agent)
            if difference is not None and guess:
                for more in self._guesses(known, trial.index):
                    other = self._agent_before(trial, more)
                    if self._difference(trial, other) is None:
                        agent, known, difference = other, more, None
                        break
            yield trial, difference
            if difference is not None:
                return

    def agent_before(self, index: int) -> Agent:
        """Return the agent as it was when it made a proposal; EvonasError if the proposal cannot be derived."""
        trial = self._trials[index]
        if trial.index != index:
            raise MissingTrial(next(place for place, other in enumerate(self._trials) if other.index != place))
        if trial.proposal.abandoned is None:
            tries = [*self._guesses(frozenset(), index), frozenset[int]()]
        else:
            tries = [frozenset[int]().union(*map(self._named, self._trials[: index + 1]))]
        for known in tries:
            if self._difference(trial, self._agent_before(trial, known)) is None:
                agent = self._agent_before(trial, known)
                self._pin(agent, trial)
                return agent
        raise EvonasError(
            f"proposal {index} cannot be derived again; `evonas replay` shows where it differs from the record"
        )

    def _named(self, trial: Trial) -> frozenset[int]:
        """Return the abandoned trials that a proposal names."""
        named = frozenset(trial.proposal.abandoned or ())
        for index in named:
            if index >= trial.index or not is_abandoned(self._trials[index]):
                raise EvonasError(
                    f"proposal {trial.index} was made when trial {index} had failed or been cancelled; by the record it"
                    " had not: something was changed or deleted"
                )
        return named

    def _agent_before(self, trial: Trial, known: frozenset[int]) -> Agent:
        """Fold what was recorded before a proposal, with those trials that were ``known`` to be abandoned."""
        lessons = [self._lesson(place, trial) for place in range(trial.proposal.observed_up_to)]
        ended = {lesson.trial.index for lesson in lessons if lesson.ends}
        rungs = Counter(lesson.trial.index for lesson in lessons if lesson.rung is not None)
        agent = new_agent(self._spec, self._experience)
        restore(agent, (self._as_of(other, ended, rungs, known) for other in self._trials[: trial.index]))
        return agent

    def _as_of(self, trial: Trial, ended: set[int], rungs: Counter[int], known: frozenset[int]) -> Record:
        whole = record_of(self._spec, trial)
        seen = trial.index in ended
        return replace(
            whole,
            sequence=whole.sequence if seen else None,
            reward=whole.reward if seen else None,
            abandoned=trial.index in known or trial.is_confirmation,
            rungs=whole.rungs[: rungs[trial.index]],
            stopped=whole.stopped and seen,
        )

    def _lesson(self, place: int, trial: Trial) -> Lesson:
        if place >= len(self._lessons) or self._lessons[place].trial.index >= trial.index:
            raise EvonasError(
                f"trial {trial.index} cannot have seen {trial.proposal.observed_up_to} results: the record holds fewer"
                " before it; a result was changed or deleted"
            )
        return self._lessons[place]

    def _guesses(self, known: frozenset[int], index: int) -> Iterator[frozenset[int]]:
        """Yield which abandoned trials may have been known, besides ``known``, when a trial was proposed. The likeliest
        come first: most had been known for long, and one or two were about to be.
        """
        open_ones = [other for other in self._abandoned if other < index and other not in known]
        sizes = range(len(open_ones), 0, -1)
        more = chain.from_iterable(combinations(open_ones, size) for size in sizes)
        return (known.union(guess) for guess in islice(more, MAX_TRIES))

    def _pin(self, agent: Agent, trial: Trial) -> None:
        """Pin what was pinned when a trial was proposed, as far as it was recorded."""
        # Up to this trial the record has no gap: each is at the position of its index.
        known = (self._trials[index] for index in trial.proposal.pinned if index < trial.index)
        pin(self._spec, agent, filter(is_pinnable, known))

    def _difference(self, recorded: Trial, agent: Agent) -> Difference | None:
        self._pin(agent, recorded)
        try:
            derived = trial_of(agent.propose(), recorded.proposal.observed_up_to)
        except SpaceExhausted:
            return Difference(recorded.index, "decisions", dict(recorded.decisions), None)
        # Compared as JSON: to Python, 1 and true are equal.
        if json.dumps(dict(recorded.decisions), sort_keys=True) != json.dumps(dict(derived.decisions), sort_keys=True):
            return Difference(recorded.index, "decisions", dict(recorded.decisions), dict(derived.decisions))
        for name in _COMPARED:
            mine, theirs = getattr(derived.proposal, name), getattr(recorded.proposal, name)
            if mine != theirs:
                return Difference(recorded.index, name, theirs, mine)
        return None


def _abandon(agent: Agent, indexes: Iterable[int]) -> None:
    for index in indexes:
        agent.abandon(index)
