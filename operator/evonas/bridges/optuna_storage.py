"""Writes a search's record into an Optuna storage, so that Optuna's dashboard and plots work on it.

Stopped and paused trials become pruned ones, with what they had at their rungs as intermediate values, and infeasible
trials too, as Optuna's samplers treat them; the attribute ``state`` tells them apart. Failed and cancelled trials are
failed ones there.
Confirmations are left out: they are not separate candidates.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evonas.bridges.trial_attributes import attributes_of, learning_curve
from evonas.errors import EvonasError
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.schema import check_and_default
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
    directions = optuna.study.StudyDirection
    direction = directions.MINIMIZE if record.spec.objective.minimize else directions.MAXIMIZE
    name = record.identity.name
    try:
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        study = optuna.create_study(storage=storage, study_name=name, direction=direction)
    except optuna.exceptions.DuplicatedStudyError as error:
        raise EvonasError(f"{path} already holds a study {name}; name another file") from error
    except SQLAlchemyError as error:
        raise EvonasError(f"cannot write {path}: {str(error).splitlines()[0]}") from error
    study.set_user_attr("evonas_source", record.source)
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
        # As Optuna does it: a pruned trial's value is what it had last.
        value=trial.last_value,
        params=dict(trial.decisions),
        distributions={name: distributions[name] for name in trial.decisions},
        user_attrs=facts,
        intermediate_values=dict(learning_curve(record, trial)),
    )
    # Optuna stores local times without a time zone.
    if trial.start_time is not None:
        made.datetime_start = trial.start_time.astimezone().replace(tzinfo=None)
    if trial.completion_time is not None and not trial.state.holds_place:
        made.datetime_complete = trial.completion_time.astimezone().replace(tzinfo=None)
    return made


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
