"""What a kind of workload tells a search: the one interface between a trial and the engine that runs its pods.

An engine (JobSet, Kubeflow Trainer, KubeRay, Kubernetes' own Job controller) makes pods of an object, replaces those
that are lost, and says in the object's status how it goes. A ``Kind`` knows the object: where its pod templates are,
what its conditions mean, which pod is which. Nothing here does I/O; ``cluster`` acts on what it says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from evonas.errors import FieldProblem

FIELD = "spec.trial.workload.spec"
"""Where a workload's spec is in a search's manifest."""
NAME_LENGTH = 63
"""Longest name of a pod that has a host name, and longest value of a label."""
KUBERNETES = "Kubernetes"
"""The engine that every cluster has."""
ALIKE = -1
"""The rank of pods that are alike."""
SHORTEST_NAME = 24
"""Room that the name of any attempt needs (``search.names.workload_name``)."""


@dataclass(frozen=True)
class PodGroup:
    """Pods that are made of one template."""

    name: str
    count: int
    template: Mapping[str, Any]
    """Their pod template."""
    field: str
    """Its path in the manifest."""
    is_flat: bool = False
    """Whether the manifest has the fields of its only container there, instead of a template."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels that their template gives them."""
        return (self.template.get("metadata") or {}).get("labels") or {}

    def container_field(self, container: str) -> str:
        """Return the path of a container in the manifest."""
        names = [item["name"] for item in self.template["spec"]["containers"]]
        return self.field if self.is_flat else f"{self.field}.spec.containers[{names.index(container)}]"

    def container(self, wanted: str | None) -> str:
        """Return the name of the container that trains: the wanted one if there is one of that name, else the first."""
        names = [container["name"] for container in self.template["spec"]["containers"]]
        return wanted if wanted is not None and wanted in names else str(names[0])


@dataclass(frozen=True)
class Place:
    """Which pod of a workload a pod is; its successor has the same place."""

    group: str
    rank: int
    """Its number in the group, from 0; ``ALIKE`` where its engine numbers none: each has a place of its own then."""
    start: int = 0
    """How often the engine had started the whole workload again before."""
    run: str = field(default="", compare=False)
    """Where an engine does not number its starts: the name of this one, which is later if its pods are."""


@dataclass(frozen=True)
class Standing:
    """Where a workload stands, in its engine's words."""

    complete: bool = False
    failed: bool = False
    reason: str = ""
    message: str = ""
    ended: datetime | None = None
    suspended: bool = False
    released: bool = False
    """Whether its time to live is set."""
    begun: datetime | None = None
    """When the training began, where no container's start is that (``trains_in_container``)."""
    exit_code: int | None = None
    """That of a training which failed, in the same case, if the engine knows it."""


@dataclass(frozen=True)
class Change:
    """What an attempt adds to each pod of its workload."""

    labels: Mapping[str, str]
    env: tuple[Mapping[str, Any], ...]
    """Entries of a container's ``env``."""
    container: str | None
    """The container that gets them, in a group that has one of that name."""
    service_account: str | None
    """For pods that name none."""
    fields: frozenset[str] = frozenset()
    """Those of the workload's spec that the cluster knows, where they vary."""


