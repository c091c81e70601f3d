"""The whole path on a real node: operator in a pod, trials in containers, each annotating its own pod."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.cluster.state.objects import read_trial
from evonas.manifest import to_yaml
from evonas.recorded.rungs import difference_at_rungs
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec
from evonas_trial.counting import learned, score
from harness.client import Cluster
from tests.chart.rendering import ROOT
from tests.command_line import evonas
from tests.corpus.environment import VARIABLES, answer, asking_search
from tests.e2e.installed import apply_example, follow, restricted_namespace
from tests.faults.invariants import attempt_of
from tests.integration.searches import assert_sound, condition, events_of, trials
from tests.unit.local import runs

pytestmark = [pytest.mark.node, pytest.mark.timeout(1200)]


def test_counting_completes_and_every_pod_annotated_itself(cluster: Cluster, namespace: str) -> None:
    apply_example(cluster, "counting.yaml", namespace)
    follow(cluster, namespace, "counting", timeout=400)
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


def test_images_hold_the_bytecode_that_no_trial_may_write(cluster: Cluster, namespace: str) -> None:
    body = _counting()
    container = body["spec"]["trial"]["template"]["spec"]["containers"][0]
    looks = "ls /app/evonas_trial/__pycache__/report.*.pyc && echo '{\"reward\": 1}' > /dev/termination-log"
    container["command"] = ["sh", "-c", looks]
    for image in ("evonas-trial:0.1.0", "evonas-trial-small:0.1.0"):
        search = body | {"metadata": {"name": image.partition(":")[0]}}
        search["spec"]["budget"] = {"maxTrials": 1, "parallelTrials": 1}
        container["image"] = image
        cluster.apply(to_yaml(search), namespace)
        found = follow(cluster, namespace, search["metadata"]["name"], timeout=300)
        assert float(found["status"]["best"]["reward"]) == 1


@dataclass(frozen=True)
class Way:
    """How a trial's container ends, and what is said of the trial then."""

    command: list[str]
    state: str
    reason: str
    words: str
    image: str = ""


def _says(text: str) -> list[str]:
    return ["sh", "-c", f"echo '{text}' > /dev/termination-log"]


WAYS = {
    "exit-3": Way(["sh", "-c", "echo no such file >&2; exit 3"], "Failed", "NonZeroExitCode", "no such file"),
    "silent": Way(["true"], "Failed", "NoReward", "reported nothing"),
    "nan": Way(_says('{"reward": NaN}'), "Failed", "InvalidReward", "NaN"),
    "1e999": Way(_says('{"reward": 1e999}'), "Failed", "InvalidReward", "inf"),
    "abc": Way(_says("abc"), "Failed", "InvalidReward", "abc"),
    "message-only": Way(_says('{"reward": 0.5}'), "Succeeded", "", ""),
    "exit-65": Way(["sh", "-c", "exit 65"], "Infeasible", "Infeasible", "65"),
    "no-program": Way(["no-such-program"], "Failed", "StartError", "no-such-program"),
    "no-image": Way(["true"], "Failed", "ImagePullFailed", "no-such-image", "no-such-image:1"),
}


@pytest.fixture(scope="module")
def gone_wrong(cluster: Cluster) -> Iterator[str]:
    """A namespace with a search for each way, side by side: most of their time is waiting for the node."""
    with restricted_namespace(cluster) as namespace:
        for name, way in WAYS.items():
            body = _counting()
            body["metadata"]["name"] = f"way-{name}"
            container = body["spec"]["trial"]["template"]["spec"]["containers"][0]
            container["command"] = way.command
            body["spec"]["trial"]["retries"] = 0
            if way.image:
                container |= {"image": way.image, "imagePullPolicy": "Never"}
            body["spec"]["budget"] = {"maxTrials": 2, "parallelTrials": 1}
            cluster.apply(yaml.safe_dump(body), namespace)
        yield namespace


@pytest.mark.parametrize("name", WAYS)
def test_each_way_a_trial_can_go_wrong(cluster: Cluster, gone_wrong: str, name: str) -> None:
    way, search = WAYS[name], f"way-{name}"
    end, why = ("Complete", "MaxTrialsReached") if way.state == "Succeeded" else ("Failed", "NoTrialSucceeded")
    ended = condition(follow(cluster, gone_wrong, search, timeout=240, end=end), end)
    assert ended["reason"] == why
    assert way.state == "Succeeded" or f"2 {way.state}" in ended["message"]
    assert way.reason in ended["message"]
    assert way.words in ended["message"]
    for trial in trials(cluster, gone_wrong, search):
        status = trial["status"]
        assert (status["state"], status.get("reason", "")) == (way.state, way.reason)
        assert way.words in status.get("message", "")
        # A runtime dates a program that it could not execute to 1970.
        assert not status.get("startTime", "").startswith("1970")


