"""Each kind that a search can run passes the contract, and is said to be one."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import tests.unit.workloads
from evonas.gpus import GpuAccounting
from evonas.schema import load_crds
from evonas.workloads.catalogue import KINDS, find_kind
from evonas.workloads.interface import Kind
from evonas.workloads.parsing import workload_problems
from tests.unit.workloads.contract import KindContract


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_passes_the_contract(kind: Kind) -> None:
    for module in pkgutil.iter_modules(tests.unit.workloads.__path__):
        importlib.import_module(f"{tests.unit.workloads.__name__}.{module.name}")
    assert kind in [tested.kind for tested in KindContract.__subclasses__()]


def test_names_are_unique() -> None:
    assert len({kind.name for kind in KINDS}) == len({(kind.api_version, kind.kind) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_crd_knows_each_kind(kind: Kind) -> None:
    crd = next(crd for crd in load_crds() if crd["spec"]["names"]["kind"] == "ArchitectureSearch")
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    (rule,) = spec["properties"]["trial"]["properties"]["workload"]["x-kubernetes-validations"]
    assert f"['{kind.api_version}', '{kind.kind}']" in rule["rule"]
    assert f"{kind.api_version} {kind.kind}" in rule["message"]


def test_an_unknown_kind_is_refused_with_the_list() -> None:
    assert find_kind("batch/v1", "CronJob") is None
    (problem,) = workload_problems({"apiVersion": "batch/v1", "kind": "CronJob", "spec": {}}, None, GpuAccounting())
    assert problem.field == "spec.trial.workload"
    for kind in KINDS:
        assert f"{kind.api_version} {kind.kind}" in str(problem)