class Kind(ABC):
    """One kind of workload. Its methods take a ``spec`` that has no ``problems``."""

    api_version: ClassVar[str]
    kind: ClassVar[str]
    plural: ClassVar[str]
    engine: ClassVar[str]
    """What must be installed for it."""
    has_time_to_live: ClassVar[bool] = True
    """Whether its engine deletes it some time after its end, if told to."""
    pod_label: ClassVar[str | None] = None
    """Where its pods may not be given our labels: the one of theirs that is its name."""
    uid_label: ClassVar[str | None] = None
    """The label of its pods that holds its UID, where they have one."""
    varies: ClassVar[bool] = False
    """Whether versions of its engine serve the same version of its API with other fields."""
    trains_in_container: ClassVar[bool] = True
    """Whether the training is what the container of the reporting pod runs, so that it ends with it. Otherwise the
    object says how it ended, ``prints`` names the container with its output, and its pods stay until it is released.
    """

    @property
    def group_version(self) -> tuple[str, str]:
        """Its API group, and the version of that."""
        group, _, version = self.api_version.partition("/")
        return group, version

    @property
    def name(self) -> str:
        """What people call it, and what enables it."""
        return self.kind

    @abstractmethod
    def problems(self, spec: Mapping[str, Any]) -> Iterator[FieldProblem]:
        """Name what keeps a search from running it; everything else is the API server's to check."""

    @abstractmethod
    def groups(self, spec: Mapping[str, Any]) -> tuple[PodGroup, ...]:
        """Return its groups of pods."""

    @abstractmethod
    def reporter(self, spec: Mapping[str, Any]) -> Place:
        """Return the place of the pod that reports, where the search does not choose one."""

    @abstractmethod
    def longest_name(self, spec: Mapping[str, Any]) -> int:
        """Return how long its name may be, so that what the engine derives from it is not too long."""

    @abstractmethod
    def build(self, spec: Mapping[str, Any], change: Change) -> dict[str, Any]:
        """Return its spec for one attempt."""

    def jobs(self, spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield a Job's spec for each pod template that ``build`` gave, with the path of what it is of.

        An API server takes whatever stands in a custom object's template, and would refuse the pods later: these Jobs
        let it judge before.
        """
        yield from ()

    @abstractmethod
    def read(self, body: Mapping[str, Any]) -> Standing:
        """Return where an object of this kind stands."""

    @abstractmethod
    def place(self, labels: Mapping[str, str]) -> Place | None:
        """Return which of its pods a pod is, by its labels; None for one that does not count, such as a helper."""

    def prints(self, spec: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
        """Return which container of a pod with these labels prints what the training does; None if none of them does.

        Asked only where the training is not in the container of the pod that reports.
        """
        raise NotImplementedError(f"{self.name} trains in the container of the pod that reports")

    def suspend(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Return the spec of a workload that waits until a queue lets it run."""
        return {**spec, "suspend": True}

    def release(self, seconds: int) -> dict[str, Any]:
        """Return the changes to an object's spec that let it be deleted after so many seconds, and free what it still
        holds. Where the engine has no time to live, the operator deletes it.
        """
        return {"ttlSecondsAfterFinished": seconds}


@dataclass(frozen=True)
class Workload:
    """The workload that trains each candidate of a search."""

    kind: Kind
    spec: Mapping[str, Any]
    """As written."""
    reporting_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels in the template of the pod that reports; empty if the kind chooses it."""

    # Each pass asks all of this for each pod, and a search keeps its spec.
    @cached_property
    def groups(self) -> tuple[PodGroup, ...]:
        """Its groups of pods."""
        return self.kind.groups(self.spec)

    @cached_property
    def pods(self) -> int:
        """How many pods it has."""
        return sum(group.count for group in self.groups)

    @property
    def labelled_group(self) -> PodGroup | None:
        """The first group whose template has the labels of the pod that is to report; None if there is none."""
        wanted = self.reporting_labels.items()
        return next((group for group in self.groups if wanted <= group.labels.items()), None)

    @cached_property
    def reporter(self) -> Place:
        """The place of the pod that reports: the first of the group that has its labels, else the kind's choice."""
        group = self.labelled_group if self.reporting_labels else None
        return self.kind.reporter(self.spec) if group is None else Place(group.name, 0)

    @property
    def reporting_group(self) -> PodGroup:
        """The group of the pod that reports."""
        wanted = self.reporter.group
        return next(group for group in self.groups if group.name == wanted)

    @property
    def is_alone(self) -> bool:
        """Whether it is a Job with a single pod, which needs nothing that other trials do not."""
        return self.kind.engine == KUBERNETES and self.pods == 1

    def is_reporter(self, labels: Mapping[str, str]) -> bool:
        """Say whether a pod with those labels is at the place of the one that reports."""
        place = self.kind.place(labels)
        return place is not None and self.reports(place)

    def printer(self, labels: Mapping[str, str], container: str) -> str | None:
        """Return which container of a pod prints what the training does; None if none of them does. ``container`` is
        the one that trains in the pod that reports.
        """
        if self.kind.trains_in_container:
            return container if self.is_reporter(labels) else None
        return self.kind.prints(self.spec, labels)

    def reports(self, place: Place) -> bool:
        """Say whether the pod at that place is the one that reports."""
        chosen = self.reporter
        return (place.group, place.rank) == (chosen.group, chosen.rank)