START_TIMEOUTS = {"sidecar-that-never-starts": 45}
"""By name, in seconds, where a trial is only given up then: a busy node may take that long to start any pod."""
BLOCKED: dict[str, tuple[dict[str, Any], str, str]] = {
    "init": (
        {"initContainers": [{"name": "data", "command": ["sh", "-c", "echo no such bucket >&2; exit 9"]}]},
        "InitContainerFailed",
        "init container 'data' exited with code 9: no such bucket",
    ),
    "init-beside-a-sidecar": (
        {
            "initContainers": [
                {"name": "proxy", "restartPolicy": "Always", "command": ["sleep", "600"]},
                {"name": "data", "command": ["no-such-program"]},
            ]
        },
        "InitContainerFailed",
        "init container 'data' exited with code 128 (StartError)",
    ),
    "sidecar-without-image": (
        {"initContainers": [{"name": "proxy", "restartPolicy": "Always", "image": "no-such-image:1"}]},
        "ImagePullFailed",
        "sidecar 'proxy' waits: ErrImageNeverPull",
    ),
    "sidecar-that-never-starts": (
        {
            "initContainers": [
                {
                    "name": "proxy",
                    "restartPolicy": "Always",
                    "command": ["sleep", "600"],
                    "startupProbe": {"exec": {"command": ["false"]}, "failureThreshold": 100},
                }
            ]
        },
        "StartFailed",
        "sidecar 'proxy' runs, but its startup probe has not succeeded",
    ),
    "deadline": (
        {"activeDeadlineSeconds": 3, "containers": [{"command": ["sleep", "600"]}]},
        "DeadlineExceeded",
        "the attempt took longer than the template's activeDeadlineSeconds (3)",
    ),
    "long-message": (
        {"containers": [{"command": ["sh", "-c", "printf %09000d 1 > /dev/termination-log"]}]},
        "InvalidReward",
        "the termination message was cut to 4,096 bytes",
    ),
    "long-message-beside-init-containers": (
        {
            "initContainers": [{"name": f"data-{position}", "command": ["true"]} for position in range(3)],
            "containers": [{"command": ["sh", "-c", "printf %09000d 1 > /dev/termination-log"]}],
        },
        "InvalidReward",
        "the termination message was cut to 3,072 bytes",
    ),
}


def test_what_kept_a_trial_from_its_result_is_named(cluster: Cluster, namespace: str) -> None:
    for name, (pod, _, _) in BLOCKED.items():
        body = _counting()
        body["metadata"]["name"] = name
        body["spec"]["trial"] |= {"retries": 0, "startTimeoutSeconds": START_TIMEOUTS.get(name, 600)}
        body["spec"]["budget"] = {"maxTrials": 1}
        template = body["spec"]["trial"]["template"]["spec"]
        # The first process of a container does not heed SIGTERM by itself.
        template["terminationGracePeriodSeconds"] = 1
        (container,) = template["containers"]
        container["imagePullPolicy"] = "Never"
        for field, value in pod.items():
            template[field] = [{**container, **item} for item in value] if isinstance(value, list) else value
        cluster.apply(yaml.safe_dump(body), namespace)

    def ended() -> dict[str, dict[str, Any]]:
        found = {trial["spec"]["searchRef"]["name"]: trial.get("status", {}) for trial in trials(cluster, namespace)}
        return found if [status.get("state") for status in found.values()] == ["Failed"] * len(BLOCKED) else {}

    for name, status in cluster.wait_for("the trials to fail", ended, 240).items():
        _, reason, message = BLOCKED[name]
        assert (name, status["reason"]) == (name, reason)
        assert message in status["message"]
        assert reason not in status["message"]
    # What an ended search says, in the words of kubectl: once.
    events = events_of(cluster, namespace, "TrialFailed")
    assert {event["message"].count(BLOCKED[event["involvedObject"]["name"]][1]) for event in events} == {1}


def test_container_is_told_what_a_local_trial_is_told(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    here = runs.ask_here(tmp_path)
    # By kubectl itself, which reads YAML in its own way.
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=to_yaml(asking_search()))
    follow(cluster, namespace, "asking", timeout=240)
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
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=to_yaml(winner))
    cluster.wait_for(
        "the winner's pod", lambda: cluster.get("pod", "winner", namespace)["status"]["phase"] == "Succeeded"
    )
    assert answer(cluster.kubectl("logs", "winner", "-n", namespace))["variables"] == VARIABLES


