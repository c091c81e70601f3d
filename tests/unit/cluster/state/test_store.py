"""What the store keeps of a trial's pods, and which changes have a search looked at."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.cluster.state.records import PodRecord, WorkloadRecord
from evonas.cluster.state.store import Store
from evonas.search.trial import Trial, TrialState
from tests.unit.cluster.objects import job_record, pod_record, trial_record
from tests.unit.search.support import NOW, succeeded, trial

STOPPED = trial(0, TrialState.STOPPED, sequence=1, completion_time=NOW)


class Watched:
    """A store, and how often it has told of a change."""

    def __init__(self, *known: Trial) -> None:
        self.store = Store()
        self.told = 0
        for one in known:
            self.store.put_trial(trial_record(one))
        self.store.subscribe(self._count)

    def _count(self, search_uid: str) -> None:
        self.told += 1

    @property
    def pods(self) -> list[PodRecord]:
        return list(self.store.all_pods())


@pytest.mark.parametrize("known", [pod_record(phase="Running"), job_record()], ids=["pod", "job"])
def test_a_version_that_says_nothing_else_has_no_search_looked_at(known: PodRecord | WorkloadRecord) -> None:
    """Controllers move finalizers and count pods, the more the more pods a trial has."""
    watched = Watched(trial(0, TrialState.RUNNING))
    store = watched.store

    def put(version: int, **said: object) -> None:
        fields: dict[str, Any] = {"version": version, **said}
        if isinstance(known, PodRecord):
            store.put_pod(pod_record(**{"phase": "Running", **fields}))
        else:
            store.put_workload(job_record(**fields))

    put(1)
    assert watched.told == 1
    put(2)
    assert watched.told == 1
    put(3, reason="Evicted")
    assert watched.told == 2
    # The version is taken in all the same: what is older says nothing any more.
    put(1)
    assert watched.told == 2


def test_pods_that_have_ended_are_not_kept_beyond_the_end_of_their_trial() -> None:
    """They may stay in the cluster for days, and there are many of each trial."""
    watched = Watched(trial(0, TrialState.RUNNING))
    ended, runs = pod_record(uid="p0", phase="Succeeded"), pod_record(uid="p1", phase="Running")
    watched.store.put_pod(ended)
    watched.store.put_pod(runs)
    assert len(watched.pods) == 2
    watched.store.put_trial(trial_record(succeeded(0, 0.5), version=2))
    assert watched.pods == [runs]
    watched.store.put_pod(pod_record(uid="p1", phase="Succeeded", version=2))
    # A list shows it again.
    watched.store.put_pod(ended)
    assert watched.pods == []
    assert watched.store.children("u").live_pods == set()


@pytest.mark.parametrize("known", [succeeded(0, 0.5), STOPPED], ids=["succeeded", "stopped"])
def test_of_the_pods_of_a_trial_that_has_ended_only_the_end_of_the_last_has_its_search_looked_at(known: Trial) -> None:
    """Until then they hold GPUs that the next trial may wait for."""
    watched = Watched(trial(0, TrialState.RUNNING))
    for uid in ("p0", "p1", "p2"):
        watched.store.put_pod(pod_record(uid=uid, phase="Running"))
    watched.store.put_trial(trial_record(known, version=2))
    before = watched.told
    watched.store.put_pod(pod_record(uid="p0", phase="Running", reason="Evicted", version=2))
    watched.store.put_pod(pod_record(uid="p0", phase="Failed", version=3))
    watched.store.drop_pod(pod_record(uid="p1", phase="Running", version=2))
    assert watched.told == before
    watched.store.put_pod(pod_record(uid="p2", phase="Succeeded", version=2))
    assert watched.told == before + 1
    watched.store.drop_pod(pod_record(uid="p2", phase="Succeeded", version=3))
    assert watched.told == before + 1
    assert watched.pods == []
