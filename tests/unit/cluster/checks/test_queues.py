"""A search's queue reaches each of its Jobs, and nothing of it reaches the pods."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.cluster.control.jobs import build_job
from evonas.cluster.state.job_view import view_attempt
from evonas.cluster.state.objects import read_search, read_workload
from evonas.cluster.state.records import SearchRecord
from evonas.search.attempt import AttemptPhase, QueuedReason
from evonas.search.codec import to_time
from evonas.spec import SearchSpec
from tests.operator_process import search
from tests.unit.search.support import NOW, trial

QUEUE = {
    "kueue.x-k8s.io/queue-name": "gpus",
    "kueue.x-k8s.io/priority-class": "high",
    "kueue.x-k8s.io/max-exec-time-seconds": "60",
}


def record(**labels: str) -> SearchRecord:
    body = search("queued")
    body["metadata"] |= {"namespace": "n", "uid": "u", "resourceVersion": "1", "generation": 1}
    body["metadata"]["labels"] = {"team": "vision", **labels}
    return read_search(body)


def job(**labels: str) -> dict[str, Any]:
    known = record(**labels)
    spec = SearchSpec.parse(known.manifest)
    return build_job(known.identity, spec, trial(0), "t", service_account=None, queue_labels=known.queue_labels)


def test_labels_of_the_queue_go_onto_the_job_and_not_onto_its_pod() -> None:
    built = job(**QUEUE)
    labels = built["metadata"]["labels"]
    assert labels.items() >= QUEUE.items()
    assert "team" not in labels
    assert not QUEUE.keys() & built["spec"]["template"]["metadata"]["labels"].keys()


def test_a_job_with_a_queue_is_created_suspended() -> None:
    assert job(**QUEUE)["spec"]["suspend"] is True


@pytest.mark.parametrize("labels", [{}, {"kueue.x-k8s.io/priority-class": "high"}], ids=["none", "no queue"])
def test_a_job_without_a_queue_leaves_its_suspension_alone(labels: dict[str, str]) -> None:
    assert "suspend" not in job(**labels)["spec"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (QUEUE, "waits for admission by queue gpus"),
        ({}, "its Job is suspended, and goes on once its spec.suspend is false"),
    ],
)
def test_a_suspended_job_is_queued_and_names_its_queue(labels: dict[str, str], message: str) -> None:
    built = job(**labels)
    built["spec"]["suspend"] = True
    built["metadata"] |= {"uid": "j", "resourceVersion": "1", "creationTimestamp": to_time(NOW)}
    view = view_attempt(SearchSpec.parse(search("queued")).trial, read_workload(built), [], NOW)
    assert (view.phase, view.reason, view.message) == (AttemptPhase.QUEUED, QueuedReason.QUEUED, message)