def test_trials_are_stopped_at_rungs_as_in_a_local_run(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    body = _counting()
    body["spec"]["fidelity"] = {"rungs": {"min": 1, "max": 9, "factor": 3}}
    body["spec"]["budget"] = {"maxTrials": 8, "parallelTrials": 1}
    container = body["spec"]["trial"]["template"]["spec"]["containers"][0]
    # Two thirds of it are left at the last rung but one, to be stopped in: who has ended by then is not.
    container["command"] += ["--seconds", "7.5"]
    container["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    manifest = tmp_path / "search.yaml"
    manifest.write_text(yaml.safe_dump(body))
    runs.evonas(tmp_path, "run", str(manifest))

    cluster.apply(manifest.read_text(), namespace)
    found = follow(cluster, namespace, "counting", timeout=300)
    there = trials(cluster, namespace)
    assert [_decided(read_trial(record).trial) for record in there] == [
        _decided(trial) for trial in runs.recorded(tmp_path, "counting")
    ]
    stopped = {record["metadata"]["name"] for record in there if record["status"]["state"] == "Stopped"}
    assert found["status"]["trials"]["stopped"] == len(stopped) >= 3
    cluster.wait_for("the stopped pods to go", lambda: not stopped & _trials_with_pods(cluster, namespace))


def test_paused_trials_free_their_gpus_and_go_on_from_their_checkpoints(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    steps, at_once = [1, 2, 4, 8], 3
    body = _counting()
    body["spec"]["fidelity"] = {"rungs": {"steps": steps}, "mode": "Pause"}
    body["spec"]["budget"] = {"maxTrials": 20, "parallelTrials": at_once}
    template = body["spec"]["trial"]["template"]["spec"]
    (container,) = template["containers"]
    container["command"] += ["--checkpoint-dir", "/checkpoints", "--seconds", "4"]
    container["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    container["volumeMounts"] = [{"name": "checkpoints", "mountPath": "/checkpoints"}]
    template["volumes"] = [{"name": "checkpoints", "persistentVolumeClaim": {"claimName": "checkpoints"}}]
    cluster.apply(yaml.safe_dump_all(_claimed_volume(namespace, tmp_path / "checkpoints")), namespace)
    cluster.apply(yaml.safe_dump(body), namespace)
    found = follow(cluster, namespace, "counting", timeout=600)

    there = [read_trial(record).trial for record in trials(cluster, namespace)]
    assert difference_at_rungs(SearchSpec.parse({**body, "metadata": {"name": "counting"}}), there) is None
    counts = found["status"]["trials"]
    assert counts["succeeded"] >= 1
    assert counts["succeeded"] + counts["paused"] == 20
    for trial in there:
        # What a training would have reached that nobody had paused.
        full = score([int(trial.decisions[f"a{position}"]) for position in range(1, 6)])
        assert [rung.value for rung in trial.rungs] == [full * learned(rung.step, 8) for rung in trial.rungs]
        assert trial.reward == (full if trial.state is TrialState.SUCCEEDED else None)
        assert (trial.lost_checkpoints, trial.disruptions) == (0, 0)
        assert [attempt.number for attempt in trial.attempts] == [*range(1, len(trial.attempts) + 1)]
    pods = {attempt_of(pod): pod for pod in cluster.list("pods", namespace)}
    assert sorted(pods) == sorted((trial.index, attempt.number) for trial in there for attempt in trial.attempts)
    for (_, number), pod in pods.items():
        said = cluster.kubectl("logs", pod["metadata"]["name"], "-n", namespace)
        resumed = [f"resumed from step {steps[number - 2]}"] if number > 1 else []
        assert [line.removeprefix("evonas: ") for line in said.splitlines() if "resumed" in line] == resumed
    assert _most_at_once(pods.values()) == at_once


def _most_at_once(pods: Iterable[dict[str, Any]]) -> int:
    """Return how many pods there were at once, each from its creation to the end of its container."""
    changes = []
    for pod in pods:
        changes.append((pod["metadata"]["creationTimestamp"], 1))
        changes.append((pod["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"], -1))
    # Times are in whole seconds: who ends in the second in which another begins has made room for it.
    return max(accumulate(change for _, change in sorted(changes)))


def _claimed_volume(namespace: str, folder: Path) -> list[dict[str, Any]]:
    """Return a volume that is a folder of the node, for everybody, and a claim of it."""
    folder.mkdir()
    folder.chmod(0o777)
    modes, name = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}, f"checkpoints-{namespace}"
    volume = {**modes, "capacity": {"storage": "1Gi"}, "hostPath": {"path": str(folder)}}
    claim = {**modes, "resources": {"requests": {"storage": "1Gi"}}, "volumeName": name}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "checkpoints"}, "spec": claim},
    ]


def test_logs_of_a_trial_come_from_its_pod(cluster: Cluster, namespace: str) -> None:
    body = _counting()
    script = "echo deciding on $EVONAS_D_A1; echo '{\"reward\": 0.5}' > /dev/termination-log"
    body["spec"]["trial"]["template"]["spec"]["containers"][0]["command"] = ["sh", "-c", script]
    body["spec"]["budget"] = {"maxTrials": 1, "parallelTrials": 1}
    cluster.apply(yaml.safe_dump(body), namespace)
    follow(cluster, namespace, "counting", timeout=240)
    (trial,) = trials(cluster, namespace)
    said = evonas(cluster, namespace, "logs", "counting", "0", "--follow")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"deciding on {trial['spec']['decisions']['a1']}\n"


def _decided(trial: Trial) -> tuple[object, ...]:
    """Return what of a trial does not depend on time or place."""
    return trial.decisions, trial.state, trial.reason, trial.message, trial.reward, trial.rungs, trial.sequence


def _trials_with_pods(cluster: Cluster, namespace: str) -> set[str]:
    return {pod["metadata"]["labels"]["evonas.dev/trial"] for pod in cluster.list("pods", namespace)}


def _counting() -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "counting.yaml").read_text())
    return body
