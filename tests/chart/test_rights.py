"""The operator's rights against what the API server saw it do: none is missing, and none is left over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.search.names import job_name, trial_name
from harness.client import Cluster
from harness.errors import CommandFailed
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, Object, installed, of_kind
from tests.earlier import KEY, NAME, export_of
from tests.integration.quotas import set_pod_quota
from tests.integration.searches import wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = [pytest.mark.kwok, pytest.mark.timeout(400)]

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:evonas-operator"
TEAM = "rights"


@dataclass(frozen=True, order=True)
class Right:
    """One thing that somebody may do, or did."""

    group: str
    resource: str
    verb: str


def granted(roles: Iterable[Object]) -> set[Right]:
    return {
        Right(group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        # What binding takes is asked for while the binding is created; no request has this verb.
        if verb != "bind"
    }


def requests(cluster: Cluster, account: str = ACCOUNT, *, refused: bool = False) -> set[Right]:
    """Return what an account did, or was refused, by the API server's audit log."""
    found = set()
    for event in cluster.audit_events(account):
        reference = event.get("objectRef")
        if event["user"].get("username") == account and reference:
            resource = "/".join(filter(None, (reference["resource"], reference.get("subresource", ""))))
            code = event.get("responseStatus", {}).get("code", 200)
            if (code == 403) == refused:
                found.add(Right(reference.get("apiGroup", ""), resource, event["verb"]))
    return found


def install(cluster: Cluster, *values: str) -> None:
    """Install the chart without pods: the operator of these tests runs beside the cluster, as the chart's account."""
    command = ["upgrade", "--install", "--reset-values", "--take-ownership", RELEASE, str(CHART)]
    cluster.helm(*command, "--namespace", NAMESPACE, "--set", "replicaCount=0", *values)


