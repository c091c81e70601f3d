"""What counts as a GPU, and as how much of one: by the form of a resource's name, or as the budget says."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.gpus import GpuAccounting, count_gpus, gpu_problems

USUAL = GpuAccounting()


def takes(resource: str, amount: Any = 1) -> dict[str, Any]:
    return {"resources": {"limits": {resource: amount, "memory": "1Gi"}}}


@pytest.mark.parametrize(
    ("resource", "count"),
    [
        ("nvidia.com/gpu", 2),
        ("nvidia.com/gpu.shared", 2),
        ("amd.com/gpu", 2),
        ("amd.com/cpx_nps4", 0),
        ("gpu.intel.com/i915", 0),
        ("nvidia.com/gpumem", 0),
        ("volcano.sh/vgpu-memory", 0),
        ("memory", 0),
    ],
)
def test_usual_names(resource: str, count: int) -> None:
    assert count_gpus({"containers": [takes(resource, 2)]}, USUAL) == count


@pytest.mark.parametrize(
    ("profile", "sevenths"),
    [
        ("1g.5gb", 1),
        ("1g.10gb.me", 1),
        ("1g.24gb.me.all", 1),
        ("1g.24gb-me", 1),
        ("1g.10gb.shared", 1),
        ("1c.3g.40gb", 1),
        ("2c.3g.40gb", 2),
        ("2g.20gb", 2),
        ("3g.40gb", 3),
        ("4g.40gb", 4),
        ("7g.80gb", 7),
        ("of-another-kind", 7),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_mig_profile_is_as_many_sevenths_as_it_has_compute_slices(profile: str, sevenths: int, named: bool) -> None:
    resource = f"nvidia.com/mig-{profile}"
    accounting = GpuAccounting.parse({"gpuResources": [resource]} if named else {})
    assert count_gpus({"containers": [takes(resource, 2)]}, accounting) == Fraction(2 * sevenths, 7)


def test_named_resources_replace_the_usual_ones() -> None:
    pod = {"containers": [takes("nvidia.com/gpu"), takes("gpu.intel.com/i915", "2")]}
    assert count_gpus(pod, GpuAccounting.parse({"gpuResources": ["gpu.intel.com/i915"]})) == 2


def test_devices_of_which_several_make_a_gpu_count_beside_the_usual_and_the_named_ones() -> None:
    pod = {"containers": [takes("nvidia.com/gpu.shared"), takes("amd.com/cpx_nps4", 2), takes("nvidia.com/gpu")]}
    several = {"devicesPerGPU": {"nvidia.com/gpu.shared": 4, "amd.com/cpx_nps4": 8}}
    assert count_gpus(pod, GpuAccounting.parse(several)) == Fraction(3, 2)
    assert count_gpus(pod, GpuAccounting.parse({**several, "gpuResources": ["x.org/other"]})) == Fraction(1, 2)


@pytest.mark.parametrize(
    ("budget", "limits", "gpus"),
    [
        # Time slicing that keeps the usual name; a card that has four slices, not seven; two 3g of which make a card.
        ({"devicesPerGPU": {"nvidia.com/gpu": 10}}, {"nvidia.com/gpu": 1}, Fraction(1, 10)),
        ({"devicesPerGPU": {"nvidia.com/mig-2g.12gb": 2}}, {"nvidia.com/mig-2g.12gb": 1}, Fraction(1, 2)),
        ({"devicesPerGPU": {"nvidia.com/mig-3g.40gb": 2}}, {"nvidia.com/mig-3g.40gb": 1}, Fraction(1, 2)),
        # Shares in percent, beside a device that is only where they come from.
        (
            {"gpuResources": ["nvidia.com/gpucores"], "devicesPerGPU": {"nvidia.com/gpucores": 100}},
            {"nvidia.com/gpu": 1, "nvidia.com/gpucores": 30, "nvidia.com/gpumem": 3000},
            Fraction(3, 10),
        ),
    ],
)
def test_the_budget_says_what_a_name_cannot(budget: dict[str, Any], limits: dict[str, Any], gpus: Fraction) -> None:
    assert count_gpus({"containers": [{"resources": {"limits": limits}}]}, GpuAccounting.parse(budget)) == gpus


@given(replicas=st.integers(1, 1000), count=st.integers(1, 50))
def test_all_shares_of_a_gpu_are_exactly_one(replicas: int, count: int) -> None:
    accounting = GpuAccounting.parse({"devicesPerGPU": {"a/gpu.shared": replicas}})
    pod = {
        "containers": [takes("a/gpu.shared")] * replicas,
        "initContainers": [takes("a/gpu.shared", count * replicas)],
    }
    assert count_gpus(pod, accounting) == count


def test_containers_and_sidecars_run_together_and_init_containers_before_them() -> None:
    sidecar = {**takes("a/gpu"), "restartPolicy": "Always"}
    pod = {"containers": [takes("a/gpu"), takes("a/gpu")], "initContainers": [takes("a/gpu", 4), sidecar]}
    assert count_gpus(pod, USUAL) == 4
    assert count_gpus({**pod, "initContainers": [sidecar]}, USUAL) == 3


def test_fractions_are_refused_wherever_they_stand() -> None:
    pod = {"containers": [takes("a/gpu", "500m"), takes("a/part", 0.5)], "initContainers": [takes("a/mig-1g", 0.5)]}
    assert [
        problem.field
        for problem in gpu_problems({"spec": pod}, GpuAccounting(devices_per_gpu={"a/part": 2}), "spec.trial.template")
    ] == [
        "spec.trial.template.spec.containers[0].resources.limits[a/gpu]",
        "spec.trial.template.spec.containers[1].resources.limits[a/part]",
        "spec.trial.template.spec.initContainers[0].resources.limits[a/mig-1g]",
    ]


def test_odd_templates_are_left_to_the_api_server() -> None:
    assert count_gpus({"containers": [{"resources": None}], "initContainers": "x"}, USUAL) == 0
