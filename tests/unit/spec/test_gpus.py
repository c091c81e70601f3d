"""What counts as a GPU: vendors' resources and MIG profiles by the form of their names, or those that are named."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.gpus import count_gpus, gpu_problems


def takes(resource: str, amount: Any = 1) -> dict[str, Any]:
    return {"resources": {"limits": {resource: amount, "memory": "1Gi"}}}


@pytest.mark.parametrize(
    ("resource", "count"),
    [
        ("nvidia.com/gpu", 2),
        ("amd.com/gpu", 2),
        ("gpu.intel.com/i915", 0),
        ("nvidia.com/mig-1g.5gb", 2),
        ("volcano.sh/vgpu-memory", 0),
        ("memory", 0),
    ],
)
def test_usual_names(resource: str, count: int) -> None:
    assert count_gpus({"containers": [{"resources": {"limits": {resource: 2}}}]}, None) == count


def test_named_resources_replace_the_usual_ones() -> None:
    pod = {"containers": [takes("nvidia.com/gpu"), takes("gpu.intel.com/i915", "2")]}
    assert count_gpus(pod, ["gpu.intel.com/i915"]) == 2


def test_containers_and_sidecars_run_together_and_init_containers_before_them() -> None:
    sidecar = {**takes("a/gpu"), "restartPolicy": "Always"}
    pod = {"containers": [takes("a/gpu"), takes("a/gpu")], "initContainers": [takes("a/gpu", 4), sidecar]}
    assert count_gpus(pod, None) == 4
    assert count_gpus({**pod, "initContainers": [sidecar]}, None) == 3


def test_fractions_are_refused_wherever_they_stand() -> None:
    pod = {"containers": [takes("a/gpu", "500m")], "initContainers": [takes("a/mig-1g", 0.5)]}
    assert [problem.field for problem in gpu_problems(pod, None)] == [
        "spec.trial.template.spec.containers[0].resources.limits[a/gpu]",
        "spec.trial.template.spec.initContainers[0].resources.limits[a/mig-1g]",
    ]


def test_odd_templates_are_left_to_the_api_server() -> None:
    assert count_gpus({"containers": [{"resources": None}], "initContainers": "x"}, None) == 0
