"""Pods that carry none of our labels are found by the name of their workload; those of others are dropped at once."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.cluster.client.resources import JOBS, WORKLOADS
from evonas.cluster.state.objects import read_pod
from evonas.cluster.state.records import AttemptName
from evonas.cluster.state.store import Store
from evonas.cluster.state.unlabelled_pods import UnlabelledPods, find_of, known_by, pod_labels_of
from evonas.search.names import read_workload_name, uid_hash, workload_name
from tests.unit.cluster.objects import job_record, trial_record
from tests.unit.search.support import trial

LABEL = "jobset.sigs.k8s.io/jobset-name"
NAME = workload_name("s", "u", 7, 2, 33)


def body(name: str = NAME, uid: str = "p", *, namespace: str = "n", version: int = 1) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": namespace,
            "name": f"{name}-node-0-0-x7x7x",
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T12:00:00Z",
            "labels": {LABEL: name, "jobset.sigs.k8s.io/replicatedjob-name": "node"},
        },
        "spec": {"containers": [{"name": "node"}]},
        "status": {"phase": "Running"},
    }


def store_with_the_search() -> Store:
    store = Store()
    store.put_trial(trial_record(trial(7)))
    return store


def uids(store: Store) -> set[str]:
    return {pod.uid for pod in known_by(store, LABEL) if not pod.gone}


def test_the_name_of_an_attempts_workload_tells_which_it_is() -> None:
    assert read_workload_name(NAME) == (uid_hash("u"), 7, 2)
    for other in ("s", "s-00007-a2", f"s-{uid_hash('u')}-00007", f"s-{uid_hash('u')}-00007-a0", f"{NAME}-x"):
        assert read_workload_name(other) is None


def test_a_pod_is_of_the_attempt_whose_workload_it_names() -> None:
    store = store_with_the_search()
    UnlabelledPods(store, LABEL, None).put(body())
    (pod,) = store.children("u").pods[7, 2].values()
    assert (pod.search_uid, pod.index, pod.attempt, pod.is_labelled) == ("u", 7, 2, False)


@pytest.mark.parametrize(
    "foreign",
    [
        body("somebodys-jobset"),
        body(workload_name("s", "another", 7, 2, 33)),
        # The same name in another namespace is of somebody else.
        body(namespace="elsewhere"),
    ],
    ids=["name", "search", "namespace"],
)
def test_pods_of_others_leave_nothing_behind(foreign: dict[str, Any]) -> None:
    store = store_with_the_search()
    changed: list[str] = []
    store.subscribe(changed.append)
    UnlabelledPods(store, LABEL, None).put(foreign)
    UnlabelledPods(store, LABEL, None).drop(foreign)
    assert (uids(store), dict(store.children("u").pods), changed) == (set(), {}, [])


def test_the_end_of_a_pod_is_seen_though_its_workload_was_deleted_before() -> None:
    store = store_with_the_search()
    workload = job_record(7, 2, kind="TrainJob", name=NAME)
    store.put_workload(workload)
    pods = UnlabelledPods(store, LABEL, None)
    pods.put(body())
    store.drop_workload(workload)
    assert store.children("u").running == {(7, 2)}
    pods.drop(body(version=2))
    assert store.children("u").running == set()


def test_what_a_list_does_not_tell_of_is_gone_in_its_namespace_alone() -> None:
    store = store_with_the_search()
    here, elsewhere = UnlabelledPods(store, LABEL, "n"), UnlabelledPods(store, LABEL, "m")
    for uid in ("a", "b"):
        here.put(body(uid=uid))
    elsewhere.begin()
    elsewhere.end()
    assert uids(store) == {"a", "b"}
    here.begin()
    here.put(body(uid="a", version=2))
    here.put(body(uid="c"))
    here.end()
    assert uids(store) == {"a", "c"}


def test_a_pod_that_cannot_be_read_does_not_end_the_stream() -> None:
    store = store_with_the_search()
    broken = body()
    del broken["metadata"]["creationTimestamp"]
    UnlabelledPods(store, LABEL, None).put(broken)
    assert uids(store) == set()


def test_a_search_that_is_forgotten_has_no_pods() -> None:
    store = store_with_the_search()
    assert store.attempt_named("n", NAME) == AttemptName("u", 7, 2)
    store.drop_search("u")
    assert store.attempt_named("n", NAME) is None


def test_pods_with_our_labels_and_those_without_are_compared_with_lists_of_their_own() -> None:
    store = store_with_the_search()
    labelled = body(uid="l")
    labelled["metadata"]["labels"] |= {
        "evonas.dev/search-uid": "u",
        "evonas.dev/index": "7",
        "evonas.dev/attempt": "2",
    }
    store.put_pod(read_pod(labelled))
    UnlabelledPods(store, LABEL, None).put(body())
    assert [pod.uid for pod in store.all_pods()] == ["l"]
    assert [pod.uid for pod in store.all_pods(labelled=False)] == ["p"]


def test_pods_are_asked_for_by_the_label_that_their_kind_has() -> None:
    selector, read = find_of("TrainJob", NAME, AttemptName("u", 7, 2))
    assert selector == f"{LABEL}={NAME}"
    found = read(body())
    assert found is not None
    assert (found.search_uid, found.index, found.attempt) == ("u", 7, 2)
    selector, _ = find_of("JobSet", NAME, AttemptName("u", 7, 2))
    assert selector == (
        "app.kubernetes.io/managed-by=evonas,evonas.dev/search-uid=u,evonas.dev/index=7,evonas.dev/attempt=2"
    )


def test_a_pod_that_is_asked_for_by_name_is_known_by_our_labels_where_it_has_them() -> None:
    _, read = find_of("TrainJob", NAME, AttemptName("u", 7, 2))
    labelled = body()
    labelled["metadata"]["labels"] |= {
        "evonas.dev/search-uid": "u",
        "evonas.dev/index": "7",
        "evonas.dev/attempt": "2",
    }
    found = [read(body()), read(labelled)]
    assert [pod.is_labelled for pod in found if pod is not None] == [False, True]


def test_such_pods_are_watched_only_where_a_kind_that_has_them_is() -> None:
    assert pod_labels_of([JOBS, WORKLOADS["JobSet"]]) == []
    assert pod_labels_of([WORKLOADS["JobSet"], WORKLOADS["TrainJob"]]) == [LABEL]
