"""When things happened on a cluster, as seen by a watch independent of the operator's."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3
from kubernetes import client, config, watch

from evonas.cluster.client.resources import JOBS, TRIALS, Resource, resource_of
from evonas.cluster.state.crowd import telling_pods
from evonas.cluster.state.objects import read_pod
from evonas.cluster.state.records import AttemptName
from evonas.search.names import REWARD_ANNOTATION, TRIAL_LABEL
from evonas.spec import TrialSpec
from harness.client import Cluster


@dataclass
class Timeline:
    """Times in seconds since the epoch, in the order in which they were seen."""

    pods: list[float] = field(default_factory=list)
    """Creations of pods."""
    ends: list[float] = field(default_factory=list)
    """Ends of pods; of several pods of a trial, of the one that reports."""
    workloads: list[float] = field(default_factory=list)
    """Creations of Jobs, or of workloads of several pods."""
    reports: dict[str, float] = field(default_factory=dict)
    """By pod: when its reward was seen."""
    exits: dict[str, float] = field(default_factory=dict)
    """By pod: when the end of its containers was seen."""
    freed: dict[str, float] = field(default_factory=dict)
    """By trial: when its last pod was seen to have ended, or to be gone."""
    stops: dict[str, float] = field(default_factory=dict)
    """By trial: when the decision to stop it at a rung was seen."""

    def stop_times(self) -> list[float]:
        """Return how long after each decision to stop a trial its GPU was free."""
        return [max(0.0, self.freed[trial] - decided) for trial, decided in self.stops.items() if trial in self.freed]

    def turnarounds(self, in_flight: int, ends: Sequence[float] | None = None) -> list[float]:
        """Return how long each freed slot stayed empty: from the i-th end to the i-th creation after it."""
        ended = sorted(self.ends if ends is None else ends)
        return [created - end for end, created in zip(ended, self.workloads[in_flight:], strict=False)]


@contextmanager
def watching(cluster: Cluster, namespace: str, trial: TrialSpec | None = None) -> Iterator[Timeline]:
    """Watch pods and Jobs while the block runs; of a ``trial`` of several pods, its workloads."""
    configuration = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), client_configuration=configuration)
    api = client.ApiClient(configuration)
    # Here and not in the threads: the client imports its models, seconds of CPU, when its APIs are first used.
    listed_pods = client.CoreV1Api(api).list_namespaced_pod
    listed = client.CustomObjectsApi(api).list_namespaced_custom_object
    timeline = Timeline()
    # Dictionaries: a pod as the client's own class takes milliseconds of each event, and what is seen is late.
    watches = [watch.Watch("object") for _ in range(3)]

    def watch_pods() -> None:
        ended: set[str] = set()
        for event in watches[0].stream(listed_pods, namespace):
            pod = event["raw_object"]
            uid = pod["metadata"]["uid"]
            if event["type"] == "ADDED":
                timeline.pods.append(time.time())
            if REWARD_ANNOTATION in pod["metadata"].get("annotations", {}):
                timeline.reports.setdefault(uid, time.time())
            if all("terminated" in item["state"] for item in pod["status"].get("containerStatuses", [{"state": {}}])):
                timeline.exits.setdefault(uid, time.time())
            is_over = event["type"] == "DELETED" or pod["status"].get("phase") in ("Succeeded", "Failed")
            if is_over and uid not in ended and _reports(trial, pod):
                ended.add(uid)
                timeline.ends.append(time.time())
            if is_over and (name := pod["metadata"].get("labels", {}).get(TRIAL_LABEL)) is not None:
                timeline.freed.setdefault(name, time.time())

    workload = None if trial is None else trial.workload
    kind = JOBS if workload is None else resource_of(workload.kind.name)

    def watch_kind(watcher: watch.Watch, kind: Resource) -> Iterator[dict[str, Any]]:
        yield from watcher.stream(listed, kind.group, kind.version, namespace, kind.plural)

    def watch_workloads() -> None:
        for event in watch_kind(watches[1], kind):
            if event["type"] == "ADDED":
                timeline.workloads.append(time.time())

    def watch_trials() -> None:
        for event in watch_kind(watches[2], TRIALS):
            body = event["object"]
            if body.get("status", {}).get("state") == "Stopped":
                timeline.stops.setdefault(body["metadata"]["name"], time.time())

    def until_the_cluster_ends(target: Callable[[], None]) -> None:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            target()

    for target in (watch_pods, watch_workloads, watch_trials):
        threading.Thread(target=until_the_cluster_ends, args=[target], daemon=True).start()
    yield timeline
    for watcher in watches:
        watcher.stop()


def _reports(trial: TrialSpec | None, pod: dict[str, Any]) -> bool:
    # Whose pod it is does not matter, and not every kind's pods say it.
    return trial is None or bool(telling_pods(trial, [read_pod(pod, AttemptName("", 0, 1))]))


def quantiles(values: Sequence[float]) -> dict[str, Any]:
    """Return median, p95 and p99 as a table's columns; hyphens where there is no value."""
    ordered = sorted(values)
    return {
        name: f"{ordered[min(len(ordered) - 1, int(len(ordered) * share))]:.3f} s" if ordered else "-"
        for name, share in (("median", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
