"""The real node on trial: what the end-to-end tests take for granted when they run a trial in a container."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
import yaml

from harness import cgroups, images
from harness.client import Cluster, Object
from harness.fixtures import running
from harness.node import GPU, GPUS

pytestmark = [pytest.mark.node, pytest.mark.timeout(1200)]

# What a trial does, with nothing but the standard library: ask the API server who it is, at the address that the pod's
# environment gives; leave a result where the kubelet finds it; say something.
_PROGRAM = """
import os, ssl, urllib.request
account = "/var/run/secrets/kubernetes.io/serviceaccount/"
server = "https://%s:%s/version" % (os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"])
request = urllib.request.Request(server, headers={"Authorization": "Bearer " + open(account + "token").read()})
context = ssl.create_default_context(cafile=account + "ca.crt")
answer = urllib.request.urlopen(request, context=context, timeout=10)
open("/dev/termination-log", "w").write('{"reward": 0.75}')
print("the API server answered", answer.status)
"""


def job(name: str, program: str, gpus: int = 1) -> str:
    container = {
        "name": "trial",
        "image": images.SMALL_BASE,
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", program],
        "resources": {"limits": {GPU: gpus}},
    }
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}}
    return yaml.safe_dump({**manifest, "spec": {"backoffLimit": 0, "template": {"spec": spec}}})


def pod_of(cluster: Cluster, namespace: str, name: str) -> Object:
    """The Job's pod; without a status before there is one."""
    return next(iter(cluster.list("pods", namespace, f"job-name={name}")), {"status": {"phase": ""}})


def test_job_reaches_the_api_server_and_leaves_its_message_and_log(node_cluster: Cluster) -> None:
    with node_cluster.namespace() as namespace:
        node_cluster.apply(job("trial", _PROGRAM), namespace)
        node_cluster.kubectl("wait", "--for=condition=complete", "job/trial", "-n", namespace, "--timeout=180s")
        log = node_cluster.kubectl("logs", "job/trial", "-n", namespace)
        status = pod_of(node_cluster, namespace, "trial")["status"]["containerStatuses"][0]
    assert log == "the API server answered 200\n"
    assert json.loads(status["state"]["terminated"]["message"]) == {"reward": 0.75}


def test_gpus_on_paper_are_counted(node_cluster: Cluster) -> None:
    sleep = "import time; time.sleep(600)"
    with node_cluster.namespace() as namespace:
        node_cluster.apply(job("greedy", sleep, GPUS), namespace)
        node_cluster.wait_for(
            "the first pod to run", lambda: pod_of(node_cluster, namespace, "greedy")["status"]["phase"] == "Running"
        )
        node_cluster.apply(job("late", sleep), namespace)

        def reason() -> str:
            conditions = pod_of(node_cluster, namespace, "late")["status"].get("conditions", [{}])
            return str(conditions[0].get("message", ""))

        assert f"Insufficient {GPU}" in node_cluster.wait_for("the scheduler's verdict", reason)
        node_cluster.kubectl("delete", "job", "greedy", "-n", namespace)
        node_cluster.wait_for(
            "the late pod to run", lambda: pod_of(node_cluster, namespace, "late")["status"]["phase"] == "Running"
        )


def test_two_nodes_side_by_side_and_no_trace_of_the_second(node_cluster: Cluster) -> None:
    with running("node") as other, other.namespace() as namespace:
        instance = other.instance
        other.apply(job("trial", _PROGRAM), namespace)
        other.apply(job("endless", "import time; time.sleep(600)"), namespace)
        other.kubectl("wait", "--for=condition=complete", "job/trial", "-n", namespace, "--timeout=180s")
        assert node_cluster.get("node", "node")["metadata"]["uid"] != other.get("node", "node")["metadata"]["uid"]
    folder = str(instance.folder)
    assert not instance.folder.exists()
    assert folder not in Path("/proc/self/mounts").read_text()
    assert instance.cgroup not in {group.name for group in cgroups.below(Path("/sys/fs/cgroup"))}
    assert not Path(f"/sys/class/net/evonas{instance.number}").exists()
    assert not [process for process in psutil.process_iter(["cmdline"]) if folder in str(process.info["cmdline"])]
