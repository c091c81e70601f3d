"""Keeps one search's agent in step with its records, and asks it for candidates (docs/architecture.md, invariant 2).

The records are the truth: if the agent in memory does not fit them (another process proposed, a write failed after the
agent had proposed, a trial was deleted), it is dropped and folded again. Not thread-safe: one call at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from evonas.agents import NO_EXPERIENCE, Agent, Experience, HasPopulation, Proposal, SpaceExhausted
from evonas.search.interventions import MAX_PINNED
from evonas.search.lessons import Lesson, in_order, lessons_of, new_agent, record_of, restore, teach
from evonas.search.table import Cursor, TrialTable
from evonas.search.trial import MAX_ABANDONED, ProposalRecord, Trial
from evonas.spec import SearchSpec


@dataclass(frozen=True)
class News:
    """What the records hold that the agent has not learned; a snapshot of the table."""

    ended: Sequence[Trial]
    """Trials that ended since without teaching anything."""
    lessons: Sequence[Lesson]
    """What was recorded since, in the order of learning."""
    history: Sequence[Trial] | None
    """All trials by index if the agent must be folded afresh, else None."""
    end: Cursor
    pinned: Sequence[Trial] = ()
    """Trials with a reward that stay in the population."""


@dataclass
class _Pending:
    """A trial without an outcome, as the agent knows it."""

    trial: Trial
    """As it was proposed or, if the agent was restored from it, recorded."""
    rungs: int = 0
    """How many of its rungs were learned."""

    def is_of(self, recorded: Trial) -> bool:
        """Return whether the record is of what the agent proposed: another operator may have come first."""
        return (self.trial.decisions, self.trial.proposal) == (recorded.decisions, recorded.proposal)


class Proposer:
    """The agent of one search."""

    def __init__(self, spec: SearchSpec, experience: Experience = NO_EXPERIENCE) -> None:
        """``experience`` is what the agent knows from earlier searches."""
        self._spec = spec
        self._experience = experience
        self._agent: Agent | None = None
        self._pending: dict[int, _Pending] = {}
        self._learned = Cursor()
        self._last_sequence = 0
        self._lessons = 0
        """How many lessons the agent has learned."""
        self._unnamed: set[int] = set()
        """Abandoned trials that the agent knows about and that no proposal names."""

    @property
    def entropy(self) -> float | None:
        """Entropy of the agent's policy relative to a uniform one; None if it has none or was not asked yet."""
        return None if self._agent is None else self._agent.entropy

    def collect(self, table: TrialTable, pins: Collection[int] = ()) -> News:
        """Return what is to be learned before the next proposal. Unlike ``propose``, this is quick. ``pins`` are the
        trials that a user wants to keep in the population; the first MAX_PINNED of them stay.
        """
        news = table.read(self._learned)
        at_rest: Sequence[Trial] = () if news is None else news[0]
        changed = [*{trial.index: trial for trial in (*at_rest, *table.unfinished.values())}.values()]
        new = (lessons_of(trial, after_rung=self._rungs_learned(trial)) for trial in changed)
        lessons = in_order(chain.from_iterable(new))
        ended = sorted((t for t in at_rest if t.state.is_final and t.sequence is None), key=lambda trial: trial.index)
        count = sum(trial.state.is_final for trial in at_rest) + len(table.unfinished) + len(table.paused)
        fits = self._agent is not None and news is not None and self._fits(changed, lessons, count)
        history = None if fits else sorted(table, key=lambda trial: trial.index)
        pinned = [trial for trial in table.finished(sorted(pins)[:MAX_PINNED]) if is_pinnable(trial)]
        return News(ended, lessons, history, table.end, pinned)

    def propose(self, news: News, count: int) -> list[Trial]:
        """Return up to ``count`` new trials after learning ``news``; fewer if the space is exhausted. Raises
        EvonasError if the records do not fit the search.
        """
        if news.history is not None:
            self._restore(news.history)
        else:
            # What a trial has taught comes before its end; otherwise the order is that of a replay.
            self._abandon(trial for trial in news.ended if not trial.rungs)
            for lesson in news.lessons:
                self._learn(lesson)
            self._abandon(trial for trial in news.ended if trial.rungs)
        self._learned = news.end
        return self._proposals(count, news.pinned)

    def _rungs_learned(self, trial: Trial) -> int:
        known = self._pending.get(trial.index)
        return 0 if known is None else known.rungs

    def _fits(self, changed: Sequence[Trial], lessons: Sequence[Lesson], count: int) -> bool:
        """Return whether the agent has proposed just what was recorded, and has learned nothing too early; ``count`` is
        how many trials it should know as pending, including those paused for long."""
        if count != len(self._pending) or any(lesson.sequence <= self._last_sequence for lesson in lessons):
            return False
        return all((known := self._pending.get(trial.index)) is not None and known.is_of(trial) for trial in changed)

    def _restore(self, history: Sequence[Trial]) -> None:
        self._agent = None
        agent = new_agent(self._spec, self._experience)
        restore(agent, (record_of(self._spec, trial) for trial in history))
        self._agent = agent
        unfinished = (trial for trial in history if not trial.state.is_final)
        self._pending = {trial.index: _Pending(trial, len(trial.rungs)) for trial in unfinished}
        self._last_sequence = max((trial.last_sequence for trial in history), default=0)
        self._lessons = sum(1 for trial in history for _ in lessons_of(trial))
        named = {index for trial in history for index in trial.proposal.abandoned or ()}
        self._unnamed = {trial.index for trial in history if is_abandoned(trial)} - named

    def _abandon(self, trials: Iterable[Trial]) -> None:
        assert self._agent is not None
        for trial in trials:
            self._agent.abandon(trial.index)
            if is_abandoned(trial):
                self._unnamed.add(trial.index)
            del self._pending[trial.index]

    def _learn(self, lesson: Lesson) -> None:
        assert self._agent is not None
        teach(self._spec, self._agent, lesson)
        self._last_sequence = lesson.sequence
        self._lessons += 1
        if lesson.ends:
            del self._pending[lesson.trial.index]
        else:
            self._pending[lesson.trial.index].rungs += 1

    def _proposals(self, count: int, pinned: Sequence[Trial]) -> list[Trial]:
        assert self._agent is not None
        pin(self._spec, self._agent, pinned)
        proposed: list[Trial] = []
        for _ in range(count):
            try:
                proposal = self._agent.propose()
            except SpaceExhausted:
                break
            trial = self._named(trial_of(proposal, self._lessons))
            self._pending[proposal.index] = _Pending(trial)
            proposed.append(trial)
        return proposed

    def _named(self, trial: Trial) -> Trial:
        """Return a proposal with the abandoned trials that it is the first to follow."""
        if len(self._unnamed) > MAX_ABANDONED:
            return trial
        named, self._unnamed = tuple(sorted(self._unnamed)), set()
        return replace(trial, proposal=replace(trial.proposal, abandoned=named))


