"""Views of attempts that Ray trains: no container ends with its driver, and its pods stay until they are released.

The statuses are those that KubeRay 1.5 writes, in its order: pods first, then PENDING, RUNNING, the end of the driver,
the end of the submitter, Complete or Failed; a retry begins with none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from evonas.cluster.state.attempt_views import find_leaving, view_of
from evonas.cluster.state.objects import read_workload
from evonas.cluster.state.readings import Reading
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.cluster.state.store import Store
from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason, Verdict
from evonas.search.names import INFEASIBLE_ANNOTATION, REWARD_ANNOTATION
from evonas.search.plan import plan
from evonas.search.settle import settle
from evonas.search.totals import Totals
from evonas.search.trial import TrialState
from evonas.search.trial_report import Report
from evonas.spec import SearchSpec
from tests.unit.cluster.objects import pod_record, trial_record
from tests.unit.search.support import NOW, search_body, trial

TIMEOUT, START_TIMEOUT = 600, 200


def at(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


def spec_of(**fields: Any) -> SearchSpec:
    """Return a search whose trials are a head and two workers with two GPUs each."""
    container = {"name": "ray", "image": "none", "resources": {"limits": {"nvidia.com/gpu": 2}}}
    workers = {"groupName": "workers", "replicas": 2, "template": {"spec": {"containers": [container]}}}
    head = {"template": {"spec": {"containers": [{"name": "ray", "image": "none"}]}}}
    spec = {"entrypoint": "train", "rayClusterSpec": {"headGroupSpec": head, "workerGroupSpecs": [workers]}}
    body = search_body(**fields.pop("search", {}))
    body["spec"]["trial"] = {
        "workload": {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": spec},
        "timeoutSeconds": TIMEOUT,
        "startTimeoutSeconds": START_TIMEOUT,
        **fields,
    }
    return SearchSpec.parse(body)


SPEC = spec_of()
LOGS = spec_of(report={"from": "Logs"})


def time(seconds: float) -> str:
    return f"{at(seconds):%Y-%m-%dT%H:%M:%SZ}"


def ray_job(deployment: str = "", job: str = "", *, begun: float | None = -90, **fields: Any) -> WorkloadRecord:
    """Return a RayJob with that status, read as the API server shows it."""
    status = {"jobDeploymentStatus": deployment, "jobStatus": job, "startTime": time(-200), **fields}
    if begun is not None:
        status["rayJobInfo"] = {"startTime": time(begun)}
    metadata = {
        "namespace": "n",
        "name": "w",
        "uid": "j0-1",
        "resourceVersion": "1",
        "creationTimestamp": time(-1000),
        "labels": {"evonas.dev/search-uid": "u", "evonas.dev/index": "0", "evonas.dev/attempt": "1"},
        "ownerReferences": [{"uid": "t0", "controller": True}],
    }
    return read_workload(
        {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": metadata, "spec": {}, "status": status}
    )


STARTED = ray_job("Initializing")
RUNNING = ray_job("Running", "RUNNING")
COMPLETE = ray_job("Complete", "SUCCEEDED", endTime=time(0))


def failed(job: str = "FAILED", **fields: Any) -> WorkloadRecord:
    return ray_job("Failed", job, **{"reason": "AppFailed", "endTime": time(0), **fields})


def runs(since: float = -100) -> ContainerState:
    return ContainerState(started=at(since))


def node(
    group: str,
    name: str,
    state: ContainerState | None,
    *,
    cluster: str = "w-aaaaa",
    created: float = -120,
    scheduled: float | None = -110,
    deleted: float | None = None,
    said: Mapping[str, str] | None = None,
    **fields: Any,
) -> PodRecord:
    labels = {"ray.io/cluster": cluster, "ray.io/group": group}
    given: dict[str, Any] = {
        "name": name,
        "uid": name,
        "labels": labels,
        "created": at(created),
        "scheduled": None if scheduled is None else at(scheduled),
        "phase": "Pending" if state is None or state.started is None else "Running",
        "deletion": None if deleted is None else at(deleted),
        "gone": deleted is not None,
        "containers": {} if state is None else {"ray": state},
        "annotations": said or {},
    }
    return pod_record(**{**given, **fields})


def nodes(said: Mapping[str, str] | None = None, *, name: str = "", **fields: Any) -> list[PodRecord]:
    head = node("headgroup", f"head{name}", runs(), said=said, **fields)
    return [head, *(node("workers", f"worker{name}-{each}", runs(), **fields) for each in "ab")]


def submitter(state: ContainerState | None, **fields: Any) -> PodRecord:
    containers = {} if state is None else {"ray-job-submitter": state}
    phase = "Pending" if state is None or state.started is None else "Running"
    if state is not None and state.exit_code is not None:
        phase = "Succeeded" if state.exit_code == 0 else "Failed"
    given = {
        "name": "w-submitter",
        "uid": "w-submitter",
        "containers": containers,
        "phase": phase,
        "scheduled": at(-95),
    }
    return pod_record(**{**given, "created": at(-95), **fields})


def view(
    record: WorkloadRecord, pods: Iterable[PodRecord], now: float = 0, readings: dict[str, Reading] | None = None
) -> AttemptView:
    return view_of((SPEC if readings is None else LOGS).trial, record, pods, at(now), readings or {})


def result(seen: AttemptView) -> tuple[Verdict, str]:
    assert seen.phase is AttemptPhase.ENDED
    assert seen.ending is not None
    return seen.ending.verdict, seen.ending.reason


REPORTED = {REWARD_ANNOTATION: "0.5"}


# --- the start ---


def test_it_runs_once_all_nodes_do_and_the_program_has_begun() -> None:
    seen = view(ray_job("Running", "PENDING"), nodes())
    assert (seen.phase, seen.reason) == (AttemptPhase.QUEUED, QueuedReason.STARTING)
    assert seen.message == "3 of 3 pods run; its RayJob is about to start its program"
    assert seen.deadline == at(-110 + START_TIMEOUT)
    seen = view(RUNNING, nodes())
    assert seen.phase is AttemptPhase.RUNNING
    assert (seen.start_time, seen.deadline) == (at(-90), at(-90 + TIMEOUT))
    assert seen.pod == "head"


def test_a_missing_worker_is_waited_for_though_the_program_has_begun() -> None:
    seen = view(RUNNING, nodes()[:2])
    assert seen.phase is AttemptPhase.QUEUED
    assert seen.message.startswith("2 of 3 pods run; ")


def test_a_program_that_nobody_starts_fails_the_attempt_after_the_start_timeout() -> None:
    seen = view(STARTED, nodes(), now=-110 + START_TIMEOUT)
    assert result(seen) == (Verdict.BROKEN, "StartFailed")
    assert seen.must_stop


def test_what_hinders_the_submitter_is_said() -> None:
    seen = view(STARTED, [*nodes(), submitter(None, scheduled=None, unschedulable="0/3 nodes are available")])
    assert seen.reason is QueuedReason.UNSCHEDULABLE
    assert "pod w-submitter: 0/3 nodes" in seen.message
    seen = view(STARTED, [*nodes(), submitter(ContainerState(waiting="ErrImagePull", message="no such image"))])
    assert seen.reason is QueuedReason.IMAGE_PULL


def test_it_takes_too_long_from_the_moment_that_the_program_began() -> None:
    seen = view(RUNNING, nodes(), now=-90 + TIMEOUT)
    assert result(seen) == (Verdict.USELESS, "DeadlineExceeded")
    assert seen.must_stop


# --- the end ---


def test_it_ends_with_the_rayjob_and_the_heads_annotation_is_its_result() -> None:
    for record in (RUNNING, ray_job("Running", "SUCCEEDED")):
        assert view(record, nodes(REPORTED)).phase is AttemptPhase.RUNNING
    seen = view(COMPLETE, nodes(REPORTED))
    assert result(seen) == (Verdict.REPORTED, "")
    assert seen.end_time == at(0)
    settled = settle(SPEC, trial(0), seen)
    assert (settled.state, settled.reward) == (TrialState.SUCCEEDED, 0.5)
    # Two workers with two GPUs, from their nodes to the end.
    assert settled.gpu_seconds == 2 * 2 * 110


def test_what_a_worker_says_is_no_result() -> None:
    head, first, second = nodes()
    seen = view(COMPLETE, [head, first, node("workers", "c", runs(), said=REPORTED), second])
    assert settle(SPEC, trial(0), seen).state is TrialState.FAILED


def test_a_program_that_reports_nothing_fails_the_trial_without_another_attempt() -> None:
    seen = view(COMPLETE, nodes())
    assert result(seen) == (Verdict.REPORTED, "")
    assert settle(SPEC, trial(0), seen).state is TrialState.FAILED


def test_a_head_that_vanished_after_it_had_reported_is_believed_and_one_that_had_not_is_tried_again() -> None:
    _, *workers = nodes(REPORTED)
    seen = view(COMPLETE, [node("headgroup", "head", runs(), deleted=0, said=REPORTED), *workers])
    assert settle(SPEC, trial(0), seen).reward == 0.5
    assert result(view(COMPLETE, workers)) == (Verdict.BROKEN, "ResultMissing")


def test_a_program_that_fails_is_tried_again_with_its_last_words() -> None:
    message = "Job entrypoint command failed with exit code 3, last available logs (truncated to 20,000 chars):\na\nb\n"
    seen = view(failed(message=message), nodes())
    assert result(seen) == (Verdict.BROKEN, "NonZeroExitCode")
    assert seen.ending is not None
    assert seen.ending.message == "the container exited with code 3: b"


@pytest.mark.parametrize("by_code", [True, False])
def test_an_infeasible_candidate_is_not_tried_again(by_code: bool) -> None:
    said = "Job entrypoint command failed with exit code 65, last available logs (truncated to 20,000 chars):\n"
    if by_code:
        seen = view(failed(message=said), nodes())
    else:
        seen = view(failed(message="Unexpected error"), nodes({INFEASIBLE_ANNOTATION: "diverged"}))
    assert result(seen) == (Verdict.INFEASIBLE, "Infeasible")


@pytest.mark.parametrize(
    ("record", "reason", "message"),
    [
        (failed("RUNNING", reason="SubmissionFailed", message="backoff"), "SubmissionFailed", "backoff"),
        (ray_job("ValidationFailed", reason="ValidationFailed", message="name"), "ValidationFailed", "name"),
        (ray_job("Complete", "STOPPED", message="Job was intentionally stopped."), "WorkloadFailed", "Job was inten"),
        (failed("", reason="DeadlineExceeded", message="too late"), "DeadlineExceeded", "too late"),
    ],
)
def test_what_else_fails_is_said_in_kuberays_words_and_tried_again(
    record: WorkloadRecord, reason: str, message: str
) -> None:
    seen = view(record, nodes())
    assert result(seen) == (Verdict.BROKEN, reason)
    assert seen.ending is not None
    assert seen.ending.message.startswith(message)


def test_a_program_that_took_longer_than_the_rayjobs_own_limit_is_not_tried_again() -> None:
    seen = view(failed("RUNNING", reason="DeadlineExceeded", message="has passed"), nodes())
    assert result(seen) == (Verdict.USELESS, "DeadlineExceeded")


# --- what is printed ---


def test_a_printed_result_is_read_from_the_submitter_to_its_end() -> None:
    pods = [*nodes(), submitter(ContainerState(started=at(-90), exit_code=0, finished=at(-1)))]
    assert view(COMPLETE, pods, readings={}).phase is AttemptPhase.RUNNING
    read = {"w-submitter": Reading(report=Report(metrics={"accuracy": 0.75}))}
    seen = view(COMPLETE, pods, readings=read)
    assert seen.ending is not None
    assert seen.ending.report == Report(metrics={"accuracy": 0.75})
    lost = {"w-submitter": Reading(lost="its output is gone")}
    assert result(view(COMPLETE, pods, readings=lost)) == (Verdict.BROKEN, "OutputLost")


def test_where_nobody_is_left_who_printed_the_result_is_missing() -> None:
    assert result(view(COMPLETE, nodes(REPORTED), readings={})) == (Verdict.BROKEN, "ResultMissing")


# --- losses ---


def test_a_worker_that_is_lost_is_one_disruption_and_its_successor_goes_on() -> None:
    head, first, _ = nodes()
    lost = node("workers", "worker-b", runs(), deleted=-50)
    seen = view(RUNNING, [head, first, lost])
    assert (seen.phase, seen.reason) == (AttemptPhase.QUEUED, QueuedReason.DISRUPTED)
    # The others may be lost with it, which shows with what follows.
    assert seen.disruptions == ()
    seen = view(RUNNING, [head, first, lost, node("workers", "worker-c", runs(-40), created=-48, scheduled=-45)])
    assert (seen.phase, seen.start_time) == (AttemptPhase.RUNNING, at(-40))
    (loss,) = seen.disruptions
    assert (loss.pod, loss.reason) == ("worker-b", "PodDeleted")


def test_workers_that_are_deleted_one_after_another_with_their_cluster_are_one_loss() -> None:
    """A worker that was made with the lost one, or after it, is no successor of it."""
    head, *workers = nodes(name="-old", cluster="w-aaaaa", created=-300, scheduled=-290)
    first = replace(workers[0], gone=True, gone_at=at(-150))
    for later in (0, 1):
        others = [replace(workers[1], created=workers[1].created + timedelta(seconds=later)), head]
        seen = view(RUNNING, [first, *others])
        assert seen.disruptions == ()
        gone = [first, *(replace(each, gone=True, gone_at=at(-149.9)) for each in others)]
        (loss,) = view(RUNNING, [*gone, *nodes(cluster="w-bbbbb")]).disruptions
        assert "3 of its 3 pods were lost together" in loss.message


def test_a_worker_of_which_the_next_start_has_none_yet_was_lost_with_all() -> None:
    gone = nodes(name="-old", cluster="w-aaaaa", created=-300, scheduled=-290, deleted=-150)
    (loss,) = view(ray_job("Initializing", begun=None), [*gone, nodes(cluster="w-bbbbb")[0]]).disruptions
    assert "3 of its 3 pods were lost together" in loss.message


def test_a_worker_whose_successor_is_made_within_the_second_of_its_end_is_replaced() -> None:
    """So that another one, lost later, is another disruption."""
    head, *_ = nodes()
    first = replace(node("workers", "worker-a", runs(), deleted=-80), gone_at=at(-79.3), deletion=at(-50))
    later = node("workers", "worker-b", runs(), deleted=-20)
    successors = [
        node("workers", "worker-c", runs(-60), created=-80, scheduled=-78),
        node("workers", "worker-d", runs(-10), created=-18, scheduled=-17),
    ]
    seen = view(RUNNING, [head, first, later, *successors])
    assert [each.pod for each in seen.disruptions] == ["worker-a", "worker-b"]


def test_a_head_that_is_lost_is_waited_for() -> None:
    _, *workers = nodes()
    lost = node("headgroup", "head", runs(), deleted=-50, said=REPORTED)
    seen = view(RUNNING, [lost, *workers])
    assert seen.phase is AttemptPhase.QUEUED
    successor = node("headgroup", "head-2", runs(-40), created=-48, scheduled=-45)
    seen = view(RUNNING, [lost, successor, *workers])
    assert seen.pod == "head-2"
    assert [each.pod for each in seen.disruptions] == ["head"]
    # What the first one had said is no result of the program that was started again.
    assert settle(SPEC, trial(0), view(COMPLETE, [lost, successor, *workers])).state is TrialState.FAILED


def test_one_that_fails_since_its_head_was_evicted_is_made_again_and_with_a_worker_it_has_failed() -> None:
    head, *workers = nodes()
    told: dict[str, Any] = {"disrupted": "Preempted", "disrupted_at": at(-52), "deleted": -50}
    seen = view(failed(), [node("headgroup", "head", runs(), **told), *workers])
    assert (seen.phase, seen.reason, seen.must_stop) == (AttemptPhase.QUEUED, QueuedReason.DISRUPTED, True)
    assert settle(SPEC, trial(0), seen).disruptions == 1
    early = node("headgroup", "head", runs(), **{**told, "disrupted_at": at(-95)})
    assert result(view(failed(), [early, *workers]))[0] is Verdict.BROKEN
    assert result(view(failed(), [head, workers[0], node("workers", "worker-b", runs(), **told)]))[0] is Verdict.BROKEN


def test_a_retry_of_the_whole_is_one_disruption_whatever_its_cluster_is_called() -> None:
    for former, later in (("w-zzzzz", "w-aaaaa"), ("w-aaaaa", "w-zzzzz")):
        gone = nodes(REPORTED, name="-old", cluster=former, created=-300, scheduled=-290, deleted=-150)
        seen = view(ray_job("Initializing", begun=None), [*gone, *nodes(cluster=later)])
        assert seen.phase is AttemptPhase.QUEUED
        (loss,) = seen.disruptions
        assert "3 of its 3 pods were lost together" in loss.message
        seen = view(RUNNING, [*gone, *nodes(cluster=later)])
        assert (seen.phase, seen.pod) == (AttemptPhase.RUNNING, "head")
        assert settle(SPEC, trial(0), seen).disruptions == 1


def test_a_retry_within_the_second_of_the_first_start_is_the_later_one_whatever_its_cluster_is_called() -> None:
    for former, later in (("w-zzzzz", "w-aaaaa"), ("w-aaaaa", "w-zzzzz")):
        gone = nodes(name="-old", cluster=former, deleted=-110)
        seen = view(RUNNING, [*gone, *nodes(cluster=later)])
        assert (seen.phase, seen.pod, len(seen.disruptions)) == (AttemptPhase.RUNNING, "head", 1)


def test_one_that_a_queue_suspends_waits() -> None:
    record = replace(ray_job("Suspended", begun=None), suspended=True)
    seen = view(record, nodes(deleted=-50))
    assert seen.phase is AttemptPhase.QUEUED
    assert [each.reason for each in seen.disruptions] == ["WorkloadSuspended"]


# --- what stays ---


def test_until_it_is_released_its_nodes_hold_their_gpus_and_the_next_trial_waits() -> None:
    spec = spec_of(search={"budget": {"maxTrials": 5, "parallelTrials": 1}})
    seen = view(COMPLETE, nodes(REPORTED))
    assert (seen.holds_resources, seen.outlasts) == (True, True)
    decided = plan(
        spec, Totals(spec.objectives), [trial(0)], {0: seen}, created={0: NOW}, start_time=NOW, now=at(1), leaving=0
    )
    assert (decided.results, decided.proposals) == (1, 0)
    gone = view(COMPLETE, nodes(REPORTED, deleted=2))
    assert (gone.holds_resources, gone.outlasts) == (False, False)


def test_a_cluster_of_a_trial_that_has_ended_is_leaving_until_its_last_node_is_gone() -> None:
    store = Store()
    store.put_trial(trial_record(trial(0, state=TrialState.SUCCEEDED, reward=0.5)))
    store.put_workload(COMPLETE)
    for pod in nodes():
        store.put_pod(pod)
    assert find_leaving(store.children("u")) == {(0, 1)}
    changed: list[str] = []
    store.subscribe(changed.append)
    for pod in nodes():
        store.drop_pod(pod)
    assert find_leaving(store.children("u")) == set()
    # What waits for it is told.
    assert changed


def test_gpus_are_those_of_all_nodes() -> None:
    assert SPEC.trial.gpus == Fraction(4)
