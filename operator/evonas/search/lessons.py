"""What an agent learns from a search's trials, one lesson at a place of the sequence. Pure, below ``proposer``.

A rung's result, a stop and an outcome each teach. Agents that know nothing of rungs are told of a stopped trial as of
one whose reward is the value at its last rung, as in progressive dynamic hurdles (So et al., arXiv 1901.11117).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evonas.agents import (
    Agent,
    Experience,
    InvalidRecord,
    LearnsFromRungs,
    Observed,
    Record,
    Reward,
    Rung,
    create_agent,
    without_rungs,
)
from evonas.search.contradictions import find_contradiction
from evonas.search.objective import oriented_references, oriented_values, values_of
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec


@dataclass(frozen=True)
class Lesson:
    """What is learned at one place of the sequence."""

    sequence: int
    trial: Trial
    rung: int | None
    """Position among the trial's rungs; None for an outcome."""
    ends: bool
    """Whether the trial is no longer pending afterwards: an outcome, or the rung at which it was stopped."""


def lessons_of(trial: Trial, *, after_rung: int = 0) -> Iterator[Lesson]:
    """Yield what a trial teaches, without its first rungs, in order."""
    for position in range(after_rung, len(trial.rungs)):
        sequence = trial.rungs[position].sequence
        yield Lesson(sequence, trial, position, ends=sequence == trial.sequence)
    if trial.sequence is not None and trial.state is not TrialState.STOPPED:
        yield Lesson(trial.sequence, trial, None, ends=True)


def in_order(lessons: Iterable[Lesson]) -> list[Lesson]:
    """Return lessons in the order of learning."""
    return sorted(lessons, key=lambda lesson: (lesson.sequence, lesson.trial.index))


def teach(spec: SearchSpec, agent: Agent, lesson: Lesson) -> None:
    """Tell the agent."""
    record = record_of(spec, lesson.trial)
    rung = None if lesson.rung is None else record.rungs[lesson.rung]
    if isinstance(agent, LearnsFromRungs):
        Observed(record, rung, lesson.sequence).tell(agent)
    elif lesson.ends:
        agent.observe(record.index, record.reward if rung is None else rung.value)


def new_agent(spec: SearchSpec, experience: Experience, *, looks_back: bool = False) -> Agent:
    """Return the search's agent before its first proposal; ``experience`` is what it knows from earlier searches.

    One that ``looks_back`` can be told of a record and asked for its policy, and makes no proposal.
    """
    agent = spec.agent
    return create_agent(
        agent.type,
        spec.space,
        agent.seed,
        agent.settings,
        experience,
        objectives=len(spec.objectives),
        references=oriented_references(spec.objectives) if spec.has_several else (),
        looks_back=looks_back,
    )


def restore(agent: Agent, records: Iterable[Record]) -> None:
    """Fold records into a new agent, as it can understand them."""
    agent.restore(records if isinstance(agent, LearnsFromRungs) else without_rungs([*records]))


def record_of(spec: SearchSpec, trial: Trial) -> Record:
    """Return a trial as agents fold it; InvalidRecord if its rungs contradict each other."""
    if problem := find_contradiction(trial):
        raise InvalidRecord(f"trial {trial.index}: {problem}")
    return Record(
        index=trial.index,
        decisions=trial.decisions,
        mutated=trial.proposal.mutated,
        observed_up_to=trial.proposal.observed_up_to,
        sequence=trial.sequence,
        reward=None if trial.is_confirmation else _reward(spec, trial),
        abandoned=trial.state.is_final and trial.sequence is None,
        foreign=not trial.is_proposed,
        rungs=tuple(_rung(spec, trial, position) for position in range(len(trial.rungs))),
        stopped=trial.state is TrialState.STOPPED,
        pauses=spec.pauses,
        repeats=trial.proposal.parent if trial.is_repeat else None,
    )


def _reward(spec: SearchSpec, trial: Trial) -> Reward | None:
    values = values_of(spec.objectives, trial)
    return None if values is None else _told(spec, values)


def _told(spec: SearchSpec, values: Sequence[float]) -> Reward:
    """Return the values of the objectives as agents take them."""
    found = oriented_values(spec.objectives, values)
    return found if spec.has_several else found[0]


def _rung(spec: SearchSpec, trial: Trial, position: int) -> Rung:
    result = trial.rungs[position]
    value = None if result.value is None else _told(spec, (result.value, *result.others))
    return Rung(result.step, value, result.sequence)
