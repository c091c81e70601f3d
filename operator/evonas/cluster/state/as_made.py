"""How attempts were made, whatever their search says by now: an edit is for those that start later. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

from evonas.cluster.state.records import PLAIN_JOB, WorkloadRecord
from evonas.gpus import count_gpus
from evonas.spec import TrialSpec
from evonas.workloads.catalogue import kind_named
from evonas.workloads.interface import Workload
from evonas.workloads.parsing import gpus_of
from evonas.workloads.shape import spec_of


def as_made(trial: TrialSpec, record: WorkloadRecord) -> TrialSpec:
    """Return how a search's trials are trained, with the pods, containers and GPUs of the attempt that has this object;
    the search's own where it cannot be read, since anybody may have changed it.
    """
    if record.shape is None:
        return trial
    # Whatever the API server takes may stand there.
    with suppress(AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        if record.kind == PLAIN_JOB:
            return _with_template(trial, record.shape)
        if trial.workload is not None:
            return _with_workload(trial, record.kind, record.shape, trial.workload.reporting_labels)
    return trial


def _with_template(trial: TrialSpec, shape: str) -> TrialSpec:
    pod = spec_of(shape)["template"]["spec"]
    names = [container["name"] for container in pod["containers"]]
    container = trial.container if trial.container in names else names[0]
    return replace(trial, container=container, gpus=count_gpus(pod, trial.accounting))


def _with_workload(trial: TrialSpec, kind: str, shape: str, labels: Mapping[str, str]) -> TrialSpec:
    made = _workload(kind, shape, tuple(sorted(labels.items())))
    group_gpus = gpus_of(made, trial.accounting)
    container = made.reporting_group.container(trial.container)
    return replace(trial, workload=made, group_gpus=group_gpus, container=container)


@lru_cache(maxsize=256)
def _workload(kind: str, shape: str, labels: tuple[tuple[str, str], ...]) -> Workload:
    return Workload(kind_named(kind), spec_of(shape), dict(labels))
