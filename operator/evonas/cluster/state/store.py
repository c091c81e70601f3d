"""What the operator knows of the cluster: slim records by search, updated by streams, its own writes and resync.

Every change marks its search dirty: of an object's many versions those that say something else, and once a trial has
ended of its pods only the last one's end, which frees what they held. Nothing here waits or does I/O, so a handler may
call it for any event. An older version of an object never replaces a newer one: our own writes are entered at once, and
the streams lag behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from evonas.cluster.client.resources import Resource, resource_of
from evonas.cluster.state.fingerprints import Fingerprints
from evonas.cluster.state.readings import Reading
from evonas.cluster.state.records import AttemptName, PodRecord, SearchRecord, TrialRecord, Versioned, WorkloadRecord
from evonas.search.names import read_workload_name, uid_hash
from evonas.search.reuse import first_result
from evonas.search.table import TrialTable
from evonas.search.trial import Reuse

AttemptKey = tuple[int, int]
"""Index of the trial and number of the attempt."""
_CLOCKS = timedelta(seconds=2)
"""By how much the API server's clock, which dates objects in whole seconds, may be behind ours."""


class Children:
    """What belongs to one search."""

    def __init__(self) -> None:
        self.trials: dict[int, TrialRecord] = {}
        self.table = TrialTable()
        """The same trials, without their objects' metadata."""
        self.workloads: dict[AttemptKey, WorkloadRecord] = {}
        self.open_workloads: set[AttemptKey] = set()
        """The Jobs for which anything is left to do."""
        self.pods: dict[AttemptKey, dict[str, PodRecord]] = {}
        self.live_pods: set[AttemptKey] = set()
        """The attempts that have a pod whose containers may run."""
        self.readings: dict[str, Reading] = {}
        """What is known of the pods' output, by their UIDs, as long as they are here."""

    @property
    def running(self) -> set[AttemptKey]:
        """The attempts of which anything may still run."""
        return self.live_pods | {key for key in self.open_workloads if not self.workloads[key].is_finished}

    def put_pods(self, key: AttemptKey, pods: dict[str, PodRecord]) -> None:
        """Replace what is known of an attempt's pods, by UID."""
        self.pods[key] = pods
        lives = any(not (pod.gone or pod.is_terminal) for pod in pods.values())
        (self.live_pods.add if lives else self.live_pods.discard)(key)

    def part_from_pods(self, workload: WorkloadRecord) -> None:
        """Note that the pods which were gone when an attempt's new workload was made are not of that one."""
        key = workload.index, workload.attempt
        for uid, pod in self.pods.get(key, {}).items():
            # A workload that becomes known late, or again because a stream lags behind, was made before that.
            if pod.gone_at is not None and pod.gone_at < workload.created + _CLOCKS:
                self.pods[key][uid] = replace(pod, is_former=True)

    def forget_pods(self, index: int) -> None:
        """Drop what was kept of a trial's pods that is no longer needed: of the deleted ones, and once the trial has
        ended of all that have, which may stay in the cluster for days.
        """
        ended = self.has_ended(index)
        for key in [key for key in self.pods if key[0] == index]:
            kept = {uid: pod for uid, pod in self.pods[key].items() if not (pod.gone or (ended and pod.is_terminal))}
            for uid in self.pods[key].keys() - kept.keys():
                self.readings.pop(uid, None)
            self.pods[key] = kept
            if not kept:
                del self.pods[key]

    def has_ended(self, index: int) -> bool:
        """Say whether a trial has its final state."""
        known = self.trials.get(index)
        return known is not None and known.trial.state.is_final

    def outlasts(self, key: AttemptKey) -> bool:
        """Say whether an attempt is over whose pods go on until it is released."""
        record = self.workloads.get(key)
        return record is not None and record.is_finished and not record.trains_in_container