def kubeconfig_of(cluster: Cluster, account: str, path: Path) -> Path:
    """Write a kubeconfig with a token of one of the release's accounts."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    token = cluster.kubectl("create", "token", account, "-n", NAMESPACE).strip()
    config["users"][0]["user"] = {"token": token}
    path.write_text(yaml.safe_dump(config))
    return path


def operator_of_the_chart(cluster: Cluster, log: Path, *options: str) -> OperatorProcess:
    path = kubeconfig_of(cluster, "evonas-operator", log.with_suffix(".kubeconfig"))
    everything = ["--lease-namespace", NAMESPACE, *options]
    return OperatorProcess(cluster, log, kubeconfig=path, options=everything, cold=False)


def stand_in_the_way(cluster: Cluster, namespace: str) -> None:
    """Put foreign objects under names that the operator will derive: it must look whose they are."""
    for name in ("job-taken", "trial-taken"):
        cluster.apply(yaml.safe_dump(search(name, budget={"maxTrials": 2, "parallelTrials": 1})), namespace)
    uids = {name: cluster.get("nas", name, namespace)["metadata"]["uid"] for name in ("job-taken", "trial-taken")}
    job = job_name(trial_name("job-taken", uids["job-taken"], 0), 1)
    cluster.kubectl("create", "job", job, "--image=foreign", "-n", namespace)
    trial = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureTrial",
        "metadata": {"name": trial_name("trial-taken", uids["trial-taken"], 0)},
        "spec": {
            "searchRef": {"name": "another", "uid": "another"},
            "index": 0,
            "decisions": {"a1": 1, "a2": 1, "a3": 1},
            "proposal": {"origin": "random", "observedUpTo": 0},
        },
    }
    cluster.apply(yaml.safe_dump(trial), namespace)


def let_everything_happen(cluster: Cluster, namespace: str) -> None:
    """Bring the operator to do all that it ever does."""
    # A finished search is deleted when its time is over.
    short = search("short", budget={"maxTrials": 3, "parallelTrials": 1}, ttlSecondsAfterFinished=2)
    cluster.apply(yaml.safe_dump(short), namespace)
    # Reaching the target stops what runs: all but the first trial do until then.
    budget = {"maxTrials": 12, "parallelTrials": 6}
    body = search("cancelled", objective={"target": 0.0}, budget=budget, onComplete="Cancel")
    hanging = {f"evonas-test/outcome-{index}-1": "hang" for index in range(1, 6)}
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": hanging}
    cluster.apply(yaml.safe_dump(body), namespace)
    wait_until(cluster, namespace, "cancelled", "Complete")
    # Results are taken over from a file.
    cluster.apply(yaml.safe_dump(export_of(2)), namespace)
    warm = {"configMap": {"name": NAME, "key": KEY}}
    body = search("warm", budget={"maxTrials": 1, "parallelTrials": 1}, warmStart=warm)
    cluster.apply(yaml.safe_dump(body), namespace)
    wait_until(cluster, namespace, "warm", "Complete")
    # Results are read in logs: of the fake node there are none, which is asked for all the same.
    read = search(
        "read", budget={"maxTrials": 1, "parallelTrials": 1}, trial={"retries": 0, "report": {"from": "Logs"}}
    )
    cluster.apply(yaml.safe_dump(read), namespace)
    # What an agent knows from earlier searches is recorded.
    learns: dict[str, Any] = {"agent": {"type": "EvoNAS"}, "knowledge": {"searches": ["cancelled"]}}
    cluster.apply(yaml.safe_dump(search("learner", budget={"maxTrials": 1, "parallelTrials": 1}, **learns)), namespace)
    wait_until(cluster, namespace, "learner", "Complete")
    cluster.wait_for("the end of the short one", lambda: len(cluster.list("nas", namespace)) == 6, 120)
    for name in ("job-taken", "trial-taken"):
        cluster.wait_for("the refusal", lambda name=name: _says(cluster, namespace, name, "ForeignObject"))  # type: ignore[misc]
    # No pod may be made any more: it asks the events why.
    set_pod_quota(cluster, namespace, "none", {"pods": "0"})
    cluster.apply(yaml.safe_dump(search("blocked", budget={"maxTrials": 2, "parallelTrials": 1})), namespace)
    cluster.wait_for("the quota's name", lambda: _says(cluster, namespace, "blocked", "QuotaExceeded"))


def _says(cluster: Cluster, namespace: str, name: str, reason: str) -> bool:
    conditions = cluster.get("nas", name, namespace).get("status", {}).get("conditions", [])
    return any(condition["reason"] == reason for condition in conditions)


def test_rights_are_those_that_are_used(cluster: Cluster, tmp_path: Path) -> None:
    install(cluster)
    roles = [body for body in of_kind(installed(), "ClusterRole", "Role") if _is_the_operators(body)]
    # That of the Lease, and that of logs, which can be left out.
    assert len(roles) == 3
    with cluster.namespace() as namespace:
        stand_in_the_way(cluster, namespace)
        operator = operator_of_the_chart(cluster, tmp_path / "operator.log")
        operator.start()
        let_everything_happen(cluster, namespace)
        assert operator.stop() == 0
    assert requests(cluster, refused=True) == set()
    used, given = requests(cluster), granted(roles)
    assert (used - given, given - used) == (set(), set())


def test_rights_of_a_namespaced_operator_suffice(cluster: Cluster, tmp_path: Path) -> None:
    """No request is refused, and none leaves its namespaces. The trials' account is the chart's."""
    cluster.kubectl("create", "namespace", TEAM)
    install(cluster, "--set", f"watchNamespaces={{{TEAM}}}")
    before = len(list(cluster.audit_events(ACCOUNT)))
    options = ["-n", TEAM, "--no-create-trial-accounts"]
    operator = operator_of_the_chart(cluster, tmp_path / "operator.log", *options)
    operator.start()
    cluster.apply(yaml.safe_dump(search("namespaced")), TEAM)
    wait_until(cluster, TEAM, "namespaced", "Complete")
    assert operator.stop() == 0
    events = [
        event
        for event in islice(cluster.audit_events(ACCOUNT), before, None)
        if event["user"].get("username") == ACCOUNT
    ]
    objects = [event["objectRef"] for event in events if "objectRef" in event]
    assert [reference for reference in objects if reference.get("namespace") not in {TEAM, NAMESPACE}] == []
    assert [event for event in events if event.get("responseStatus", {}).get("code") == 403] == []
    assert {pod["spec"]["serviceAccountName"] for pod in cluster.list("pods", TEAM)} == {"evonas-trial"}


def test_the_operator_cannot_bind_another_role(cluster: Cluster) -> None:
    install(cluster)
    user = f"--as={ACCOUNT}"
    with cluster.namespace() as namespace:
        binding = ["create", "rolebinding", "-n", namespace, "--serviceaccount=default:default", user]
        cluster.kubectl(*binding, "trial", "--clusterrole=evonas-trial")
        with pytest.raises(CommandFailed, match="forbidden"):
            cluster.kubectl(*binding, "admin", "--clusterrole=admin")


def _is_the_operators(role: Object) -> bool:
    return str(role["metadata"]["name"]).startswith("evonas-operator")
