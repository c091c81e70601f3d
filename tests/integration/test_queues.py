"""Searches in Kueue's queues: one quota for both, and the urgent one takes it from the other.

What a preemption by Kueue 0.17 looked like here: Kueue sets ``spec.suspend`` of the running Job and clears its
``startTime``; the Job controller takes its finalizer off the pod, deletes the pod with its grace period, and turns
the Job's condition ``Suspended`` True. The pod is counted neither as failed nor as succeeded, whatever
``backoffLimit`` says, and carries no ``DisruptionTarget``. On the fake node it vanishes while it runs, so no exit
code is ever seen; a real node's container gets SIGTERM and may show one before the pod is gone. Admitted again, the
same Job makes another pod.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.client import Cluster
from harness.fixtures import running_or_skipped
from tests.chart.rendering import ROOT
from tests.command_line import evonas, shell_of
from tests.integration.searches import HELD, condition, let_go, running, states, trials, wait_until, worse_and_worse
from tests.operator_process import OperatorProcess, install, search
from tests.shell_blocks import blocks_run_by, reader_folder

pytestmark = pytest.mark.kueue

EXAMPLE = ROOT / "examples" / "queues" / "kueue.yaml"


@pytest.fixture(scope="module")
def queues() -> Iterator[Cluster]:
    """A cluster of its own, so that Kueue's webhooks meet no other test's Jobs."""
    with running_or_skipped("kueue") as cluster:
        install(cluster)
        yield cluster


@pytest.fixture
def namespace(queues: Cluster) -> Iterator[str]:
    """A namespace with the example's queue: a quota of two GPUs, and two priorities."""
    with queues.namespace() as name:
        queues.apply(EXAMPLE.read_text(), name)
        yield name


