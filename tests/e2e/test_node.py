"""The whole path on a real node: operator in a pod, trials in containers, each annotating its own pod."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.manifest import to_yaml
from evonas_trial.counting import score
from tests.chart.rendering import ROOT
from tests.cluster.client import Cluster
from tests.command_line import evonas
from tests.corpus.environment import VARIABLES, answer, asking_search
from tests.e2e.installed import apply_example, follow
from tests.integration.searches import assert_sound, condition, trials
from tests.unit.local.runs import ask_here

pytestmark = [pytest.mark.node, pytest.mark.timeout(1200)]


def test_counting_completes_and_every_pod_annotated_itself(cluster: Cluster, namespace: str) -> None:
    apply_example(cluster, "counting.yaml", namespace)
    follow(cluster, namespace, "counting", timeout=400)
    cluster.wait_for("complete Jobs", lambda: _all_complete(cluster, namespace), 60)
    assert_sound(cluster, namespace, "counting", 40)
    rewards = {body["metadata"]["name"]: body for body in trials(cluster, namespace)}
    for body in rewards.values():
        decisions = body["spec"]["decisions"]
        expected = score([decisions[f"a{position}"] for position in range(1, 6)])
        assert float(body["status"]["reward"]) == expected
    for pod in cluster.list("pods", namespace):
        reward = rewards[pod["metadata"]["labels"]["evonas.dev/trial"]]["status"]["reward"]
        assert float(pod["metadata"]["annotations"]["evonas.dev/reward"]) == float(reward)
        assert pod["spec"]["serviceAccountName"] == "evonas-trial"
        message = pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
        assert yaml.safe_load(message)["reward"] == float(reward)


def test_digits_cnns_train_in_containers_with_gpu_limits(cluster: Cluster, namespace: str) -> None:
    apply_example(cluster, "digits-cnn-6.yaml", namespace)
    found = follow(cluster, namespace, "digits-cnn-6", timeout=900)
    records = trials(cluster, namespace)
    assert len(records) == 6
    for body in records:
        assert float(body["status"]["metrics"]["accuracy"]) > 0.9
        assert body["status"]["reward"] == body["status"]["metrics"]["accuracy"]
        assert body["status"]["gpuSeconds"] >= 1
    assert found["status"]["gpuSeconds"] == sum(body["status"]["gpuSeconds"] for body in records)
    for pod in cluster.list("pods", namespace):
        assert pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize(
    ("command", "image", "state", "reason", "words"),
    [
        (["sh", "-c", "echo no such file >&2; exit 3"], None, "Failed", "NonZeroExitCode", "no such file"),
        (["true"], None, "Failed", "NoReward", "reported nothing"),
        (["sh", "-c", "echo '{\"reward\": NaN}' > /dev/termination-log"], None, "Failed", "InvalidReward", "NaN"),
        (["sh", "-c", "echo '{\"reward\": 1e999}' > /dev/termination-log"], None, "Failed", "InvalidReward", "inf"),
        (["sh", "-c", "echo abc > /dev/termination-log"], None, "Failed", "InvalidReward", "abc"),
        (["sh", "-c", "echo '{\"reward\": 0.5}' > /dev/termination-log"], None, "Succeeded", "", ""),
        (["sh", "-c", "exit 65"], None, "Infeasible", "Infeasible", "65"),
        (["no-such-program"], None, "Failed", "StartError", "no-such-program"),
        (["true"], "no-such-image:1", "Failed", "ImagePullFailed", "no-such-image"),
    ],
    ids=["exit-3", "silent", "nan", "1e999", "abc", "message-only", "exit-65", "no-program", "no-image"],
)
def test_each_way_a_trial_can_go_wrong(
    cluster: Cluster, namespace: str, command: list[str], image: str | None, state: str, reason: str, words: str
) -> None:
    body = _counting()
    container = body["spec"]["trial"]["template"]["spec"]["containers"][0]
    container["command"] = command
    if image is not None:
        container["image"] = image
        container["imagePullPolicy"] = "Never"
    body["spec"]["trial"] |= {"retries": 0, "startTimeoutSeconds": 30}
    body["spec"]["budget"] = {"maxTrials": 2, "parallelTrials": 1}
    cluster.apply(yaml.safe_dump(body), namespace)
    end, why = ("Complete", "MaxTrialsReached") if state == "Succeeded" else ("Failed", "NoTrialSucceeded")
    ended = condition(follow(cluster, namespace, "counting", timeout=120, end=end), end)
    assert ended["reason"] == why
    assert state == "Succeeded" or f"2 {state}" in ended["message"]
    assert reason in ended["message"]
    assert words in ended["message"]
    for trial in trials(cluster, namespace):
        status = trial["status"]
        assert (status["state"], status.get("reason", "")) == (state, reason)
        assert words in status.get("message", "")


def test_container_is_told_what_a_local_trial_is_told(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    here = ask_here(tmp_path)
    cluster.apply(to_yaml(asking_search()), namespace)
    follow(cluster, namespace, "asking", timeout=120)
    (pod,) = cluster.list("pods", namespace)
    assert answer(cluster.kubectl("logs", pod["metadata"]["name"], "-n", namespace)) == here

    container = {**pod["spec"]["containers"][0], "name": "winner"}
    for own in ("env", "args", "volumeMounts"):
        container.pop(own, None)
    container |= yaml.safe_load(evonas(cluster, namespace, "best", "asking", "-o", "pod").stdout)
    winner = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "winner"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": pod["spec"]["securityContext"],
            "containers": [container],
        },
    }
    cluster.apply(to_yaml(winner), namespace)
    cluster.wait_for(
        "the winner's pod", lambda: cluster.get("pod", "winner", namespace)["status"]["phase"] == "Succeeded", 60
    )
    assert answer(cluster.kubectl("logs", "winner", "-n", namespace))["variables"] == VARIABLES


def test_logs_of_a_trial_come_from_its_pod(cluster: Cluster, namespace: str) -> None:
    body = _counting()
    script = "echo deciding on $EVONAS_D_A1; echo '{\"reward\": 0.5}' > /dev/termination-log"
    body["spec"]["trial"]["template"]["spec"]["containers"][0]["command"] = ["sh", "-c", script]
    body["spec"]["budget"] = {"maxTrials": 1, "parallelTrials": 1}
    cluster.apply(yaml.safe_dump(body), namespace)
    follow(cluster, namespace, "counting", timeout=120)
    (trial,) = trials(cluster, namespace)
    said = evonas(cluster, namespace, "logs", "counting", "0", "--follow")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"deciding on {trial['spec']['decisions']['a1']}\n"


def _counting() -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "counting.yaml").read_text())
    return body


def _all_complete(cluster: Cluster, namespace: str) -> bool:
    jobs = cluster.list("jobs", namespace)
    return all(condition(job, "Complete") and "ttlSecondsAfterFinished" in job["spec"] for job in jobs)
