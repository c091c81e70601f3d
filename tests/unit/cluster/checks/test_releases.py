"""Whose installation a Deployment or a lone Lease is, and what it serves."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.cluster.checks.releases import Installation, read_deployment, read_lone_lease, upgrade


def deployment(*arguments: str, **spec: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "evonas", "app.kubernetes.io/instance": "nas"}
    template = {"spec": {"containers": [{"name": "operator", "args": ["operator", *arguments]}]}}
    metadata = {"name": "nas-evonas-operator", "namespace": "ml", "labels": labels}
    return {"metadata": metadata, "spec": {"replicas": 2, "template": template, **spec}}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--lease-name=other"], {"lease": ("ml", "other")}),
        (["--lease-name", "other", "--lease-namespace", "there"], {"lease": ("there", "other")}),
        (["--namespace=a", "--namespace", "b"], {"watched": ("a", "b")}),
        (["--no-create-trial-accounts"], {"makes_accounts": False}),
        (["--workload=JobSet", "--workload", "RayJob"], {"workloads": ("JobSet", "RayJob")}),
        (["--workers=16"], {}),
    ],
)
def test_an_installation_is_read_off_its_arguments(arguments: list[str], expected: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"lease": ("ml", "nas-evonas-operator"), "watched": (), "makes_accounts": True}
    name = "nas-evonas-operator"
    found = read_deployment(deployment(*arguments))
    assert found == Installation("ml", name, release="nas", replicas=2, **{**usual, **expected})


def test_one_that_watches_some_namespaces_serves_no_others() -> None:
    found = read_deployment(deployment("--namespace=a", "--namespace=b"))
    assert [found.serves(name) for name in ("a", "b", "c")] == [True, True, False]
    assert read_deployment(deployment()).serves("c")


def test_a_lease_tells_of_an_operator_outside_the_cluster() -> None:
    metadata = {"name": "mine", "namespace": "a", "annotations": {"evonas.dev/watched-namespaces": "a,b"}}
    found = read_lone_lease({"metadata": metadata, "spec": {"holderIdentity": "laptop"}})
    lease = ("a", "mine")
    assert found == Installation("a", "mine", None, 1, watched=("a", "b"), lease=lease, workloads=None)
    assert found.may_run("JobSet")
    assert read_lone_lease({"metadata": metadata, "spec": {"holderIdentity": ""}}).replicas == 0
    assert upgrade(found) == ""


def test_the_command_that_changes_a_release_names_it() -> None:
    found = read_deployment(deployment())
    assert upgrade(found, "--set a=b") == "helm upgrade nas charts/evonas --namespace ml --reuse-values --set a=b"