def is_abandoned(trial: Trial) -> bool:
    """Return whether it ended without a result, which the agent is told; confirmations are not reported to it."""
    return trial.state.is_final and not trial.state.teaches and not trial.is_confirmation


def is_pinnable(trial: Trial) -> bool:
    """Return whether a trial's result may be in a population: the agent has learned its reward."""
    return trial.reward is not None and trial.sequence is not None


def pin(spec: SearchSpec, agent: Agent, trials: Iterable[Trial]) -> None:
    """Pin these results, and no others, in the agent's population, if it has one."""
    if isinstance(agent, HasPopulation):
        agent.pin(record_of(spec, trial) for trial in trials)


def trial_of(proposal: Proposal, observed_up_to: int) -> Trial:
    """Return a proposal as it is recorded; agents that know nothing of rungs do not count what they were not told."""
    return Trial(
        index=proposal.index,
        decisions=proposal.decisions,
        proposal=ProposalRecord(
            origin=proposal.origin,
            parent=proposal.parent,
            mutated=proposal.mutated,
            observed_up_to=observed_up_to,
            redrawn=proposal.redrawn,
            competitors=proposal.competitors,
            value=proposal.value,
            rank=proposal.rank,
            policy_ratio=proposal.policy_ratio,
            pinned=proposal.pinned,
        ),
    )
