"""What a search takes from the records of earlier ones for its agent to learn from (``spec.knowledge``). Pure.

Unlike the results of a warm start, this is no part of the search: nothing of it becomes a trial, counts as tried or can
be the best. It is gathered once, before the first proposal, and recorded whole with a digest: whatever becomes of the
earlier searches, the agent can be restored.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evonas.agents import EarlierTask, Experience
from evonas.agents.curves import outlook
from evonas.agents.records import curve_of
from evonas.errors import EvonasError, InvalidManifest
from evonas.recorded.search import RecordedSearch
from evonas.search.lessons import record_of
from evonas.search.trial import VETOED, Trial
from evonas.space import INACTIVE, Choices
from evonas.spec import API_VERSION, SearchSpec
from evonas.wording import counted

KIND, FORMAT = "SearchKnowledge", 1
MAX_TASKS = 16
MAX_RESULTS = 2000
"""How many results of an earlier search are ranked, the latest ones."""
MAX_KEPT = 256
"""How many of them are kept: the better half, and an even selection of the others."""
MIN_RESULTS = 5
"""Of fewer, ranks say nothing."""


class UnusableKnowledge(EvonasError):
    """What ``spec.knowledge`` names cannot be read, at least not yet, or is no longer what it was."""


@dataclass(frozen=True)
class Knowledge:
    """What was gathered, as it is recorded."""

    experience: Experience

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything in it, in hexadecimal."""
        return hashlib.sha256(json.dumps(self._tasks, sort_keys=True).encode()).hexdigest()

    @property
    def _tasks(self) -> list[dict[str, Any]]:
        return [asdict(task) for task in self.experience.tasks]

    def to_object(self) -> dict[str, Any]:
        """Return it as JSON: a line of a journal or an export, the contents of a ConfigMap."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "format": FORMAT,
            "digest": self.digest,
            "tasks": self._tasks,
        }

    @classmethod
    def from_object(cls, body: Mapping[str, Any], source: str) -> Knowledge:
        """Return what ``to_object`` returned; UnusableKnowledge, which names ``source``, if it was changed."""
        if body.get("kind") != KIND or body.get("format") != FORMAT:
            raise UnusableKnowledge(f"{source} holds no knowledge that this version can read (format {FORMAT})")
        try:
            tasks = tuple(
                EarlierTask(
                    source=task["source"],
                    decisions=tuple(task["decisions"]),
                    candidates=tuple(map(tuple, task["candidates"])),
                    scores=tuple(task["scores"]),
                )
                for task in body["tasks"]
            )
        except (KeyError, TypeError) as error:
            raise UnusableKnowledge(f"{source} holds knowledge that cannot be read: {error!r}") from error
        knowledge = cls(Experience(tasks))
        if knowledge.digest != body.get("digest"):
            raise UnusableKnowledge(
                f"{source} was changed: its digest is not that of its contents; restore it from a copy"
            )
        return knowledge


@dataclass(frozen=True)
class Gathered:
    """What was found."""

    knowledge: Knowledge
    note: str
    """What it is and what was left out, in a sentence."""


def gather(spec: SearchSpec, sources: Sequence[RecordedSearch]) -> Gathered:
    """Gather what a new search can learn from earlier ones, the first MAX_TASKS that share decisions with it."""
    tasks: list[EarlierTask] = []
    misfits: list[str] = []
    for source in sources[:MAX_TASKS]:
        try:
            tasks.append(_task(spec, source))
        except ValueError as misfit:
            misfits.append(f"{source.source}: {misfit}")
    misfits += [f"{source.source}: only {MAX_TASKS} are used" for source in sources[MAX_TASKS:]]
    results = sum(len(task.scores) for task in tasks)
    names = " and ".join(task.source for task in tasks)
    note = f"{counted(results, 'result')} of {names} are known from the start" if tasks else "nothing is known"
    if misfits:
        note += f"; left out: {'; '.join(misfits)}"
    return Gathered(Knowledge(Experience(tuple(tasks))), note)


def _task(spec: SearchSpec, source: RecordedSearch) -> EarlierTask:
    """Return what a source says about this search's candidates; ValueError if that is nothing."""
    try:
        theirs = source.spec
    except InvalidManifest as invalid:
        raise ValueError(f"it holds an invalid manifest: {invalid}") from invalid
    known = {decision.name for decision in theirs.space.decisions}
    shared = [decision for decision in spec.space.decisions if decision.name in known]
    if not shared:
        raise ValueError("it has no decision of the same name")
    trials = sorted((trial for trial in source.trials if _teaches(trial)), key=_by_learning)[-MAX_RESULTS:]
    worth = _worth(theirs, trials)
    found: dict[Choices, list[float]] = {}
    for trial, score in zip(trials, worth, strict=True):
        try:
            choices = tuple(
                decision.index_of(trial.decisions[decision.name]) if decision.name in trial.decisions else INACTIVE
                for decision in shared
            )
        except KeyError:
            # This search does not have one of its values.
            continue
        found.setdefault(choices, []).append(score)
    if len(found) < MIN_RESULTS:
        raise ValueError(f"it has {counted(len(found), 'usable result')}, fewer than {MIN_RESULTS}")
    scores = {choices: math.fsum(each) / len(each) for choices, each in found.items()}
    kept = _kept(scores)
    return EarlierTask(
        source.source,
        tuple(decision.name for decision in shared),
        tuple(kept),
        tuple(scores[choices] for choices in kept),
    )


def _teaches(trial: Trial) -> bool:
    """Return whether a trial shows what its candidate is worth; a veto only shows what a user thinks of it."""
    return trial.state.teaches and not trial.is_confirmation and trial.reason != VETOED


def _worth(spec: SearchSpec, trials: Sequence[Trial]) -> list[float]:
    """Return the normal score of each trial among all; of a stopped one, what is to be expected of its end."""
    if not trials:
        return []
    records = [record_of(spec, trial) for trial in trials]
    finals = [
        math.nan if record.stopped else -math.inf if record.reward is None else record.reward for record in records
    ]
    expected: list[float] = outlook([*map(curve_of, records)], np.array(finals)).expected.tolist()
    return expected


def _kept(scores: Mapping[Choices, float]) -> list[Choices]:
    """Return which candidates are kept, best first; among equals the older one."""
    ranked = sorted(scores, key=lambda choices: scores[choices], reverse=True)
    if len(ranked) <= MAX_KEPT:
        return ranked
    best, others = ranked[: MAX_KEPT // 2], ranked[MAX_KEPT // 2 :]
    places = np.linspace(0, len(others) - 1, MAX_KEPT - len(best)).round().astype(int)
    return [*best, *(others[place] for place in places)]


def _by_learning(trial: Trial) -> tuple[bool, int, int]:
    return trial.sequence is None, trial.sequence or 0, trial.index
