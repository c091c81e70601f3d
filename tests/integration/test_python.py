"""`evonas.Search` and a real control plane: submitted, waited for, opened by name, in a notebook's thread, too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

import evonas
from evonas.python.manifest import SOURCE_ANNOTATION
from harness.client import Cluster
from tests.integration.test_submit import manifest
from tests.operator_process import OperatorProcess

pytestmark = pytest.mark.kwok


def train(candidate: Mapping[str, Any]) -> dict[str, float]:
    return {"accuracy": 1 / candidate["layers"]}


def place(cluster: Cluster, namespace: str) -> dict[str, Any]:
    return {"namespace": namespace, "kubeconfig": str(cluster.kubeconfig)}


async def test_search_is_submitted_waited_for_and_opened(
    cluster: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    search = evonas.Search.from_dict(manifest("python"))
    # This thread runs an event loop, as that of a notebook does.
    assert asyncio.get_running_loop()
    begun = search.submit(**place(cluster, namespace))
    assert begun.name == "python"
    with pytest.raises(TimeoutError, match=f"{namespace}/python"):
        search.wait(timeout=0.01)
    result = await asyncio.to_thread(search.wait, 120)
    assert (result.phase, len(result.trials)) == ("Complete", 4)
    opened = evonas.open("nas/python", **place(cluster, namespace))
    assert opened.wait().trials.to_pandas().equals(result.trials.to_pandas())
    assert opened.best == result.best
    assert evonas.Search.from_yaml(opened.to_yaml()).name == "python"


def test_function_goes_along(cluster: Cluster, namespace: str) -> None:
    search = evonas.Search("function", {"layers": [1, 2]}, trials=2, maximize="accuracy", agent="Random")
    result = search.submit(train, image="python:3.12", gpus=1, memory="1Gi", **place(cluster, namespace))
    template = result.manifest["spec"]["trial"]["template"]
    assert "def train(candidate" in template["metadata"]["annotations"][SOURCE_ANNOTATION]
    (volume,) = template["spec"]["volumes"]
    kept = cluster.get("configmap", volume["configMap"]["name"], namespace)
    assert "def train(candidate" in kept["data"]["train.py"]
    assert kept["metadata"]["ownerReferences"][0]["name"] == "function"
    assert search.in_container("python:3.12", train, gpus=1, memory="1Gi").to_dict()["spec"]["trial"]["template"] == (
        template
    )


def test_search_that_names_no_program_is_not_submitted(cluster: Cluster, namespace: str) -> None:
    search = evonas.Search("function", {"layers": [1, 2]}, trials=2, agent="Random")
    with pytest.raises(evonas.EvonasError, match="pass the image in which the trials run"):
        search.submit(**place(cluster, namespace))
    with pytest.raises(evonas.EvonasError, match="pass the image, too"):
        search.submit(train, **place(cluster, namespace))
    with pytest.raises(evonas.EvonasError, match="a command or a function, not both"):
        search.submit(train, image="a", command=["b"], **place(cluster, namespace))
    with pytest.raises(evonas.EvonasError, match="has no such search"):
        evonas.open("function", **place(cluster, namespace))


def test_space_of_a_submitted_search_cannot_change(cluster: Cluster, namespace: str) -> None:
    submitted: dict[str, Any] = {"image": "a", "command": ["b"], **place(cluster, namespace)}
    evonas.Search("here", {"layers": [1, 2]}, trials=2, agent="Random").submit(**submitted)
    grown = evonas.Search("here", {"layers": [1, 2]}, trials=3, agent="Random").submit(**submitted)
    assert grown.manifest["spec"]["budget"]["maxTrials"] == 3
    with pytest.raises(evonas.EvonasError, match="exists and cannot become this one"):
        evonas.Search("here", {"layers": [1, 2, 3]}, trials=3, agent="Random").submit(**submitted)
