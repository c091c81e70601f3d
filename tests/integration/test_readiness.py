"""`evonas plan` and `evonas doctor` on a real control plane: what they find, and that their cures mend it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml

from tests.cluster.client import Cluster
from tests.command_line import evonas
from tests.operator_process import OperatorProcess, search

pytestmark = pytest.mark.kwok


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
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", namespace)
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
