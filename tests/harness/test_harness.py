"""The harness on trial: a test cluster that lies would make every test above it lie."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import yaml

from harness import lifecycle, processes, state
from harness.client import Cluster, Object
from harness.errors import ClusterError, CommandFailed
from harness.fixtures import running
from harness.sharing import sharing
from harness.state import DEFAULTS
from harness.waiting import wait_for
from harness.watchdog import cut


def job(name: str, *, outcome: str = "", decisions: str = "", rungs: str = "", until: str = "", **pod: object) -> str:
    """A Job of one pod; what is not given is what the fake node needs."""
    labels = {"evonas-test/outcome": outcome} if outcome else {}
    told = {"EVONAS_DECISIONS": decisions, "EVONAS_RUNGS": rungs, "EVONAS_UNTIL": until}
    container = {
        "name": "trial",
        "image": "none",
        "env": [{"name": name, "value": value} for name, value in told.items() if value],
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    }
    fake = {"nodeSelector": {"type": "kwok"}, "tolerations": [{"operator": "Exists"}]}
    spec = {"restartPolicy": "Never", "containers": [container], **fake, **pod}
    template = {"metadata": {"labels": labels}, "spec": spec}
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
    return yaml.safe_dump({**manifest, "spec": {"backoffLimit": 0, "template": template}})


def finished_pod(cluster: Cluster, namespace: str, name: str) -> Object:
    """The pod of that Job once it has ended."""

    def pod() -> Object | None:
        pods = cluster.list("pods", namespace, f"job-name={name}")
        return next((pod for pod in pods if pod["status"]["phase"] in {"Succeeded", "Failed"}), None)

    found = cluster.wait_for(f"the pod of {name} to end", pod)
    assert found is not None
    return found


@pytest.mark.control_plane
def test_control_plane_issues_service_account_tokens(control_plane: Cluster) -> None:
    with control_plane.namespace() as namespace:
        token = control_plane.kubectl("create", "token", "default", "-n", namespace)
    assert token.count(".") == 2


@pytest.mark.control_plane
def test_users_without_a_binding_may_do_nothing(control_plane: Cluster) -> None:
    for user in ("operator", "somebody"):
        with pytest.raises(CommandFailed, match=f'User "{user}" cannot list resource "pods"'):
            control_plane.kubectl("get", "pods", user=control_plane.kubeconfig_for(user))


@pytest.mark.control_plane
def test_groups_of_a_minted_user_count(control_plane: Cluster) -> None:
    kubeconfig = control_plane.kubeconfig_for("somebody", ["system:masters"])
    assert "default" in control_plane.kubectl("get", "namespaces", user=kubeconfig)


@pytest.mark.control_plane
def test_audit_log_knows_who_wrote_what(control_plane: Cluster) -> None:
    with control_plane.namespace() as namespace:
        control_plane.kubectl("create", "configmap", "seen", "-n", namespace)
        written = [event["objectRef"] for event in control_plane.writes("admin")]
    assert any(it["resource"] == "configmaps" and it["namespace"] == namespace for it in written)


@pytest.mark.control_plane
def test_two_instances_side_by_side(control_plane: Cluster) -> None:
    with running("control-plane") as other:
        assert other.server != control_plane.server
        other.kubectl("create", "namespace", "only-there")
        with pytest.raises(CommandFailed, match="not found"):
            control_plane.get("namespace", "only-there")


@pytest.mark.control_plane
def test_down_leaves_nothing(control_plane: Cluster) -> None:
    with running("control-plane") as cluster:
        instance = cluster.instance
        pids = [component.process.pid for component in instance.components.values()]
        assert len(pids) == 5
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not instance.folder.exists()


@pytest.mark.control_plane
def test_cluster_dies_with_its_owner(tmp_path: Path) -> None:
    owner = processes.spawn(["sleep", "600"], tmp_path / "log")
    instance = lifecycle.up(f"orphan-{owner.pid}", "control-plane", owner=owner).instance
    processes.end([owner])
    wait_for("the watchdog to take the cluster down", lambda: not instance.folder.exists())
    ids = [component.process for component in instance.components.values()]
    wait_for("the watchdog itself to end", lambda: not any(map(processes.find, ids)))


@pytest.mark.control_plane
def test_a_shared_cluster_is_prepared_once_and_ends_with_its_last_user() -> None:
    prepared = []

    def prepare(cluster: Cluster) -> None:
        prepared.append(cluster.instance.name)

    with ExitStack() as later:
        with sharing("control-plane", DEFAULTS, prepare) as first:
            second = later.enter_context(sharing("control-plane", DEFAULTS, prepare))
        assert second.server == first.server
        assert prepared == [first.instance.name]
        assert second.get("namespace", "default")
    assert not first.instance.folder.exists()


@pytest.mark.control_plane
def test_kinds_are_known_by_all_their_names(control_plane: Cluster) -> None:
    for name in ("clusterrole", "ClusterRole", "clusterroles", "clusterroles.rbac.authorization.k8s.io"):
        assert control_plane.get(name, "admin")["metadata"]["name"] == "admin"
    names = {body["kind"] for body in control_plane.list("roles,rolebindings", "kube-system")}
    assert names == {"Role", "RoleBinding"}
    with pytest.raises(CommandFailed, match=r'clusterroles.rbac.authorization.k8s.io "nobody" not found'):
        control_plane.get("clusterrole", "nobody")
    with pytest.raises(CommandFailed, match="doesn't have a resource type 'unheard'"):
        control_plane.list("unheard")


@pytest.mark.control_plane
def test_a_killed_component_comes_back() -> None:
    with running("control-plane") as cluster:
        cluster.kubectl("create", "namespace", "kept")
        cluster.kill("kube-apiserver")
        with pytest.raises(CommandFailed):
            cluster.get("namespace", "kept")
        cluster.restart("kube-apiserver")
        assert cluster.get("namespace", "kept")["metadata"]["name"] == "kept"


@pytest.mark.kwok
def test_job_on_the_fake_node_ends_with_its_reward(kwok_cluster: Cluster) -> None:
    with kwok_cluster.namespace() as namespace:
        kwok_cluster.apply(job("good", decisions='{"a": 3, "b": 4.5, "c": "relu"}'), namespace)
        pod = finished_pod(kwok_cluster, namespace, "good")
        kwok_cluster.kubectl("wait", "--for=condition=complete", "job/good", "-n", namespace, "--timeout=180s")
    assert pod["metadata"]["annotations"]["evonas.dev/reward"] == str(7.5 / 27.5)


@pytest.mark.kwok
def test_fake_pod_reports_at_all_rungs_but_the_last_before_its_reward(kwok_cluster: Cluster) -> None:
    with kwok_cluster.namespace() as namespace:
        kwok_cluster.apply(job("climbing", rungs="1,2,6"), namespace)
        pod = finished_pod(kwok_cluster, namespace, "climbing")
    annotations = pod["metadata"]["annotations"]
    assert annotations["evonas.dev/reward"] == "0.5"
    rungs = {"1": {"reward": pytest.approx(0.5 / 3)}, "2": {"reward": 0.25}}
    assert json.loads(annotations["evonas.dev/progress"]) == {"step": 2, "rungs": rungs}


@pytest.mark.kwok
def test_fake_pod_that_is_to_end_at_a_rung_goes_on_from_the_one_before(kwok_cluster: Cluster) -> None:
    with kwok_cluster.namespace() as namespace:
        kwok_cluster.apply(job("first", rungs="1,2,6", until="1"), namespace)
        kwok_cluster.apply(job("second", rungs="1,2,6", until="2"), namespace)
        kwok_cluster.apply(job("last", rungs="1,2,6", until="6"), namespace)
        found = {name: finished_pod(kwok_cluster, namespace, name) for name in ("first", "second", "last")}
    annotations = {name: pod["metadata"]["annotations"] for name, pod in found.items()}
    rewards = {name: float(said["evonas.dev/reward"]) for name, said in annotations.items()}
    assert rewards == {"first": pytest.approx(0.5 / 3), "second": 0.25, "last": 0.5}
    said = {name: json.loads(said["evonas.dev/progress"]) for name, said in annotations.items()}
    assert {name: (report["step"], report["resumed"]) for name, report in said.items()} == {
        "first": (1, 0),
        "second": (2, 1),
        "last": (6, 2),
    }


@pytest.mark.kwok
@pytest.mark.parametrize(("outcome", "code"), [("fail", 1), ("infeasible", 65), ("silent", 0), ("message", 0)])
def test_fake_pod_ends_as_its_label_asks(kwok_cluster: Cluster, outcome: str, code: int) -> None:
    with kwok_cluster.namespace() as namespace:
        kwok_cluster.apply(job(outcome, outcome=outcome), namespace)
        pod = finished_pod(kwok_cluster, namespace, outcome)
    terminated = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert terminated["exitCode"] == code
    assert "annotations" not in pod["metadata"]
    assert json.loads(terminated.get("message") or "null") == ({"reward": 0.5} if outcome == "message" else None)


def test_waiting_in_vain_says_what_was_awaited() -> None:
    with pytest.raises(ClusterError, match=r"waited 0\.1 s for a miracle; last seen: 0"):
        wait_for("a miracle", lambda: 0, timeout=0.1)


def test_instance_names_stay_in_the_cache() -> None:
    with pytest.raises(ClusterError, match="instance name"):
        state.folder_of("../elsewhere")


def test_long_logs_are_cut_and_their_end_kept(tmp_path: Path) -> None:
    log = tmp_path / "noisy.log"
    log.write_text("early " * 100 + "late")
    cut(log, limit=100, kept=4)
    assert log.read_text() == ""
    assert log.with_suffix(".old").read_text() == "late"