@pytest.fixture
def operator(queues: Cluster, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(queues, tmp_path / "operator.log", [namespace], cold=False)
    process.start()
    yield process
    assert process.stop() == 0, process.log


def _queued(name: str, count: int) -> dict[str, Any]:
    budget = {"maxTrials": count, "parallelTrials": 2}
    body = search(name, budget=budget, trial={"retries": 0})
    body["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "gpus", "kueue.x-k8s.io/priority-class": name}
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    return body


def test_urgent_search_preempts_the_other_and_both_complete(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    queues.apply(yaml.safe_dump(_queued("low", 6)), namespace)
    queues.wait_for("two running pods", lambda: len(running(queues, namespace)) == 2)
    preempted = {pod["metadata"]["uid"] for pod in running(queues, namespace)}
    high = _queued("high", 4)
    # All its Jobs wait from the beginning: what one gives back goes to the next, and to no trial of the other search.
    high["spec"]["budget"]["parallelTrials"] = 4
    queues.apply(yaml.safe_dump(high), namespace)
    most = 0

    def held_back() -> bool:
        nonlocal most
        most = max(most, len(running(queues, namespace)))
        said = condition(queues.get("nas", "low", namespace), "Progressing")
        told = said.get("reason") == "Queued" and "waits for admission by queue gpus" in said["message"]
        found = states(queues, namespace, "low")
        return told and "Running" not in found and "Queued" in found

    def both_complete() -> bool:
        nonlocal most
        most = max(most, len(running(queues, namespace)))
        let_go(queues, namespace, seconds=3)
        return all(
            condition(queues.get("nas", name, namespace), "Complete").get("status") == "True"
            for name in ("low", "high")
        )

    queues.wait_for("the search that is held back to say so", held_back)
    queues.wait_for("both searches to complete", both_complete, 300)
    assert most == 2
    for name, count in (("low", 6), ("high", 4)):
        status = wait_until(queues, namespace, name, "Complete")["status"]
        assert (status["trials"]["succeeded"], status["trials"]["failed"]) == (count, 0)
    assert len(trials(queues, namespace)) == 10
    retried = [body for body in trials(queues, namespace) if body["status"].get("disruptions")]
    assert sorted(body["spec"]["index"] for body in retried) == [0, 1]
    for body in retried:
        disrupted, completed = body["status"]["attempts"]
        assert (disrupted["number"], disrupted["reason"], disrupted["disrupted"]) == (1, "JobSuspended", True)
        assert (completed["number"], completed["reason"]) == (1, "Completed")
        assert disrupted["pod"] != completed["pod"]
        assert body["status"]["gpuSeconds"] >= 3
    survivors = {pod["metadata"]["uid"] for pod in queues.list("pods", namespace)}
    assert not preempted & survivors


def test_trials_that_are_stopped_at_rungs_give_their_quota_back(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    body = _queued("low", 8)
    body["spec"]["fidelity"] = {"rungs": {"min": 1, "max": 4, "factor": 2}}
    # More at once than the quota allows: the others wait until it is given back.
    body["spec"]["budget"]["parallelTrials"] = 3
    annotations, candidates = worse_and_worse(8, patient=4)
    body["spec"]["trial"]["template"]["metadata"]["annotations"] = {"evonas-test/duration": "500ms", **annotations}
    body["spec"]["warmStart"] = {"candidates": candidates}
    queues.apply(yaml.safe_dump(body), namespace)
    counts = wait_until(queues, namespace, "low", "Complete")["status"]["trials"]
    assert counts["stopped"] >= 4
    assert counts["stopped"] + counts["succeeded"] == 8

    queues.wait_for("the whole quota to be free", lambda: _reserved(queues) == {"0"})


def test_trial_that_pauses_gives_its_quota_to_another_search(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    body = _queued("low", 2)
    body["spec"]["fidelity"] = {"rungs": {"steps": [1, 9]}, "mode": "Pause"}
    queues.apply(yaml.safe_dump(body), namespace)
    queues.wait_for("two running pods", lambda: len(running(queues, namespace)) == 2)
    other = _queued("low", 1)
    other["metadata"]["name"] = "other"
    other["spec"]["budget"] = {"maxTrials": 1, "parallelTrials": 1}
    queues.apply(yaml.safe_dump(other), namespace)

    def reason() -> str:
        return str(condition(queues.get("nas", "other", namespace), "Progressing").get("reason", ""))

    def states(name: str) -> list[str]:
        return sorted(body.get("status", {}).get("state", "") for body in trials(queues, namespace, name))

    queues.wait_for("the other search to wait for quota", lambda: reason() == "Queued")
    let_go(queues, namespace)
    # One of two goes on, so that there is a result, and the other one's quota is free.
    queues.wait_for(
        "the other search to run", lambda: (states("low"), states("other")) == (["Paused", "Running"], ["Running"])
    )
    for name in ("low", "other"):
        wait_until(queues, namespace, name, "Complete", meanwhile=lambda: let_go(queues, namespace))
    assert (states("low"), states("other")) == (["Paused", "Succeeded"], ["Succeeded"])
    queues.wait_for("the whole quota to be free", lambda: _reserved(queues) == {"0"})


def test_doctor_finds_what_keeps_a_queue_from_admitting_and_its_cures_mend_it(
    queues: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    body = _queued("low", 2)
    body["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "absent"
    queues.apply(yaml.safe_dump(body), namespace)

    def ask() -> tuple[str, str, str]:
        """Return verdict, message and cure of the finding about the queue."""
        said = evonas(queues, namespace, "doctor", "--operator-namespace", namespace).stdout
        found = re.search(r"^(\w+) +queue absent: (.*)(?:\n +fix: (.*))?", said, re.MULTILINE)
        assert found is not None, said
        return found.group(1), found.group(2), found.group(3) or ""

    def mend(cure: str) -> None:
        text, _, command = cure.rpartition(" | ")
        queues.kubectl(*shlex.split(command)[1:], input=shlex.split(text)[1] if text else None)

    verdict, message, cure = ask()
    assert verdict == "missing"
    assert "no LocalQueue of that name" in message
    mend(cure)
    queues.wait_for("the queue to be active", lambda: ask()[0] == "ok")
    for kind, words in (("localqueue", ["absent", "-n", namespace]), ("clusterqueue", ["gpus"])):
        queues.kubectl("patch", kind, *words, "--type=merge", "-p", '{"spec": {"stopPolicy": "Hold"}}')
        queues.wait_for(f"the {kind} to stop", lambda: ask()[0] == "missing")
        mend(ask()[2])
        queues.wait_for(f"the {kind} to go on", lambda: ask()[0] == "ok")
    queues.wait_for("two running pods", lambda: len(running(queues, namespace)) == 2)


def test_commands_of_the_page_run(queues: Cluster, namespace: str, tmp_path: Path) -> None:
    queues.apply(yaml.safe_dump(search("digits-cnn", suspend=True)), namespace)
    (block,) = blocks_run_by("tests/integration/test_queues.py::test_commands_of_the_page_run")
    block.run(reader_folder(tmp_path), shell_of(queues, namespace, tmp_path))
    labels = queues.get("nas", "digits-cnn", namespace)["metadata"]["labels"]
    assert labels == {"kueue.x-k8s.io/queue-name": "gpus", "kueue.x-k8s.io/priority-class": "low"}


def _reserved(cluster: Cluster) -> set[str]:
    flavors = cluster.get("clusterqueue", "gpus", "")["status"]["flavorsReservation"]
    return {resource["total"] for flavor in flavors for resource in flavor["resources"]}
