"""Writes a search's record into an Optuna storage, so that Optuna's dashboard and plots work on it.

Stopped and paused trials become pruned ones, with what they had at their rungs as intermediate values, and infeasible
trials too, as Optuna's samplers treat them; the attribute ``state`` tells them apart. Failed and cancelled trials are
failed ones there.
Confirmations are left out: they are not separate candidates.

A search with several objectives becomes a study with as many directions, whose best trials are its front. A result that
is worse than a reference, and so on no front, violates a constraint there. Of equal results, only the first is on the
front, while Optuna counts them all.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evonas.bridges.trial_attributes import attributes_of, learning_curve
from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.schema import check_and_default
from evonas.search.objective import oriented, values_of
from evonas.search.trial import Trial, TrialState
from evonas.space import Decision, is_number


def write_storage(record: RecordedSearch, path: Path) -> None:
    """Write the record into the SQLite file ``path`` as a study named after the search.

    EvonasError if Optuna is not installed, or the file cannot be written or already holds a study of that name.
    """
    try:
        import optuna  # noqa: PLC0415
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415
    except ImportError as error:
        raise EvonasError("an Optuna storage needs Optuna: pip install 'evonas[optuna]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not path.absolute().parent.is_dir():
        raise EvonasError(f"cannot write {path}: {path.parent} is not a folder")
    distributions = _distributions(record)
    both, objectives = optuna.study.StudyDirection, record.spec.objectives
    directions = [both.MINIMIZE if each.minimize else both.MAXIMIZE for each in objectives]
    name = record.identity.name
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        study = optuna.create_study(storage=storage, study_name=name, directions=directions)
    except optuna.exceptions.DuplicatedStudyError as error:
        raise EvonasError(f"{path} already holds a study {name}; name another file") from error
    except SQLAlchemyError as error:
        raise EvonasError(f"cannot write {path}: {str(error).splitlines()[0]}") from error
    with warnings.catch_warnings():
        # Optuna calls the names experimental; its plots and data frames go by them.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([each.name for each in objectives])
    study.set_user_attr("evonas_source", record.source)
    if record.spec.has_several:
        study.set_user_attr("evonas_metrics", [each.name for each in objectives])
    else:
        study.set_user_attr("evonas_metric", record.spec.objective.name)
    study.add_trials([_trial(record, trial, distributions) for trial in record.trials if not trial.is_confirmation])


def _trial(record: RecordedSearch, trial: Trial, distributions: Mapping[str, Any]) -> Any:
    from optuna.trial import TrialState as State  # noqa: PLC0415
    from optuna.trial import create_trial  # noqa: PLC0415

    states = {
        TrialState.SUCCEEDED: State.COMPLETE,
        TrialState.INFEASIBLE: State.PRUNED,
        TrialState.STOPPED: State.PRUNED,
        TrialState.PAUSED: State.PRUNED,
        TrialState.FAILED: State.FAIL,
        TrialState.CANCELLED: State.FAIL,
    }
    facts = {"state": trial.state.value} | attributes_of(trial)
    facts |= {f"metric_{name}": value for name, value in trial.metrics.items()}
    made = create_trial(
        state=states.get(trial.state, State.RUNNING),
        values=_values(record, trial),
        params=dict(trial.decisions),
        distributions={name: distributions[name] for name in trial.decisions},
        user_attrs=facts,
        intermediate_values=dict(learning_curve(record, trial)),
        constraints=_constraints(record, trial),
    )
    # Optuna stores local times without a time zone.
    if trial.start_time is not None:
        made.datetime_start = trial.start_time.astimezone().replace(tzinfo=None)
    if trial.completion_time is not None and not trial.state.holds_place:
        made.datetime_complete = trial.completion_time.astimezone().replace(tzinfo=None)
    return made


def _values(record: RecordedSearch, trial: Trial) -> Sequence[float] | None:
    if record.spec.has_several:
        # Of these, Optuna knows no values before the end.
        return values_of(record.spec.objectives, trial)
    # As Optuna does it: a pruned trial's value is what it had last.
    return None if trial.last_value is None else [trial.last_value]


def _constraints(record: RecordedSearch, trial: Trial) -> dict[str, float] | None:
    """Return by how much a result is worse than each reference, above 0 if it is; None where that is not asked."""
    values = values_of(record.spec.objectives, trial) if record.spec.has_several else None
    found = {
        f"reference of {each.name}": oriented(each, each.reference) - oriented(each, value)
        for each, value in zip(record.spec.objectives, values or (), strict=False)
        if each.reference is not None
    }
    return found or None


def _distributions(record: RecordedSearch) -> dict[str, Any]:
    """Return each decision's values as an Optuna distribution: numbers as a range, so that its plots have axes."""
    space = check_and_default(manifest_of(record.body))[0]["spec"]["searchSpace"]
    logs = {item["name"] for item in space if item.get("range", {}).get("scale") == "log"}
    return {
        decision.name: _distribution(decision, log=decision.name in logs) for decision in record.spec.space.decisions
    }


def _distribution(decision: Decision, *, log: bool) -> Any:
    from optuna.distributions import (  # noqa: PLC0415
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    values: list[Any] = list(decision.values)
    if not all(map(is_number, values)) or len(values) == 1:
        return CategoricalDistribution(values)
    if all(isinstance(value, int) for value in values):
        return IntDistribution(min(values), max(values), log=log)
    return FloatDistribution(min(values), max(values), log=log)
