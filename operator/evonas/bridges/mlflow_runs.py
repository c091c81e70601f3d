"""Writes a search's record into an MLflow tracking store: one run per finished trial, each once, and one per paused
trial once the search is over.

A run carries the search's UID and the trial's index as tags, by which the next export recognises it. A run that never
ended was left by an interrupted export: it is deleted and rewritten, as is that of a trial that was paused and has gone
on since, because the search was given more trials.

In a search with several objectives, a run has a metric for each, and a tag that says whether its trial is on the front;
the tags of earlier exports are brought up to date, since later trials may dominate what was on the front.
"""

from __future__ import annotations

import json
import logging
import os
import posixpath
import re
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from evonas.bridges.trial_attributes import attributes_of, learning_curve
from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch
from evonas.search.names import trial_name
from evonas.search.objective import values_of
from evonas.search.trial import Trial, TrialState
from evonas.space import Value

UID_TAG, INDEX_TAG, PAUSED_TAG, FRONT_TAG = "evonas.uid", "evonas.index", "evonas.paused_at", "evonas.front"
OBJECTIVE = "objective/"
"""What the names of metrics begin with that are the values of several objectives, soft constraints included."""
PAGE = 1000
BATCH = 100
"""The most parameters MLflow takes in one request; a search may have more decisions."""
_ENVIRONMENT = {
    # MLflow retries for minutes by default, while the user waits at the terminal.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    # No telemetry about what a user runs.
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_STATUS = {
    TrialState.SUCCEEDED: "FINISHED",
    TrialState.STOPPED: "KILLED",
    TrialState.PAUSED: "KILLED",
    TrialState.CANCELLED: "KILLED",
}
DATABASES = ("mssql", "mysql", "postgresql", "sqlite")
"""The schemes of stores that the client opens itself, by SQLAlchemy, which the client alone does not bring."""
AT_RUNGS = "reward_at_rungs"
"""Name of the metric with a value at each rung. Not ``reward``, which only a full training has."""


def write_runs(record: RecordedSearch, uri: str, experiment: str) -> tuple[int, int]:
    """Write the finished trials that ``experiment`` lacks; return how many were written, and how many it now has.

    EvonasError if MLflow's client is not installed, or the store refuses or does not answer.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient  # noqa: PLC0415
    except ImportError as error:
        raise EvonasError("writing to MLflow needs its client: pip install 'evonas[mlflow]'") from error
    if uri.startswith(DATABASES) and find_spec("sqlalchemy") is None:
        raise EvonasError(f"MLflow needs SQLAlchemy for the database {uri}: pip install 'mlflow'")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    ended = [trial for trial in record.trials if trial.state.is_final or (_is_paused(trial) and record.phase.is_over)]
    try:
        client = MlflowClient(uri)
        found = client.get_experiment_by_name(experiment)
        identifier = client.create_experiment(experiment) if found is None else found.experiment_id
        written = _written(client, identifier, record)
        missing = [trial for trial in ended if trial.index not in written]
        for index, run in written.items():
            _renew(client, record, index, run)
        for trial in missing:
            _write(client, identifier, record, trial)
    except _refusals() as error:
        raise EvonasError(f"MLflow at {uri}: {str(error).splitlines()[0]}") from error
    except ImportError as error:
        raise EvonasError(f"MLflow needs {error.name} for {uri}: pip install 'mlflow'") from error
    return len(missing), len(ended)


def _refusals() -> tuple[type[Exception], ...]:
    """Return what the client raises when a store refuses or cannot be opened."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    try:
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415
    except ImportError:
        # Without it, the store cannot be a database.
        return MlflowException, OSError
    return MlflowException, OSError, SQLAlchemyError


def _written(client: Any, experiment: str, record: RecordedSearch) -> dict[int, Any]:
    """Return the runs that are complete, by trial; incomplete and outdated runs are deleted."""
    whole = {}
    # Read all pages first: a deletion would shift where the next one begins.
    for run in list(_runs(client, experiment, record.identity.uid)):
        index, paused_at = int(run.data.tags[INDEX_TAG]), run.data.tags.get(PAUSED_TAG)
        if run.info.status == "RUNNING" or paused_at not in (None, _paused_at(record.trial(index))):
            client.delete_run(run.info.run_id)
        else:
            whole[index] = run
    return whole


def _renew(client: Any, record: RecordedSearch, index: int, run: Any) -> None:
    """Have a run say whether its trial is on the front now."""
    trial = record.trial(index)
    now = {} if trial is None else _front_tags(record, trial)
    for tag, value in now.items():
        if run.data.tags.get(tag) != value:
            client.set_tag(run.info.run_id, tag, value)


def _front_tags(record: RecordedSearch, trial: Trial) -> dict[str, str]:
    """Return whether a result is on the front; nothing for a trial without one, and of a search with one objective."""
    if not record.spec.has_several or trial.reward is None or trial.is_confirmation:
        return {}
    return {FRONT_TAG: json.dumps(any(member.index == trial.index for member in record.totals.front.members))}


def _is_paused(trial: Trial) -> bool:
    return trial.state is TrialState.PAUSED


def _paused_at(trial: Trial | None) -> str:
    """Return the step at which a trial is paused; empty if it is not."""
    return str(trial.rungs[-1].step) if trial is not None and _is_paused(trial) else ""


def _runs(client: Any, experiment: str, uid: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{UID_TAG}` = '{uid}'", max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _write(client: Any, experiment: str, record: RecordedSearch, trial: Trial) -> None:
    from mlflow.entities import Metric, Param  # noqa: PLC0415

    identity = record.identity
    facts = {"search": identity.name, "uid": identity.uid, "source": record.source, "state": trial.state.value}
    facts |= attributes_of(trial) | ({} if trial.proposal.repeat is None else {"repeat": trial.proposal.repeat})
    tags = {f"evonas.{name}": _text(fact) for name, fact in facts.items() if fact not in (None, "", [])}
    tags |= {PAUSED_TAG: at} if (at := _paused_at(trial)) else {}
    tags |= _front_tags(record, trial)
    name = trial_name(identity.name, identity.uid, trial.index)
    start, end = _milliseconds(trial.start_time), _milliseconds(trial.completion_time)
    run = client.create_run(experiment, start_time=start, tags=tags, run_name=name).info.run_id
    results = {**trial.metrics, **_results(record, trial)}
    params = [Param(name, _text(value)) for name, value in trial.decisions.items()]
    for first in range(0, len(params), BATCH):
        client.log_batch(run, params=params[first : first + BATCH])
    metrics = [Metric(_metric_name(name), value, end or 0, 0) for name, value in results.items()]
    metrics += [Metric(AT_RUNGS, value, end or 0, step) for step, value in learning_curve(record, trial)]
    client.log_batch(run, metrics)
    client.set_terminated(run, _STATUS.get(trial.state, "FAILED"), end)


def _results(record: RecordedSearch, trial: Trial) -> dict[str, float]:
    """Return the reward or, of several objectives, the value of each."""
    if not record.spec.has_several:
        return {} if trial.reward is None else {"reward": trial.reward}
    objectives = record.spec.objectives
    values = values_of(objectives, trial) or ()
    return {f"{OBJECTIVE}{each.name}": value for each, value in zip(objectives, values, strict=False)}


def _text(value: Value | Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _metric_name(name: str) -> str:
    """Return a name that MLflow accepts: a limited character set, and no path that leads elsewhere."""
    usual = re.sub(r"[^\w .:/-]", "_", name, flags=re.ASCII)
    if posixpath.normpath(usual) == usual and not usual.startswith((".", "/")):
        return usual
    return re.sub(r"[./]", "_", usual) or "_"


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
