"""What makes two trials the same, and how one takes over the result of another (``spec.reuseResults``). Pure.

Looked for once, when a trial is recorded, and recorded with it: a trial that has ``reused`` is never run, and one that
has none never takes a result over. So the trial's name, which one process alone can create, decides that too, and a
crash or a change of the source afterwards changes nothing. To the agent the result is one like any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace

from evonas.search.codec import SearchIdentity
from evonas.search.trial import Reuse, Trial
from evonas.space import Value, normalise
from evonas.spec import Reach, SearchSpec

VERSION = 1
"""Counts up whenever the same report would come to another result."""
DIGITS = 32

Find = Callable[[str], Reuse | None]
"""Returns the result that a fingerprint has, if any."""


def fingerprint_of(spec: SearchSpec, decisions: Mapping[str, Value]) -> str:
    """Return what trials have in common that are told the same, run the same and are judged the same.

    Left out is what differs between any two trials: names, indexes, and the seed that follows from these; and what ends
    a trial but does not make its result: time limits and retries.
    """
    objective = asdict(spec.objective)
    del objective["target"]
    told = {
        "version": VERSION,
        "decisions": {name: normalise(value) for name, value in decisions.items()},
        "template": spec.trial.template,
        "container": spec.trial.container,
        "objective": objective,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:DIGITS]


def with_known_result(spec: SearchSpec, trial: Trial, find: Find) -> Trial:
    """Return a trial that is to be recorded, with the result that another search's trial has, if it is to be used.

    A confirmation measures the noise of a result: it is always run.
    """
    if spec.reuse_results is Reach.NEVER or trial.is_confirmation:
        return trial
    return replace(trial, reused=find(fingerprint_of(spec, trial.decisions)))


def result_of(search: SearchIdentity, trial: Trial) -> Reuse | None:
    """Return what others may reuse of a trial: its result, under the name of the trial that was run for it."""
    if not trial.state.teaches or trial.fingerprint is None or trial.is_confirmation:
        return None
    if trial.reused is not None:
        return trial.reused
    return Reuse(
        search=search.name,
        uid=search.uid,
        index=trial.index,
        fingerprint=trial.fingerprint,
        state=trial.state,
        reward=trial.reward,
        metrics=trial.metrics,
    )


def first_result(trials: Iterable[tuple[SearchIdentity, Trial]]) -> Reuse | None:
    """Return the result of the trial that ended first: a choice by reward would be a choice of the luckiest."""
    found = [(_end(search, trial), result) for search, trial in trials if (result := result_of(search, trial))]
    return min(found, key=lambda each: each[0])[1] if found else None


def _end(search: SearchIdentity, trial: Trial) -> tuple[float, str, int]:
    ended = 0.0 if trial.completion_time is None else trial.completion_time.timestamp()
    return ended, search.uid, trial.index
