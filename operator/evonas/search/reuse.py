"""What makes two trials the same, and how one reuses the result of another (``spec.reuseResults``). Pure.

A result to reuse is looked up once, when a trial is recorded, and recorded with it: a trial with ``reused`` is never
run, and one without never reuses a result. The trial's name, which only one process can create, thus settles this too,
and a crash or a change of the source afterwards has no effect. To the agent it is a result like any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from evonas.search.codec import SearchIdentity
from evonas.search.trial import Reuse, Trial, TrialState
from evonas.space import Value, normalise
from evonas.spec import Reach, SearchSpec, TrialSpec

VERSION = 1
"""Incremented whenever the same report would lead to a different result."""
DIGITS = 32

Find = Callable[[str], Reuse | None]
"""Returns the result for a fingerprint, if any."""


def fingerprint_of(spec: SearchSpec, decisions: Mapping[str, Value]) -> str:
    """Return a fingerprint shared by trials that get the same input, run the same and are judged the same. It leaves
    out what differs between any two trials: names, indexes, and the seed derived from these; and what may end a trial
    but does not affect its result: time limits and retries.
    """
    # Neither the target nor the reference affects a result.
    objectives = [
        {name: value for name, value in asdict(each).items() if name not in ("target", "reference")}
        for each in spec.objectives
    ]
    told = {
        "version": VERSION,
        "decisions": {name: normalise(value) for name, value in decisions.items()},
        **_trained_by(spec.trial),
        "container": spec.trial.container,
        "objective": objectives if spec.has_several else objectives[0],
    }
    if spec.fidelity is not None:
        # A program may train for as long as the last rung.
        told["rungs"] = spec.fidelity.steps
    if spec.trial.report is not None:
        told["report"] = asdict(spec.trial.report)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:DIGITS]


def _trained_by(trial: TrialSpec) -> dict[str, Any]:
    if trial.workload is None:
        return {"template": trial.template}
    kind, chosen = trial.workload.kind, trial.workload.reporting_labels
    return {"workload": [kind.api_version, kind.kind, trial.workload.spec, chosen]}


def with_known_result(spec: SearchSpec, trial: Trial, find: Find) -> Trial:
    """Return a trial that is to be recorded, with the result of another search's trial if it is to be reused.

    A confirmation, or a repeat, measures the noise of a result: it is always run.
    """
    if spec.reuse_results is Reach.NEVER or trial.is_confirmation or trial.is_repeat:
        return trial
    return replace(trial, reused=find(fingerprint_of(spec, trial.decisions)))


def result_of(search: SearchIdentity, trial: Trial) -> Reuse | None:
    """Return what other trials may reuse: a trial's result, under the name of the trial that was run for it."""
    if not trial.state.teaches or trial.state is TrialState.STOPPED:
        return None
    if trial.fingerprint is None or trial.is_confirmation or trial.is_repeat:
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
    """Return the result of the trial that ended first: choosing by reward would favour the luckiest."""
    found = [(_end(search, trial), result) for search, trial in trials if (result := result_of(search, trial))]
    return min(found, key=lambda each: each[0])[1] if found else None


def _end(search: SearchIdentity, trial: Trial) -> tuple[float, str, int]:
    ended = 0.0 if trial.completion_time is None else trial.completion_time.timestamp()
    return ended, search.uid, trial.index
