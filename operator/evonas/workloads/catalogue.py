"""The kinds of workload that a search can run."""

from __future__ import annotations

from evonas.workloads.indexed_job import IndexedJob
from evonas.workloads.interface import KUBERNETES, Kind
from evonas.workloads.jobset import JobSet
from evonas.workloads.rayjob import RayJob
from evonas.workloads.trainjob import TrainJob

KINDS: tuple[Kind, ...] = (IndexedJob(), JobSet(), TrainJob(), RayJob())
ENGINES: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind.engine != KUBERNETES)
"""Those that need something installed: an operator runs them where they are enabled."""


def find_kind(api_version: str, kind: str) -> Kind | None:
    """Return the kind of that name; None if searches cannot run it."""
    return next((each for each in KINDS if (each.api_version, each.kind) == (api_version, kind)), None)


def kind_named(name: str) -> Kind:
    """Return a kind by its own name; KeyError if there is none."""
    return _BY_NAME[name]


def pod_label_of(name: str) -> str | None:
    """Return by which label the pods of an attempt's kind are found that carry none of ours; None if they do."""
    return _BY_NAME[name].pod_label if name in _BY_NAME else None


def option_of(name: str) -> str:
    """Return what the chart's values call a kind."""
    return f"workloads.{name[0].lower()}{name[1:]}"


_BY_NAME = {each.name: each for each in KINDS}
