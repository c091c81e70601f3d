"""Trials whose container never ran, or ran too long, because of another of its pod: that one is named, and its end."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.cluster.control.jobs import build_job
from evonas.cluster.state.job_view import view_attempt
from evonas.cluster.state.objects import read_pod, read_workload
from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason, Verdict
from evonas.search.codec import SearchIdentity
from evonas.search.trial import ProposalRecord, Trial
from evonas.spec import SearchSpec
from tests.operator_process import search
from tests.unit.cluster.state.test_job_view import FAILED, NOW, RUNS, SPEC, job, pod, scheduled, time

INITIALIZING = {"waiting": {"reason": "PodInitializing"}}
PULLING = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
CRASHING = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}


def left(code: int, seconds: float, message: str = "", reason: str = "Error") -> dict[str, Any]:
    times = {"startedAt": time(-90), "finishedAt": time(seconds)}
    return {"terminated": {"exitCode": code, "message": message, "reason": reason, **times}}


def with_init(body: dict[str, Any], *containers: tuple[str, dict[str, Any]], sidecars: str = "") -> dict[str, Any]:
    """Give a pod init containers: name, and what its status has; those named in ``sidecars`` are sidecars."""
    body["spec"]["initContainers"] = [
        {"name": name, **({"restartPolicy": "Always"} if name in sidecars.split() else {})} for name, _ in containers
    ]
    body["status"]["initContainerStatuses"] = [{"name": name, **status} for name, status in containers]
    return body


def view(job_body: dict[str, Any], pod_body: dict[str, Any]) -> AttemptView:
    return view_attempt(SPEC.trial, read_workload(job_body), [read_pod(pod_body)], NOW)


@pytest.mark.parametrize(
    ("containers", "sidecars", "reason", "message"),
    [
        (
            [("data", {"state": left(9, -5, "fetching\nno such bucket\n")})],
            "",
            "InitContainerFailed",
            "init container 'data' exited with code 9: no such bucket",
        ),
        (
            [("data", {"state": left(137, -5, reason="OOMKilled")})],
            "",
            "InitContainerFailed",
            "init container 'data' exited with code 137 (OOMKilled)",
        ),
        (
            [("data", {"state": left(128, -5, "exec: no-such-program", reason="StartError")})],
            "",
            "InitContainerFailed",
            "init container 'data' exited with code 128 (StartError): exec: no-such-program",
        ),
        # The sidecar, which was there before, was ended because the init container had failed.
        (
            [("proxy", {"state": left(143, -4)}), ("data", {"state": left(9, -5)})],
            "proxy",
            "InitContainerFailed",
            "init container 'data' exited with code 9",
        ),
        (
            [("proxy", {"state": left(137, -5)}), ("data", {"state": left(9, -5)})],
            "proxy",
            "InitContainerFailed",
            "init container 'data' exited with code 9",
        ),
    ],
    ids=["exit code", "out of memory", "no program", "before a sidecar", "in the same second"],
)
def test_init_container_that_failed_is_named_with_its_end(
    containers: list[tuple[str, dict[str, Any]]], sidecars: str, reason: str, message: str
) -> None:
    body = with_init(pod(INITIALIZING, scheduled(-60), phase="Failed"), *containers, sidecars=sidecars)
    seen = view(FAILED, body)
    assert seen.ending is not None
    assert (seen.ending.verdict, seen.ending.reason, seen.ending.message) == (Verdict.BROKEN, reason, message)


@pytest.mark.parametrize(
    ("status", "sidecars", "reason", "message"),
    [
        (
            {"state": RUNS},
            "",
            QueuedReason.STARTING,
            "init container 'data' has not ended",
        ),
        ({"state": INITIALIZING}, "", QueuedReason.STARTING, "init container 'data' has not started"),
        ({"state": PULLING}, "", QueuedReason.IMAGE_PULL, "init container 'data' waits: ErrImagePull: not found"),
        ({"state": PULLING}, "data", QueuedReason.IMAGE_PULL, "sidecar 'data' waits: ErrImagePull: not found"),
        (
            {"state": CRASHING, "lastState": left(9, -5, "no port")},
            "data",
            QueuedReason.CONTAINER_CONFIG,
            "sidecar 'data' waits: CrashLoopBackOff: back-off 10s (the last time it exited with code 9: no port)",
        ),
        (
            {"state": RUNS, "started": False},
            "data",
            QueuedReason.STARTING,
            "sidecar 'data' runs, but its startup probe has not succeeded",
        ),
    ],
    ids=["runs", "first", "no image", "sidecar without image", "sidecar that crashes", "probe"],
)
def test_container_that_the_trials_own_waits_for_is_named_and_given_up_with_it(
    status: dict[str, Any], sidecars: str, reason: QueuedReason, message: str
) -> None:
    waiting = view(job(), with_init(pod(INITIALIZING, scheduled(-10)), ("data", status), sidecars=sidecars))
    assert (waiting.phase, waiting.reason, waiting.message) == (AttemptPhase.QUEUED, reason, message)
    given_up = view(job(), with_init(pod(INITIALIZING, scheduled(-700)), ("data", status), sidecars=sidecars))
    assert given_up.ending is not None
    assert given_up.ending.reason == ("ImagePullFailed" if reason is QueuedReason.IMAGE_PULL else "StartFailed")
    assert given_up.ending.message == f"the container did not start within startTimeoutSeconds (600): {message}"


def test_what_is_done_is_no_hindrance() -> None:
    body = with_init(
        pod({"waiting": {"reason": "ImagePullBackOff", "message": "gone"}}, scheduled(-10)),
        ("data", {"state": left(0, -5, reason="Completed")}),
        ("proxy", {"state": RUNS, "started": True}),
        sidecars="proxy",
    )
    assert view(job(), body).message == "ImagePullBackOff: gone"


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        (left(137, -2), left(3, -70, "no such queue"), ": container 'feeder' exited with code 3: no such queue"),
        # It left because the pod was ended.
        (left(137, -2), left(143, -30), ""),
        (left(137, -2), left(0, -70, reason="Completed"), ""),
        (INITIALIZING, RUNS, ": its container never started"),
    ],
    ids=["waited in vain", "ended with it", "was done", "never started"],
)
def test_trial_that_took_too_long_says_whom_it_waited_for(
    own: dict[str, Any], other: dict[str, Any], said: str
) -> None:
    body = pod(own, scheduled(-90), reason="DeadlineExceeded", phase="Failed")
    body["status"]["containerStatuses"].append({"name": "feeder", "state": other})
    seen = view(FAILED, body)
    assert seen.ending is not None
    assert seen.ending.message == f"the attempt took longer than timeoutSeconds (86400){said}"


def test_every_container_leaves_its_last_words_unless_the_template_says_otherwise() -> None:
    body = search("s")
    template = body["spec"]["trial"]["template"]["spec"]
    template["initContainers"] = [
        {"name": "data", "image": "i"},
        {"name": "silent", "image": "i", "terminationMessagePolicy": "File"},
    ]
    spec = SearchSpec.parse(body)
    trial = Trial(0, {"a1": 1, "a2": 1, "a3": 1}, ProposalRecord("random", None, (), 0))
    built = build_job(SearchIdentity("s", "u", "n"), spec, trial, "t", service_account=None)["spec"]["template"]["spec"]
    policies = [item["terminationMessagePolicy"] for item in (*built["containers"], *built["initContainers"])]
    assert policies == ["FallbackToLogsOnError", "FallbackToLogsOnError", "File"]
