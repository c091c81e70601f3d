"""A function submitted from Python on a real node: mounted by a kubelet, run in an image that knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from evonas.python.cluster import submit, wait
from evonas.python.mounted import MountedFiles, mounted_script, template_of
from evonas.python.script import script_of
from evonas.sources.options import ClusterOptions
from evonas_trial.counting import score
from evonas_trial.function import RunningTrial
from harness.client import Cluster
from tests.chart.rendering import ROOT
from tests.integration.searches import trials

pytestmark = [pytest.mark.node, pytest.mark.timeout(1200)]
SCALE = 2


def scaled(sequence: list[int]) -> float:
    # The image's own part of the package whose other part is mounted.
    from evonas_trial.counting import score

    return score(sequence) * SCALE


def train(candidate: dict[str, int], trial: RunningTrial) -> dict[str, float]:
    print("training", trial.index)
    trial.report(1, of=1, scaled=0)
    return {"scaled": scaled([*candidate.values()]), "attempt": trial.attempt}


def forgetful(candidate: dict[str, int]) -> str:
    return str(scaled([*candidate.values()]))


def manifest(function: Callable[..., Any], trials: int) -> tuple[dict[str, Any], MountedFiles]:
    """Return the counting search with what Pod Security asks of its pods and a container of ours, and its files."""
    body: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "counting.yaml").read_text())
    name = function.__name__
    files = mounted_script(name, script_of(function, "scaled"))
    made = template_of("evonas-trial-small:0.1.0", cpu="100m", memory="64Mi", files=files)["spec"]
    pod = body["spec"]["trial"]["template"]["spec"]
    pod["containers"] = [{**pod["containers"][0], **made["containers"][0]}]
    pod["volumes"] = made["volumes"]
    body["metadata"]["name"] = name
    body["spec"]["objective"] = {"metric": "scaled"}
    body["spec"]["budget"] = {"maxTrials": trials, "parallelTrials": min(trials, 2)}
    return body, files


def test_a_function_is_trained_and_one_that_gives_no_result_is_not_retried(cluster: Cluster, namespace: str) -> None:
    options = ClusterOptions(cluster.kubeconfig, namespace=namespace)
    for function, count in ((train, 4), (forgetful, 1)):
        body, files = manifest(function, count)
        submit(body, files, options)
    wait("train", options, timeout=600)
    records = trials(cluster, namespace, "train")
    assert len(records) == 4
    for record in records:
        expected = SCALE * score([*record["spec"]["decisions"].values()])
        assert float(record["status"]["reward"]) == expected
        assert {name: float(value) for name, value in record["status"]["metrics"].items()} == {
            "scaled": expected,
            "attempt": 1,
        }
    for pod in cluster.list("pods", namespace, "evonas.dev/search=train"):
        assert {"evonas.dev/reward", "evonas.dev/progress"} <= pod["metadata"]["annotations"].keys()
    wait("forgetful", options, timeout=600)
    (record,) = trials(cluster, namespace, "forgetful")
    assert (record["status"]["state"], record["status"]["reason"]) == ("Failed", "InvalidReward")
    assert "forgetful returned '" in record["status"]["message"]
    assert len(record["status"]["attempts"]) == 1