class Store:
    """All searches and their children, by the search's UID."""

    def __init__(self) -> None:
        self._subscriber: Callable[[str], None] | None = None
        self._changed: dict[str, float] = {}
        self.searches: dict[str, SearchRecord] = {}
        self._children: dict[str, Children] = {}
        self._results = Fingerprints()
        self._uids: dict[tuple[str, str], str] = {}
        """The UIDs of all searches that anything is known of, by namespace and their hash."""

    def subscribe(self, on_change: Callable[[str], None]) -> None:
        """Call ``on_change`` with the UID of every search that changes."""
        self._subscriber = on_change

    def children(self, search_uid: str) -> Children:
        """Return what belongs to a search; empty if nothing is known."""
        return self._children.get(search_uid) or Children()

    def take_change(self, search_uid: str) -> float:
        """Return when (monotonic seconds) the first change not yet seen by a pass arrived, and mark all as seen."""
        return self._changed.pop(search_uid, time.monotonic())

    def mark_changed(self, search_uid: str) -> None:
        """Have a search looked at for what no object tells of."""
        self._on_change(search_uid)

    def put_search(self, record: SearchRecord) -> None:
        """Take in a search as read."""
        if _is_newer(record, self.searches.get(record.uid)):
            self.searches[record.uid] = record
            self._know(record.namespace, record.uid)
            self._on_change(record.uid)

    def put_trial(self, record: TrialRecord) -> None:
        """Take in a trial as read or written."""
        trials = self._own(record.search_uid).trials
        self._know(record.namespace, record.search_uid)
        known = trials.get(record.trial.index)
        if _is_newer(record, known):
            if known is not None:
                self._results.drop(known)
            trials[record.trial.index] = record
            self._results.put(record)
            self._own(record.search_uid).table.put(record.trial)
            if not record.trial.state.holds_place:
                self._own(record.search_uid).forget_pods(record.trial.index)
            self._on_change(record.search_uid)

    def put_workload(self, record: WorkloadRecord) -> None:
        """Take in a Job as read or written."""
        workloads = self._own(record.search_uid).workloads
        self._know(record.namespace, record.search_uid)
        key = (record.index, record.attempt)
        known = workloads.get(key)
        if _is_newer(record, known):
            if known is None or known.uid != record.uid:
                self._own(record.search_uid).part_from_pods(record)
            workloads[key] = record
            open_workloads = self._own(record.search_uid).open_workloads
            (open_workloads.add if record.is_open else open_workloads.discard)(key)
            if _says_else(record, known):
                self._on_change(record.search_uid)

    def put_pod(self, record: PodRecord) -> None:
        """Take in a pod as read."""
        children, key = self._own(record.search_uid), (record.index, record.attempt)
        pods = children.pods.get(key, {})
        known = pods.get(record.uid)
        if _is_newer(record, known):
            self._put_pods(children, key, {**pods, record.uid: record}, is_new=_says_else(record, known))

    def put_reading(self, pod: PodRecord, reading: Reading) -> None:
        """Take in what was read of a pod's output."""
        children = self.children(pod.search_uid)
        if pod.uid in children.pods.get((pod.index, pod.attempt), {}):
            children.readings[pod.uid] = reading
            self._on_change(pod.search_uid)

    def drop_search(self, uid: str) -> None:
        """Forget a deleted search and everything that belonged to it."""
        self.searches.pop(uid, None)
        for record in self.children(uid).trials.values():
            self._results.drop(record)
        self._children.pop(uid, None)
        self._uids = {key: known for key, known in self._uids.items() if known != uid}
        self._changed.pop(uid, None)
        self._notify(uid)

    def drop_trial(self, record: TrialRecord) -> None:
        """Forget a deleted trial."""
        children = self.children(record.search_uid)
        if _is_same(record, children.trials.get(record.trial.index)):
            self._results.drop(children.trials.pop(record.trial.index))
            children.table.drop(record.trial.index)
            children.forget_pods(record.trial.index)
            self._on_change(record.search_uid)

    def expect_deletion(self, record: WorkloadRecord) -> None:
        """Note that a Job's deletion was accepted, before a stream tells of it."""
        children, key = self.children(record.search_uid), (record.index, record.attempt)
        if _is_same(record, children.workloads.get(key)):
            children.workloads[key] = replace(children.workloads[key], deleting=True)
            children.open_workloads.discard(key)

    def drop_workload(self, record: WorkloadRecord) -> None:
        """Forget a deleted Job."""
        children = self.children(record.search_uid)
        if _is_same(record, children.workloads.get((record.index, record.attempt))):
            del children.workloads[record.index, record.attempt]
            children.open_workloads.discard((record.index, record.attempt))
            self._on_change(record.search_uid)

    def drop_pod(self, record: PodRecord) -> None:
        """Note that a pod was deleted; its last state is kept until its trial is over."""
        children = self.children(record.search_uid)
        key = (record.index, record.attempt)
        known = children.pods.get(key, {}).get(record.uid)
        if known is None or known.gone:
            return
        last = record if _is_newer(record, known) else known
        gone = replace(last, gone=True, gone_at=datetime.now(UTC))
        self._put_pods(children, key, {**children.pods[key], record.uid: gone}, is_new=True)
        if record.index not in children.table.unfinished:
            children.forget_pods(record.index)

    def find_result(self, namespace: str, fingerprint: str) -> Reuse | None:
        """Return the result of a trial in the namespace with this fingerprint."""
        places = self._results.places(namespace, fingerprint)
        # A search's trials may briefly outlive it here.
        return first_result(
            (self.searches[uid].identity, self.children(uid).trials[index].trial)
            for uid, index in places
            if uid in self.searches
        )

    def all_trials(self) -> Iterable[TrialRecord]:
        """Return the trials of all searches."""
        return [record for children in self._children.values() for record in children.trials.values()]

    def workloads_of(self, resource: Resource) -> Iterable[WorkloadRecord]:
        """Return the Jobs of all searches, or their workloads of another kind."""
        workloads = (record for children in self._children.values() for record in children.workloads.values())
        return [record for record in workloads if resource_of(record.kind) == resource]

    def attempt_named(self, namespace: str, name: str) -> AttemptName | None:
        """Return whose workload a name is, whether or not that exists; None if it is of no search that is known."""
        said = read_workload_name(name)
        uid = None if said is None else self._uids.get((namespace, said[0]))
        return None if said is None or uid is None else AttemptName(uid, said[1], said[2])

    def all_pods(self, *, labelled: bool = True) -> Iterable[PodRecord]:
        """Return the pods of all searches that carry our labels, or those that do not."""
        groups: Iterable[Mapping[str, PodRecord]] = [
            pods for children in self._children.values() for pods in children.pods.values()
        ]
        return [record for pods in groups for record in pods.values() if record.is_labelled is labelled]

    def _on_change(self, search_uid: str) -> None:
        self._changed.setdefault(search_uid, time.monotonic())
        self._notify(search_uid)

    def _notify(self, search_uid: str) -> None:
        if self._subscriber is not None:
            self._subscriber(search_uid)

    def _put_pods(self, children: Children, key: AttemptKey, pods: dict[str, PodRecord], *, is_new: bool) -> None:
        lived = key in children.live_pods
        children.put_pods(key, pods)
        if children.has_ended(key[0]):
            is_new = (key in children.live_pods) is not lived
            children.forget_pods(key[0])
        if is_new:
            self._on_change(next(iter(pods.values())).search_uid)

    def _know(self, namespace: str, search_uid: str) -> None:
        self._uids[namespace, uid_hash(search_uid)] = search_uid

    def _own(self, search_uid: str) -> Children:
        return self._children.setdefault(search_uid, Children())


def _is_newer(record: Versioned, known: Versioned | None) -> bool:
    return known is None or record.version > known.version


def _says_else(record: PodRecord | WorkloadRecord, known: PodRecord | WorkloadRecord | None) -> bool:
    """Say whether a version differs from the one before in more than its number: engines count, and move finalizers."""
    return known is None or replace(record, version=known.version) != known


def _is_same(record: Versioned, known: Versioned | None) -> bool:
    """Say whether the deletion concerns the object we hold, not a predecessor of the same name."""
    return known is not None and record.uid == known.uid
