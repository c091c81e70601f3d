"""Trials and templates that go wrong: each ends with a reason that a person understands, and the search goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evonas.search.names import job_name, trial_name
from harness.client import Cluster
from tests.integration.searches import HELD, condition, events_of, states, trials, wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]


def _with_pods(body: dict[str, Any], *, annotations: dict[str, str]) -> dict[str, Any]:
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": annotations}
    return body


@pytest.mark.parametrize(
    ("outcome", "state", "reason", "words", "attempts"),
    [
        ("fail", "Failed", "NonZeroExitCode", "exited with code 1", 2),
        ("infeasible", "Infeasible", "Infeasible", "exit code 65", 1),
        ("silent", "Failed", "NoReward", "reported nothing", 1),
        ("message", "Succeeded", "", "", 1),
    ],
)
def test_each_outcome_is_recorded_and_without_a_success_the_search_has_failed(
    cluster: Cluster,
    namespace: str,
    operator: OperatorProcess,
    apply: Apply,
    outcome: str,
    state: str,
    reason: str,
    words: str,
    attempts: int,
) -> None:
    body = search("ending", budget={"maxTrials": 3, "parallelTrials": 2}, trial={"retries": 1})
    apply(_with_pods(body, annotations={"evonas-test/outcome": outcome, "evonas-test/duration": "100ms"}))
    found = wait_until(cluster, namespace, "ending", "Complete" if state == "Succeeded" else "Failed")
    if state != "Succeeded":
        failed = condition(found, "Failed")
        assert failed["reason"] == "NoTrialSucceeded"
        assert f"3 {state}" in failed["message"]
        assert reason in failed["message"]
        assert words in failed["message"]
        assert condition(found, "Complete")["status"] == "False"
        assert events_of(cluster, namespace, "SearchFailed")
    for trial in trials(cluster, namespace):
        status = trial["status"]
        assert (status["state"], status.get("reason", "")) == (state, reason)
        assert words in status.get("message", "")
        assert len(status["attempts"]) == attempts
    assert found["status"]["trials"][state.lower()] == 3
    assert len(cluster.list("jobs", namespace)) == 3 * attempts


@pytest.mark.parametrize("reward", ["NaN", "1e999", "abc", "", "-inf", "0x10"])
def test_reward_that_is_no_number_is_refused_with_its_text(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply, reward: str
) -> None:
    body = search("reward", budget={"maxTrials": 1, "parallelTrials": 1})
    apply(_with_pods(body, annotations=HELD))
    pod = cluster.wait_for("the pod", lambda: cluster.list("pods", namespace))[0]
    name = pod["metadata"]["name"]
    cluster.kubectl("annotate", "pod", name, "-n", namespace, f"evonas.dev/reward={reward}")
    wait_until(cluster, namespace, "reward", "Failed")
    status = trials(cluster, namespace)[0]["status"]
    assert (status["state"], status["reason"]) == ("Failed", "InvalidReward")
    assert repr(reward) in status["message"]
    assert "sequence" not in status


def test_too_many_failures_fail_the_search(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = search("failing", budget={"maxTrials": 50, "maxFailedTrials": 2}, trial={"retries": 0})
    apply(_with_pods(body, annotations={"evonas-test/outcome": "fail", "evonas-test/duration": "100ms"}))
    found = wait_until(cluster, namespace, "failing", "Failed")
    assert condition(found, "Failed")["reason"] == "TooManyFailedTrials"
    assert "exited with code 1" in condition(found, "Failed")["message"]
    assert condition(found, "Complete")["status"] == "False"
    for reason in ("TrialFailed", "SearchFailed"):
        assert events_of(cluster, namespace, reason)


def test_slow_trial_times_out_and_is_not_retried(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    body = search("slow", budget={"maxTrials": 1, "parallelTrials": 1}, trial={"timeoutSeconds": 3})
    apply(_with_pods(body, annotations={"evonas-test/outcome": "hang"}))
    wait_until(cluster, namespace, "slow", "Failed")
    status = trials(cluster, namespace)[0]["status"]
    assert (status["state"], status["reason"], len(status["attempts"])) == ("Failed", "DeadlineExceeded", 1)
    assert "timeoutSeconds (3)" in status["message"]


def test_template_that_the_api_server_refuses_makes_no_pod(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    mounts = [{"name": "missing", "mountPath": "/data"}]
    apply(search("refused", container={"volumeMounts": mounts}, budget={"maxTrials": 1, "parallelTrials": 1}))
    found = cluster.wait_for(
        "the refusal",
        lambda: condition(cluster.get("nas", "refused", namespace), "Accepted"),
    )
    assert (found["status"], found["reason"]) == ("False", "TemplateRefused")
    assert "volumeMounts" in found["message"]
    assert not cluster.list("jobs", namespace)
    assert not trials(cluster, namespace)
    cluster.kubectl(
        "patch", "nas", "refused", "-n", namespace, "--type=json",
        "-p", '[{"op": "remove", "path": "/spec/trial/template/spec/containers/0/volumeMounts"}]',
    )  # fmt: skip
    wait_until(cluster, namespace, "refused", "Complete")


def test_condition_that_looks_forward_is_refused_by_the_operator(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    space = [{"name": "b", "values": [1], "when": {"name": "a", "values": [1]}}, {"name": "a", "values": [1, 2]}]
    apply(search("forward", searchSpace=space))
    found = cluster.wait_for(
        "the refusal",
        lambda: condition(cluster.get("nas", "forward", namespace), "Accepted"),
    )
    assert (found["status"], found["reason"]) == ("False", "InvalidSpec")
    assert "spec.searchSpace[0].when.name" in found["message"]


def test_unschedulable_trials_are_queued_and_the_search_says_why(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    apply(search("big", container={"resources": {"limits": {"nvidia.com/gpu": 100_000}}}))

    def blocked() -> dict[str, Any] | None:
        body = cluster.get("nas", "big", namespace)
        return body if condition(body, "Progressing").get("reason") == "Unschedulable" else None

    found = cluster.wait_for("the reason", blocked)
    assert found is not None
    assert "nvidia.com/gpu" in condition(found, "Progressing")["message"]
    assert found["status"]["trials"]["running"] == 0
    cluster.wait_for(
        "the trials' own word",
        lambda: set(states(cluster, namespace)) == {"Queued"},
    )


def test_foreign_job_of_our_name_is_never_adopted(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply
) -> None:
    operator.stop()
    apply(search("stolen", budget={"maxTrials": 2, "parallelTrials": 1}))
    uid = cluster.get("nas", "stolen", namespace)["metadata"]["uid"]
    name = job_name(trial_name("stolen", uid, 0), 1)
    cluster.kubectl("create", "job", name, "--image=foreign", "-n", namespace)
    operator.start()
    found = cluster.wait_for(
        "the refusal",
        lambda: [
            accepted
            for accepted in [condition(cluster.get("nas", "stolen", namespace), "Accepted")]
            if accepted.get("reason") == "ForeignObject"
        ],
    )
    assert name in found[0]["message"]
    assert not cluster.get("job", name, namespace)["metadata"].get("ownerReferences")
    cluster.kubectl("delete", "job", name, "-n", namespace)
    wait_until(cluster, namespace, "stolen", "Complete")
