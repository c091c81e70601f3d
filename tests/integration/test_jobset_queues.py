"""JobSets in Kueue's queues, which admits all pods of a trial or none, and JobSet's controller down for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.fixtures import running_or_skipped
from tests.chart.rendering import ROOT
from tests.integration.searches import HELD, assert_results, running, trials, wait_until
from tests.integration.workloads import all_running, jobset, let_all_go, pods_of
from tests.operator_process import OperatorProcess, install

pytestmark = [pytest.mark.kueue, pytest.mark.jobset]

EXAMPLE = ROOT / "examples" / "queues" / "kueue.yaml"
QUOTA = 6
TWO = {"driver": 1, "worker": 1}
BOTH_HELD = {"driver": HELD, "worker": HELD}


@pytest.fixture(scope="module")
def queues() -> Iterator[Cluster]:
    """A cluster of its own: JobSet's controller is stopped on it."""
    with running_or_skipped("kueue", "jobset") as cluster:
        install(cluster)
        yield cluster


@pytest.fixture
def namespace(queues: Cluster) -> Iterator[str]:
    """A namespace with the example's queue, and a quota of six GPUs."""
    with queues.namespace() as name:
        queues.apply(EXAMPLE.read_text().replace("nominalQuota: 2", f"nominalQuota: {QUOTA}"), name)
        yield name


@pytest.fixture
def operator(queues: Cluster, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(
        queues, tmp_path / "operator.log", [namespace], cold=False, options=("--workload", "JobSet")
    )
    process.start()
    yield process
    assert process.stop() == 0, process.log


def test_forty_trials_of_two_pods_complete_in_a_quota_of_six_and_none_is_admitted_by_half(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    budget = {"maxTrials": 40, "parallelTrials": 6}
    trial = {"retries": 0, "ttlSecondsAfterFinished": 3600}
    queues.apply(yaml.safe_dump(_queued(jobset("gang", TWO, budget=budget, trial=trial))), namespace)
    status = wait_until(queues, namespace, "gang", "Complete", 600)["status"]
    assert (status["trials"]["succeeded"], status["trials"]["failed"]) == (40, 0)
    assert_results(queues, namespace, "gang", 40)
    assert not any(body["status"].get("disruptions") for body in trials(queues, namespace))
    pods = queues.wait_for("all pods to end", lambda: _ended(queues, namespace, 80))
    of_trial: dict[str, list[dict[str, Any]]] = {}
    for pod in pods:
        of_trial.setdefault(pod["metadata"]["labels"]["evonas.dev/trial"], []).append(pod)
    assert {len(each) for each in of_trial.values()} == {2}
    # A trial that has a pod has room for both, and each gives its room back when it ends.
    claims = [(min(map(_begun, each)), _finished(pod)) for each in of_trial.values() for pod in each]
    assert max(sum(begun <= moment < end for begun, end in claims) for moment, _ in claims) <= QUOTA


def test_trial_that_waits_says_so_in_the_words_of_kueue(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    body = jobset("waits", TWO, annotations=BOTH_HELD, budget={"maxTrials": 4, "parallelTrials": 4})
    queues.apply(yaml.safe_dump(_queued(body)), namespace)
    all_running(queues, namespace, QUOTA)

    def told() -> str:
        messages = (trial.get("status", {}).get("message", "") for trial in trials(queues, namespace))
        return next((said for said in messages if "insufficient" in said), "")

    said = queues.wait_for("Kueue's words", told)
    assert said.startswith("waits for admission by queue gpus: ")
    assert "nvidia.com/gpu" in said
    wait_until(
        queues, namespace, "waits", "Complete", meanwhile=lambda: let_all_go(queues, namespace, whole=2, seconds=1)
    )


def test_preempted_trial_loses_all_its_pods_once_and_goes_on_later(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    low = jobset("low", {"driver": 1, "worker": 3}, annotations=BOTH_HELD, budget={"maxTrials": 1, "parallelTrials": 1})
    queues.apply(yaml.safe_dump(_queued(low)), namespace)
    before = {pod["metadata"]["uid"] for pod in all_running(queues, namespace, 4)}
    high = jobset(
        "high", {"driver": 1, "worker": 3}, annotations=BOTH_HELD, budget={"maxTrials": 1, "parallelTrials": 1}
    )
    queues.apply(yaml.safe_dump(_queued(high)), namespace)
    queues.wait_for(
        "the urgent search's pods",
        lambda: (
            len(found := {pod["metadata"]["uid"] for pod in running(queues, namespace)}) == 4 and not found & before
        ),
    )
    for name in ("high", "low"):
        wait_until(
            queues, namespace, name, "Complete", meanwhile=lambda: let_all_go(queues, namespace, whole=4, seconds=1)
        )
    (trial,) = trials(queues, namespace, "low")
    disrupted, completed = trial["status"]["attempts"]
    assert (disrupted["reason"], disrupted["disrupted"]) == ("WorkloadSuspended", True)
    assert completed["reason"] == "Completed"
    assert trial["status"]["disruptions"] == 1


def test_search_goes_on_where_jobsets_controller_was_down_while_trials_ended_and_others_were_due(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    body = jobset("down", TWO, annotations=BOTH_HELD, budget={"maxTrials": 6, "parallelTrials": 2})
    body["spec"]["trial"]["retries"] = 0
    queues.apply(yaml.safe_dump(body), namespace)
    all_running(queues, namespace, 4)
    queues.kill("jobset")
    let_all_go(queues, namespace, whole=2)
    # Its webhook is down, too: the next trials are recorded, and what is to make their pods is refused.
    queues.wait_for("results, and the next trials to be refused", lambda: _is_refused(queues, namespace))
    queues.restart("jobset")
    wait_until(queues, namespace, "down", "Complete", meanwhile=lambda: let_all_go(queues, namespace, whole=2))
    assert_results(queues, namespace, "down", 6)
    assert not any(trial["status"].get("disruptions") for trial in trials(queues, namespace))
    assert {len(pods_of(queues, namespace, index)) for index in range(6)} == {2}


def _is_refused(cluster: Cluster, namespace: str) -> bool:
    found = trials(cluster, namespace)
    states = [trial.get("status", {}).get("state") for trial in found]
    return states.count("Succeeded") == 2 and len(found) > 2 and len(cluster.list("jobsets", namespace)) == 2


def _queued(body: dict[str, Any]) -> dict[str, Any]:
    name = body["metadata"]["name"]
    labels = {"kueue.x-k8s.io/queue-name": "gpus"}
    if name in ("low", "high"):
        labels["kueue.x-k8s.io/priority-class"] = name
    body["metadata"]["labels"] = labels
    return body


def _ended(cluster: Cluster, namespace: str, count: int) -> list[dict[str, Any]]:
    """Return all pods once there are so many and all have ended."""
    pods = cluster.list("pods", namespace)
    ended = len(pods) == count and all(pod["status"].get("phase") == "Succeeded" for pod in pods)
    return pods if ended else []


def _begun(pod: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])


def _finished(pod: dict[str, Any]) -> datetime:
    (container,) = pod["status"]["containerStatuses"]
    return datetime.fromisoformat(container["state"]["terminated"]["finishedAt"])
