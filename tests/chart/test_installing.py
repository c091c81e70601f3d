"""Every value set installed by Helm on a real API server, with Prometheus Operator's own CRDs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from harness.client import Cluster
from harness.errors import CommandFailed
from tests.chart.conftest import NAMESPACES
from tests.chart.rendering import (
    CHART,
    NAMESPACE,
    RELEASE,
    VALUE_SETS,
    Object,
    installed,
    is_hook,
    pod_specs,
    render,
)

pytestmark = [pytest.mark.kwok, pytest.mark.timeout(300)]


def install(cluster: Cluster, *arguments: str, user: Path | None = None) -> str:
    """Install the chart, or change the release that is there to exactly these values."""
    command = ["upgrade", "--install", "--reset-values", RELEASE, str(CHART), "--namespace", NAMESPACE]
    return cluster.helm(*command, *arguments, user=user)


def identities(objects: list[Object]) -> set[tuple[str, str, str]]:
    return {
        (body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])
        for body in objects
        if body.get("metadata")
    }


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_every_object_is_accepted_by_the_api_server(cluster: Cluster, values: Path) -> None:
    """Each set follows on the one before: a release can be changed from any of them to any other."""
    said = install(cluster, "--values", str(values))
    assert "NOT INSTALLED" not in said or "trials" in said
    manifest = cluster.helm("get", "manifest", RELEASE, "--namespace", NAMESPACE)
    objects = [body for body in yaml.safe_load_all(manifest) if body]
    assert identities(objects) == identities(installed(values))
    found = json.loads(cluster.kubectl("get", "-f", "-", "-o", "json", input=manifest))
    assert identities(found["items"]) == identities(objects)
    hooks = yaml.safe_dump_all(body for body in render(values) if is_hook(body))
    cluster.kubectl("apply", "-f", "-", input=hooks)
    cluster.kubectl("delete", "--wait=false", "-f", "-", input=hooks)


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_every_pod_is_accepted_by_pod_security_restricted(cluster: Cluster, values: Path) -> None:
    for number, spec in enumerate(pod_specs(render(values))):
        # An account that is not there would be the first thing to be refused.
        body = {**spec, "serviceAccountName": "default"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": body}
        cluster.kubectl("create", "--dry-run=server", "-n", "team-a", "-f", "-", input=yaml.safe_dump(pod))


def test_policies_are_typed_and_free_of_warnings(cluster: Cluster) -> None:
    install(cluster)
    policies = [f"evonas-{name}" for name in ("own-pod", "trials-only-jobs", "trials-only-pods")]
    for name in policies:
        # The API server's own type check of the expressions, made after the policy was stored.
        status = cluster.wait_for(
            f"the type check of {name}",
            lambda name=name: cluster.get("validatingadmissionpolicy", name).get("status", {}),  # type: ignore[misc]
        )
        assert status["typeChecking"].get("expressionWarnings", []) == []


def test_tenant_installs_with_rights_in_its_namespace_only(cluster: Cluster) -> None:
    """The administrator has installed the CRDs and the roles for users; Kubernetes' own `admin` is enough."""
    cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found")
    setup = [body for body in installed() if body["kind"] in {"CustomResourceDefinition", "ClusterRole"}]
    cluster.apply(yaml.safe_dump_all(body for body in setup if not body["metadata"]["name"].startswith("evonas-oper")))
    user = cluster.kubeconfig_for("alice")
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "alice"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "User", "name": "alice"}],
    }
    cluster.apply(yaml.safe_dump(binding), "team-a")
    cluster.wait_for("aggregation", lambda: "architecturetrials/status" in str(cluster.get("clusterrole", "admin")))
    command = ["install", "mine", str(CHART), "--namespace", "team-a"]
    values = ["--values", str(CHART / "ci" / "tenant-values.yaml")]
    try:
        cluster.helm(*command, *values, user=user)
        assert cluster.get("deployment", "mine-evonas-operator", "team-a")
    finally:
        cluster.helm("uninstall", "mine", "--namespace", "team-a", user=user)
    with pytest.raises(CommandFailed, match="forbidden"):
        cluster.helm(*command, user=user)


@pytest.mark.parametrize("keep", [True, False])
def test_uninstalling_keeps_the_crds_unless_told_otherwise(cluster: Cluster, keep: bool) -> None:
    install(cluster, "--set", f"crds.keep={str(keep).lower()}", "--take-ownership")
    cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE)
    left = [name for name in _crds(cluster) if name.endswith(".evonas.dev")]
    assert len(left) == (2 if keep else 0)
    for namespace in NAMESPACES:
        assert cluster.list("roles,rolebindings", namespace, "app.kubernetes.io/managed-by=Helm") == []


def _crds(cluster: Cluster) -> list[str]:
    return [body["metadata"]["name"] for body in cluster.list("crd") if "deletionTimestamp" not in body["metadata"]]
