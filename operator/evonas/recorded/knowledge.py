"""What a search takes from the records of earlier ones for its agent to learn from (``spec.knowledge``). Pure.

Unlike the results of a warm start, this is no part of the search: nothing of it becomes a trial, counts as tried or can
be the best. It is gathered once, before the first proposal, and recorded whole with a digest: whatever becomes of the
earlier searches, the agent can be restored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evonas.agents import EarlierTask, Experience, Record
from evonas.agents.curves import outlook
from evonas.agents.records import curve_of
from evonas.errors import InvalidManifest
from evonas.recorded.knowledge_record import Knowledge
from evonas.recorded.search import RecordedSearch
from evonas.search.lessons import record_of
from evonas.search.objective import values_of
from evonas.search.trial import VETOED, Trial, TrialState
from evonas.space import INACTIVE, Choices, Decision
from evonas.spec import SearchSpec
from evonas.wording import counted, first_of

MAX_TASKS = 16
MAX_RESULTS = 2000
"""How many results of an earlier search are ranked, the latest ones."""
MAX_FIELD = 100
MAX_REASONS = 4
"""How many different reasons for leaving searches out a note has."""
MIN_RESULTS = 5
"""Of fewer, ranks say nothing."""


class _Misfit(Exception):
    """A source says nothing about this search; why."""


@dataclass(frozen=True)
class Gathered:
    """What was found."""

    knowledge: Knowledge
    note: str
    """What it is and what was left out, in a sentence."""


def gather(spec: SearchSpec, sources: Sequence[RecordedSearch]) -> Gathered:
    """Gather what a new search can learn from earlier ones, the first MAX_TASKS that say anything about it. Of a search
    that is there more than once, say as a run and as an export, the first counts.
    """
    tasks: list[EarlierTask] = []
    misfits: dict[str, list[str]] = {}
    for source in _different(sources):
        try:
            if len(tasks) == MAX_TASKS:
                raise _Misfit(f"no more than {MAX_TASKS} are used")
            tasks.append(_task(spec, source))
        except _Misfit as misfit:
            misfits.setdefault(str(misfit), []).append(source.source)
    knowledge = Knowledge(Experience(tuple(tasks)))
    left_out = first_of([f"{first_of(names)} ({why})" for why, names in misfits.items()], MAX_REASONS)
    return Gathered(knowledge, "; left out: ".join(filter(None, [knowledge.summary, left_out])))


def _different(sources: Sequence[RecordedSearch]) -> Iterator[RecordedSearch]:
    seen: set[str] = set()
    for source in sources:
        if source.identity.uid not in seen:
            seen.add(source.identity.uid)
            yield source


def _task(spec: SearchSpec, source: RecordedSearch) -> EarlierTask:
    """Return what a source says about this search's candidates; _Misfit if that is nothing."""
    try:
        theirs = source.spec
    except InvalidManifest as invalid:
        # Not its values, which the search's author may not be allowed to read.
        raise _Misfit(f"it holds an invalid manifest: {invalid.problems[0].field[:MAX_FIELD]}") from invalid
    known = {decision.name for decision in theirs.space.decisions}
    shared = [decision for decision in spec.space.decisions if decision.name in known]
    if not shared:
        raise _Misfit("it has no decision of the same name")
    latest_last = sorted(source.trials, key=lambda trial: (trial.last_sequence, trial.index))
    trials = [*filter(_teaches, latest_last)][-MAX_RESULTS:]
    if theirs.has_several:
        theirs, trials = _by_one(spec, theirs, trials)
    worth = _worth(theirs, trials)
    names = tuple(decision.name for decision in shared)
    task = EarlierTask.of(source.source, names, _scored(shared, trials, worth))
    if len(task.candidates) < MIN_RESULTS:
        raise _Misfit(f"it has {counted(len(task.candidates), 'usable result')}, fewer than {MIN_RESULTS}")
    if len(set(task.scores)) == 1:
        raise _Misfit("all its results are equally good, or none is feasible")
    return task


def _by_one(spec: SearchSpec, theirs: SearchSpec, trials: Sequence[Trial]) -> tuple[SearchSpec, list[Trial]]:
    """Return a source with several objectives as one that has only that with this search's metric."""
    names = [objective.name for objective in theirs.objectives]
    if spec.objective.name not in names:
        raise _Misfit(f"it has several objectives, none of which is {spec.objective.name}")
    place = names.index(spec.objective.name)

    def project(trial: Trial) -> Trial:
        values = values_of(theirs.objectives, trial)
        rungs = (
            rung if rung.value is None else replace(rung, value=(rung.value, *rung.others)[place], others=())
            for rung in trial.rungs
        )
        return replace(trial, reward=None if values is None else values[place], rungs=tuple(rungs))

    return replace(theirs, objectives=(theirs.objectives[place],)), list(map(project, trials))


def _scored(
    shared: Sequence[Decision], trials: Sequence[Trial], worth: Sequence[float]
) -> Iterator[tuple[Choices, float]]:
    """Yield each trial's candidate and score, except those with a value that this search does not have."""
    for trial, score in zip(trials, worth, strict=True):
        try:
            choices = tuple(
                decision.index_of(trial.decisions[decision.name]) if decision.name in trial.decisions else INACTIVE
                for decision in shared
            )
        except KeyError:
            continue
        yield choices, score


def _teaches(trial: Trial) -> bool:
    """Return whether a trial shows what its candidate is worth; a veto only shows what a user thinks of it."""
    shows = trial.state.teaches or trial.state is TrialState.PAUSED
    return shows and not trial.is_confirmation and trial.reason != VETOED


def _worth(spec: SearchSpec, trials: Sequence[Trial]) -> list[float]:
    """Return the normal score of each trial among all; of one that ended at a rung, or is paused there, what is to be
    expected of its end.
    """
    if not trials:
        return []
    records = [record_of(spec, trial) for trial in trials]
    finals = [_final(trial, record) for trial, record in zip(trials, records, strict=True)]
    expected: list[float] = outlook([*map(curve_of, records)], np.array(finals)).expected.tolist()
    return expected


def _final(trial: Trial, record: Record) -> float:
    """Return what a trial was worth at the end: NaN if that is not known, minus infinity if it was infeasible or has
    diverged.
    """
    if trial.state.is_at_rung and record.rungs[-1].value is not None:
        return math.nan
    # With one objective, which is how sources are looked at.
    assert not isinstance(record.reward, tuple)
    return -math.inf if record.reward is None else record.reward
