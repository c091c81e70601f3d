"""The pods of workloads that may not give them our labels, such as TrainJobs: known by the name of their workload.

An engine labels each of its pods with that name, and the name says whose attempt it is (``search.names``). So all pods
with such a label are looked at; those of other people's workloads are dropped at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from evonas.cluster.client.api import ApiError
from evonas.cluster.client.collection import Collection
from evonas.cluster.client.resources import PODS, WORKLOADS, Resource
from evonas.cluster.state.objects import read_or_skip, read_pod
from evonas.cluster.state.records import AttemptName, PodRecord
from evonas.cluster.state.store import Store
from evonas.search.names import ATTEMPT_LABEL, INDEX_LABEL, MANAGED_BY_SELECTOR, SEARCH_UID_LABEL, WITHOUT_OUR_LABELS
from evonas.workloads.catalogue import ENGINES, pod_label_of

Read = Callable[[Mapping[str, Any]], PodRecord | None]


def pod_labels_of(watched: Iterable[Resource]) -> list[str]:
    """Return the labels by which the pods of such kinds among the watched ones are found."""
    found = set(watched)
    labels = (kind.pod_label for kind in ENGINES if WORKLOADS[kind.name] in found)
    return sorted({label for label in labels if label is not None})


def collection_of(label: str, namespace: str | None) -> Collection:
    """Return what is watched for a label."""
    return Collection(PODS, namespace, selector_of(label))


def selector_of(label: str) -> str:
    """Return the selector of the pods that have a label and none of ours."""
    return f"{label},{WITHOUT_OUR_LABELS}"


def read_by(store: Store, label: str) -> Read:
    """Return what reads such pods: None for one that is not of a search that is known."""
    return partial(_read_named, store, label)


def known_by(store: Store, label: str) -> list[PodRecord]:
    """Return those pods that the store has."""
    return [pod for pod in store.all_pods(labelled=False) if label in pod.labels]


def find_of(kind: str, name: str, attempt: AttemptName) -> tuple[str, Read]:
    """Return how the pods of one attempt are listed, and what reads them, given the kind and name of its workload."""
    label = pod_label_of(kind)
    if label is not None:
        return f"{label}={name}", lambda body: read_pod(body, None if SEARCH_UID_LABEL in _labels(body) else attempt)
    labels = {SEARCH_UID_LABEL: attempt.search_uid, INDEX_LABEL: attempt.index, ATTEMPT_LABEL: attempt.attempt}
    return ",".join([MANAGED_BY_SELECTOR, *(f"{key}={value}" for key, value in labels.items())]), read_pod


class UnlabelledPods:
    """Keeps the store current about the pods with a label, in a namespace or in all; fed by ``follow``."""

    def __init__(self, store: Store, label: str, namespace: str | None) -> None:
        self._store = store
        self._label = label
        self._namespace = namespace
        self._read = read_by(store, label)
        self._unlisted: dict[str, PodRecord] = {}
        """Known before a list that has not told of them so far, by UID."""

    def begin(self) -> None:
        """A list begins."""
        known = known_by(self._store, self._label)
        self._unlisted = {pod.uid: pod for pod in known if self._namespace in (None, pod.namespace)}

    def put(self, body: dict[str, Any]) -> None:
        """A pod exists like this."""
        record = read_or_skip(self._read, body)
        if record is not None:
            self._unlisted.pop(record.uid, None)
            self._store.put_pod(record)

    def drop(self, body: Mapping[str, Any]) -> None:
        """A pod was deleted."""
        record = read_or_skip(self._read, body)
        if record is not None:
            self._store.drop_pod(record)

    def end(self) -> None:
        """A list is over: what it did not tell of is gone."""
        for record in self._unlisted.values():
            self._store.drop_pod(record)
        self._unlisted = {}

    def is_current(self) -> None:
        """Nothing waits for that: every pass acts on what is known."""

    def is_stale(self, error: ApiError) -> None:
        """The next list, here or at the next resync, makes up for it; ``follow`` has logged the error."""


def _read_named(store: Store, label: str, body: Mapping[str, Any]) -> PodRecord | None:
    metadata = body["metadata"]
    attempt = store.attempt_named(metadata["namespace"], _labels(body)[label])
    return None if attempt is None else read_pod(body, attempt)


def _labels(body: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = body["metadata"]["labels"]
    return labels
