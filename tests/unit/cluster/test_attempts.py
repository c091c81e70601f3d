"""Views of attempts from Jobs and pods as the kubelet and the Job controller write them; the Job that is built."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evonas.cluster.attempts import view_attempt
from evonas.cluster.jobs import build_job
from evonas.cluster.records import read_job, read_pod
from evonas.cluster.store import Store
from evonas.search.attempt import AttemptPhase, AttemptView, Verdict
from evonas.search.codec import SearchIdentity
from evonas.search.trial import ProposalRecord, Trial
from evonas.spec import SearchSpec
from tests.operator_process import search

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SPEC = SearchSpec.parse(search("s"))
LABELS = {"evonas.dev/search-uid": "u", "evonas.dev/index": "0", "evonas.dev/attempt": "1"}


def time(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def job(*conditions: tuple[str, str], version: int = 1, uid: str = "j") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "n", "name": "s-a1", "uid": uid, "resourceVersion": str(version), "labels": LABELS},
        "spec": {},
        "status": {
            "conditions": [
                {"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": time(-1)}
                for kind, reason in conditions
            ]
        },
    }


def pod(state: dict[str, Any] | None, *conditions: dict[str, Any], **annotations: str) -> dict[str, Any]:
    statuses = [] if state is None else [{"name": "trial", "state": state}]
    return {
        "metadata": {
            "namespace": "n",
            "name": "p",
            "uid": "p",
            "resourceVersion": "1",
            "creationTimestamp": time(-100),
            "labels": LABELS,
            "annotations": {f"evonas.dev/{key}": value for key, value in annotations.items()},
        },
        "spec": {"nodeName": "node-1"},
        "status": {"phase": "Running", "conditions": list(conditions), "containerStatuses": statuses},
    }


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    times = {"startedAt": time(-50), "finishedAt": time(-2)}
    return {"terminated": {"exitCode": code, "message": message, "reason": reason, **times}}


def scheduled(seconds: float) -> dict[str, Any]:
    return {"type": "PodScheduled", "status": "True", "lastTransitionTime": time(seconds)}


DISRUPTED = {"type": "DisruptionTarget", "status": "True", "message": "preempted"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: 1 Insufficient nvidia.com/gpu"}
FAILED = job(("Failed", "BackoffLimitExceeded"))
PULLING = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}


def view(job_body: dict[str, Any], *pods: dict[str, Any]) -> AttemptView:
    return view_attempt(SPEC.trial, read_job(job_body), [read_pod(body) for body in pods], NOW)


@pytest.mark.parametrize(
    ("job_body", "pod_body", "verdict", "reason"),
    [
        (job(), pod(ended(0), reward="0.5"), Verdict.REPORTED, ""),
        (job(), pod(ended(65)), Verdict.INFEASIBLE, "Infeasible"),
        (FAILED, pod(ended(1)), Verdict.BROKEN, "NonZeroExitCode"),
        (FAILED, pod(ended(137, reason="OOMKilled")), Verdict.BROKEN, "OOMKilled"),
        (job(("Failed", "DeadlineExceeded")), pod(ended(143)), Verdict.USELESS, "DeadlineExceeded"),
        (job(("Failed", "DeadlineExceeded")), None, Verdict.USELESS, "DeadlineExceeded"),
        (job(("Failed", "PodFailurePolicy")), None, Verdict.INFEASIBLE, "Infeasible"),
        (job(("Complete", "CompletionsReached")), None, Verdict.BROKEN, "ResultMissing"),
        (job(), pod(PULLING, scheduled(-700)), Verdict.BROKEN, "ImagePullFailed"),
        (job(), pod({"waiting": {"reason": "ErrImageNeverPull"}}, scheduled(-1)), Verdict.BROKEN, "ImagePullFailed"),
        (
            job(),
            pod({"waiting": {"reason": "CreateContainerConfigError"}}, scheduled(-700)),
            Verdict.BROKEN,
            "StartFailed",
        ),
    ],
)
def test_end(job_body: dict[str, Any], pod_body: dict[str, Any] | None, verdict: Verdict, reason: str) -> None:
    seen = view(job_body, *([] if pod_body is None else [pod_body]))
    assert seen.phase is AttemptPhase.ENDED
    assert seen.end_time is not None
    assert seen.ending is not None
    assert (seen.ending.verdict, seen.ending.reason) == (verdict, reason)
    assert seen.holds_resources == (not read_job(job_body).is_finished)


@pytest.mark.parametrize(
    ("job_body", "pod_body", "phase", "reason"),
    [
        (job(), None, AttemptPhase.QUEUED, "JobPending"),
        (job(), pod(None, UNSCHEDULABLE), AttemptPhase.QUEUED, "Unschedulable"),
        (job(), pod(PULLING, scheduled(-10)), AttemptPhase.QUEUED, "ImagePullBackOff"),
        (job(), pod({"running": {"startedAt": time(-5)}}, scheduled(-10)), AttemptPhase.RUNNING, ""),
        # The Job has not said yet whether it was the candidate or the cluster.
        (job(), pod(ended(1), scheduled(-60)), AttemptPhase.RUNNING, ""),
        (job(), pod(ended(143), scheduled(-60), DISRUPTED), AttemptPhase.QUEUED, "Disrupted"),
    ],
)
def test_not_ended(job_body: dict[str, Any], pod_body: dict[str, Any] | None, phase: AttemptPhase, reason: str) -> None:
    seen = view(job_body, *([] if pod_body is None else [pod_body]))
    assert (seen.phase, seen.reason) == (phase, reason)


def test_last_words_of_a_crash_are_told() -> None:
    seen = view(FAILED, pod(ended(3, "Traceback\nValueError: no such data set\n")))
    assert seen.ending is not None
    assert "exit code 3" in seen.ending.message
    assert "no such data set" in seen.ending.message


def test_job_keeps_the_template_and_adds_the_contract() -> None:
    body = search(
        "s", container={"env": [{"name": "LR", "value": "$(EVONAS_D_A1)"}, {"name": "EVONAS_SEED", "value": "x"}]}
    )
    spec = SearchSpec.parse(body)
    trial = Trial(7, {"a1": 2, "a2": 3, "a3": 5}, ProposalRecord("random", None, (), 0))
    built = build_job(SearchIdentity("s", "u", "n"), spec, trial, "t", service_account="evonas-trial")
    template = built["spec"]["template"]["spec"]
    names = [variable["name"] for variable in template["containers"][0]["env"]]
    assert len(names) == len(set(names))
    assert names.index("EVONAS_D_A1") < names.index("LR")
    values = {variable["name"]: variable.get("value") for variable in template["containers"][0]["env"]}
    assert values["EVONAS_SEED"] == "10"
    assert template["restartPolicy"] == "Never"
    assert template["serviceAccountName"] == "evonas-trial"
    assert template["nodeSelector"] == {"type": "kwok"}
    assert "ttlSecondsAfterFinished" not in built["spec"]
    assert "restartPolicy" not in body["spec"]["trial"]["template"]["spec"]


def test_older_version_never_replaces_a_newer_one_and_a_predecessors_deletion_is_ignored() -> None:
    store = Store()
    changes: list[str] = []
    store.subscribe(changes.append)
    store.put_job(read_job(job(("Failed", "x"), version=5)))
    store.put_job(read_job(job(version=4)))
    assert store.children("u").jobs[0, 1].failed
    store.drop_job(read_job(job(version=9, uid="predecessor")))
    assert (0, 1) in store.children("u").jobs
    assert changes == ["u"]
    store.drop_job(read_job(job(version=9)))
    assert not store.children("u").jobs
