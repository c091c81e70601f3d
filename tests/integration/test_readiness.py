"""`evonas plan` and `evonas doctor` on a real control plane: what they find, and that their cures mend it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.search.names import TRIAL_SERVICE_ACCOUNT
from harness.client import Cluster
from tests.chart.rendering import Object, is_hook, of_kind, render
from tests.command_line import evonas
from tests.integration.rights import wait_for_right
from tests.integration.searches import trials, wait_until
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok

SHARED = ("ClusterRole", TRIAL_SERVICE_ACCOUNT)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "search.yaml"
    path.write_text(yaml.safe_dump(search("wanted")))
    return path


def lines(output: str) -> dict[str, tuple[str, str]]:
    """Return verdict and cure by subject."""
    found: dict[str, tuple[str, str]] = {}
    subject = ""
    for line in output.splitlines():
        if line.startswith("         fix: "):
            found[subject] = (found[subject][0], line.split(": ", 1)[1])
        elif line.split()[0] in ("ok", "?", "warning", "missing"):
            verdict, rest = line.split(maxsplit=1)
            subject = rest.rsplit(": ", 1)[0]
            found[subject] = (verdict, "")
    return found


def verdict(output: str, part: str) -> tuple[str, str]:
    (found,) = [found for subject, found in lines(output).items() if part in subject]
    return found


def test_doctor_is_content_where_an_operator_acts(cluster: Cluster, namespace: str, operator: OperatorProcess) -> None:
    said = evonas(cluster, namespace, "doctor")
    assert said.returncode == 0, said.stdout + said.stderr
    assert lines(said.stdout)["architecturesearches.evonas.dev"][0] == "ok"
    assert verdict(said.stdout, "operator")[0] == "ok"
    assert verdict(said.stdout, "role evonas-trial")[0] == "ok"
    assert verdict(said.stdout, "may create architecturesearches.evonas.dev")[0] == "ok"
    assert operator.stop() == 0
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", namespace)
    assert said.returncode == 1
    assert verdict(said.stdout, "operator")[0] == "missing"


def test_doctor_of_a_namespace_without_an_operator(cluster: Cluster, namespace: str) -> None:
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", namespace)
    assert said.returncode == 1
    install = "helm upgrade --install evonas charts/evonas --namespace evonas-system --create-namespace"
    assert verdict(said.stdout, "operator") == ("missing", install)


def test_doctor_of_somebody_without_rights_names_each(cluster: Cluster, namespace: str) -> None:
    nobody = cluster.kubeconfig_for("nobody")
    said = evonas(cluster, namespace, "doctor", kubeconfig=nobody)
    assert said.returncode == 1, said.stderr
    verdicts = lines(said.stdout)
    assert verdicts["may create architecturesearches.evonas.dev"][0] == "missing"
    assert [found for found, _ in verdicts.values()].count("?") >= 4


def test_plan_compares_with_the_quota_and_its_cure_mends(cluster: Cluster, namespace: str, manifest: Path) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "gpus"},
        "spec": {"hard": {"requests.nvidia.com/gpu": "2", "pods": "100"}},
    }
    cluster.apply(yaml.safe_dump(quota), namespace)
    cluster.wait_for("the quota's status", lambda: cluster.get("quota", "gpus", namespace)["status"].get("used"))
    words = ("plan", str(manifest), "--operator-namespace", namespace)
    said = evonas(cluster, namespace, *words)
    assert "wanted: 3 decisions, 125 candidates, agent Evolution" in said.stdout
    found, cure = verdict(said.stdout, "requests.nvidia.com/gpu")
    assert found == "warning"
    assert "4 parallel trials ask for 4, 2 are left" in said.stdout
    assert verdict(said.stdout, "quota gpus: pods")[0] == "ok"
    assert verdict(said.stdout, "device nvidia.com/gpu")[0] == "ok"
    cluster.kubectl(*shlex.split(cure)[1:])
    cluster.wait_for(
        "the raised quota",
        lambda: cluster.get("quota", "gpus", namespace)["status"]["hard"]["requests.nvidia.com/gpu"] == "4",
    )
    assert verdict(evonas(cluster, namespace, *words).stdout, "requests.nvidia.com/gpu")[0] == "ok"


def test_plan_names_devices_and_queues_that_are_not_there(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    body = search("wanted", container={"resources": {"limits": {"example.com/gpu": 1}}})
    body["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "nowhere"}
    path = tmp_path / "search.yaml"
    path.write_text(yaml.safe_dump(body))
    said = evonas(cluster, namespace, "plan", str(path))
    assert said.returncode == 1
    devices = {subject: found for subject, (found, _) in lines(said.stdout).items() if subject.startswith("device ")}
    assert devices == {"device example.com/gpu": "missing"}
    assert verdict(said.stdout, "queue nowhere")[0] == "missing"


def test_doctor_names_the_searches_whose_devices_no_node_has(
    cluster: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    wanted = {"nvidia.com/gpu": search("offered", budget={"maxTrials": 1, "parallelTrials": 1})}
    wanted["example.com/gpu"] = search("wanted", container={"resources": {"limits": {"example.com/gpu": 1}}})
    for body in wanted.values():
        body["spec"]["suspend"] = True
    cluster.apply(yaml.safe_dump_all(wanted.values()), namespace)
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", namespace)
    assert said.returncode == 1, said.stdout + said.stderr
    assert verdict(said.stdout, "device nvidia.com/gpu") == ("ok", "")
    assert verdict(said.stdout, "device example.com/gpu") == ("missing", f"kubectl -n {namespace} edit nas wanted")
    assert "wanted asks for it, and no node offers it; nodes offer nvidia.com/gpu" in said.stdout
    patch = [{"op": "replace", "path": "/spec/trial/template/spec/containers/0/resources/limits", "value": {}}]
    cluster.kubectl("patch", "nas", "wanted", "-n", namespace, "--type=json", "-p", json.dumps(patch))
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", namespace)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "example.com/gpu" not in said.stdout


@pytest.fixture
def release(cluster: Cluster, namespace: str) -> Iterator[Callable[..., Object]]:
    """Install a release of the chart in the namespace, and return its Deployment; the policies are not enforced."""
    applied: list[Object] = []

    def install(name: str, *settings: str) -> Object:
        bodies = render(None, 'crds={"install":false}', *settings, release=name, namespace=namespace)
        bodies = [body for body in bodies if not (is_hook(body) or body["kind"].endswith("PolicyBinding"))]
        cluster.apply(yaml.safe_dump_all(bodies))
        # All tests have this role.
        applied.extend(body for body in bodies if (body["kind"], body["metadata"]["name"]) != SHARED)
        return next(body for body in of_kind(bodies, "Deployment") if body["metadata"]["name"].endswith("-operator"))

    yield install
    cluster.kubectl("delete", "--ignore-not-found", "-f", "-", input=yaml.safe_dump_all(applied))


@pytest.mark.parametrize("scope", ["all namespaces", "one namespace"])
def test_doctor_finds_the_release_whatever_its_name_namespace_and_scope(
    cluster: Cluster, namespace: str, release: Callable[..., Object], tmp_path: Path, scope: str
) -> None:
    """It looked for a Lease of one name and for a ClusterRole: two false alarms. The live page is no operator."""
    settings = [f'watchNamespaces=["{namespace}"]'] if scope == "one namespace" else []
    deployment = release("nas", "ui.enabled=true", *settings)
    lease = f"{namespace}/nas-evonas-operator"
    said = evonas(cluster, namespace, "doctor")
    assert f"no operator has ever held the lease {lease}" in said.stdout
    cure = f"kubectl -n {namespace} get pods -l app.kubernetes.io/name=evonas,app.kubernetes.io/instance=nas && "
    assert verdict(said.stdout, f"operator {lease}") == (
        "missing",
        f"{cure}kubectl -n {namespace} logs deployment/nas-evonas-operator",
    )
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"][1:]
    operator = OperatorProcess(cluster, tmp_path / "log", [namespace], kubeconfig=cluster.kubeconfig, options=arguments)
    operator.start()
    try:
        said = evonas(cluster, namespace, "doctor")
        assert said.returncode == 0, said.stdout
        found = lines(said.stdout)
        assert {found[name][0] for name in (f"operator {lease}", "role evonas-trial", "admission policy")} == {"ok"}
        elsewhere = evonas(cluster, "default", "doctor").stdout
        if scope == "all namespaces":
            assert verdict(elsewhere, "operator")[0] == "ok"
        else:
            wider = f"helm upgrade nas charts/evonas --namespace {namespace} --reuse-values --set"
            cure = f"{wider} 'watchNamespaces={{{namespace},default}}'"
            assert verdict(elsewhere, "operator") == ("missing", cure)
            assert f"none serves default: {lease} serves {namespace}" in elsewhere
            assert verdict(elsewhere, "admission policy")[0] == "warning"
    finally:
        assert operator.stop() == 0, operator.log


def test_doctor_says_that_two_releases_do_the_same_work_and_how_to_stop_one(
    cluster: Cluster, namespace: str, release: Callable[..., Object]
) -> None:
    release("nas")
    release("mine", f'watchNamespaces=["{namespace}"]')
    said = evonas(cluster, namespace, "doctor").stdout
    found, cure = verdict(said, "operators")
    assert (found, cure) == ("warning", f"kubectl -n {namespace} scale deployment mine-evonas-operator --replicas=0")
    assert f"2 serve {namespace}, and each does the whole work" in said
    cluster.kubectl(*shlex.split(cure)[1:])
    said = evonas(cluster, namespace, "doctor").stdout
    assert "operators" not in lines(said)
    assert "mine-evonas-operator" not in said


def test_doctor_of_somebody_who_may_look_into_one_namespace_finds_its_operator(
    cluster: Cluster, namespace: str, release: Callable[..., Object]
) -> None:
    release("nas", f'watchNamespaces=["{namespace}"]')
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "tenant"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "User", "name": "tenant"}],
    }
    cluster.apply(yaml.safe_dump(binding), namespace)
    wait_for_right(cluster, namespace, "tenant", "list", "deployments")
    tenant = cluster.kubeconfig_for("tenant")
    said = evonas(cluster, namespace, "doctor", kubeconfig=tenant).stdout
    assert verdict(said, "operator")[0] == "missing"
    assert f"no operator has ever held the lease {namespace}/nas-evonas-operator" in said
    assert verdict(said, "role evonas-trial")[0] == "ok"


@pytest.mark.parametrize("scope", ["all namespaces", "one namespace"])
def test_doctor_looks_for_the_right_to_read_logs_where_a_search_needs_it(
    cluster: Cluster, namespace: str, release: Callable[..., Object], tmp_path: Path, scope: str
) -> None:
    settings = [f'watchNamespaces=["{namespace}"]'] if scope == "one namespace" else []
    release("nas", *settings, 'trialLogs={"read":false}')
    assert "role nas-evonas-operator-logs" not in lines(evonas(cluster, namespace, "doctor").stdout)
    manifest = tmp_path / "printing.yaml"
    manifest.write_text(yaml.safe_dump(search("printing", trial={"report": {"from": "Logs"}})))
    cluster.apply(manifest.read_text(), namespace)
    cure = f"helm upgrade nas charts/evonas --namespace {namespace} --reuse-values --set trialLogs.read=true"
    for command in (["doctor"], ["plan", str(manifest)]):
        said = evonas(cluster, namespace, *command).stdout
        assert verdict(said, "role nas-evonas-operator-logs") == ("missing", cure)
        assert "printing has results read from logs" in said
    release("nas", *settings)
    assert verdict(evonas(cluster, namespace, "doctor").stdout, "role nas-evonas-operator-logs")[0] == "ok"


def test_doctor_lists_what_a_search_left_behind_and_its_command_removes_it(
    cluster: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    """It was deleted without its trials; one of the same name adopts nothing, and nobody said what was left."""
    learns: dict[str, Any] = {
        "agent": {"type": "EvoNAS"},
        "knowledge": {"selector": {"matchLabels": {"team": "nobody's"}}},
    }
    body = search("again", budget={"maxTrials": 3, "parallelTrials": 3}, **learns)
    cluster.apply(yaml.safe_dump(body), namespace)
    wait_until(cluster, namespace, "again", "Complete")
    former = {trial["metadata"]["name"] for trial in trials(cluster, namespace)}
    _wait_for_the_garbage_collector(cluster, namespace)
    cluster.kubectl("delete", "nas", "again", "-n", namespace, "--cascade=orphan")
    cluster.apply(yaml.safe_dump(body), namespace)
    wait_until(cluster, namespace, "again", "Complete")
    assert {trial["metadata"]["name"] for trial in trials(cluster, namespace)} > former
    said = evonas(cluster, namespace, "doctor")
    assert said.returncode == 0, said.stdout + said.stderr
    found, cure = verdict(said.stdout, "former search")
    assert found == "warning"
    assert "it has left 3 ArchitectureTrials, 3 Jobs and 1 ConfigMap" in " ".join(said.stdout.split())
    cluster.kubectl(*shlex.split(cure)[1:])
    left = {trial["metadata"]["name"] for trial in trials(cluster, namespace)}
    assert (len(left), left & former) == (3, set())
    assert "former search" not in evonas(cluster, namespace, "doctor").stdout


def _wait_for_the_garbage_collector(cluster: Cluster, namespace: str) -> None:
    """Wait until it knows our kinds, half a minute after they were installed: it orphans only what it knows."""
    owner = {"apiVersion": "evonas.dev/v1alpha1", "kind": "ArchitectureSearch", "name": "nobody", "uid": "nobody"}
    spec = {
        "searchRef": {"name": "nobody", "uid": "nobody"},
        "index": 0,
        "decisions": {"a1": 1},
        "proposal": {"origin": "random", "observedUpTo": 0},
    }
    body = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureTrial",
        "metadata": {"name": "nobodys", "ownerReferences": [owner]},
        "spec": spec,
    }
    cluster.apply(yaml.safe_dump(body), namespace)
    cluster.wait_for(
        "the garbage collector",
        lambda: "nobodys" not in {trial["metadata"]["name"] for trial in trials(cluster, namespace)},
        timeout=300,
    )


def test_doctor_names_the_image_that_a_pod_waits_for(
    cluster: Cluster, namespace: str, operator: OperatorProcess
) -> None:
    body = search("pulling", budget={"maxTrials": 1, "parallelTrials": 1})
    # Away from the fake node, so that this test is its kubelet.
    pod = body["spec"]["trial"]["template"]["spec"]
    pod["nodeSelector"] = {"type": "nowhere"}
    cluster.apply(yaml.safe_dump(body), namespace)
    (made,) = cluster.wait_for("a pod", lambda: cluster.list("pods", namespace))
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "trial:test"'}
    container = {"name": "trial", "image": "trial:test", "imageID": "", "ready": False, "restartCount": 0}
    status = {"status": {"containerStatuses": [{**container, "state": {"waiting": waiting}}]}}
    words = ("pod", made["metadata"]["name"], "-n", namespace, "--subresource=status", "--type=merge")
    cluster.kubectl("patch", *words, "-p", json.dumps(status))
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", namespace)
    assert said.returncode == 1
    assert verdict(said.stdout, "image trial:test") == ("missing", f"kubectl -n {namespace} edit nas pulling")
    assert "a pod of pulling waits: ImagePullBackOff: Back-off pulling image" in said.stdout
