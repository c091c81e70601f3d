"""The operator as a real process beside a test cluster, with exactly the rights that the install manifest gives it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.client import Cluster
from tests.cluster.waiting import wait_for

ROOT = Path(__file__).parents[1]
INSTALL = ROOT / "examples" / "install" / "operator.yaml"
USER = "operator"


def install(cluster: Cluster) -> None:
    """Install the CRDs and give the test's operator user the rights of the operator's service account."""
    for crd in sorted((ROOT / "crds").glob("*.yaml")):
        cluster.apply(crd.read_text())
    cluster.kubectl("wait", "--for=condition=Established", "crd/architecturesearches.evonas.dev")
    cluster.kubectl("wait", "--for=condition=Established", "crd/architecturetrials.evonas.dev")
    documents = [document for document in yaml.safe_load_all(INSTALL.read_text()) if document["kind"] == "ClusterRole"]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "test-operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "evonas-operator"},
        "subjects": [{"kind": "User", "name": USER}],
    }
    cluster.apply(yaml.safe_dump_all([*documents, binding]))


class OperatorProcess:
    """`evonas operator` on one cluster; start it, kill it, start it again."""

    def __init__(self, cluster: Cluster, log: Path, namespaces: Sequence[str] = ()) -> None:
        self._cluster = cluster
        self._log = log
        self._namespaces = namespaces
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it watches."""
        scopes = [argument for namespace in self._namespaces for argument in ("-n", namespace)]
        kubeconfig = str(self._cluster.kubeconfig_for(USER))
        command = [
            sys.executable,
            "-m",
            "evonas",
            "operator",
            "--kubeconfig",
            kubeconfig,
            "--metrics-port",
            "0",
            *scopes,
        ]
        before = self.log.count("metrics on port")
        with self._log.open("ab") as log:
            # Away from any kubeconfig of this shell, so that the flag is what counts.
            environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_for("the operator to watch", lambda: self._is_up(before), timeout=60)

    def _is_up(self, before: int) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the operator ended with {self.process.returncode}:\n{self.log}")
        return self.log.count("metrics on port") > before

    @property
    def log(self) -> str:
        """All that it printed, over all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def metrics_port(self) -> int:
        """Port of the latest life's metrics."""
        return int(re.findall(r"metrics on port (\d+)", self.log)[-1])

    def kill(self) -> None:
        """End it at once, as a crash or a lost node would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """End it as Kubernetes does, and return its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process = None
        return code


def search(name: str, *, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a search for kwok's fake node: three decisions of five values, evolution, GPU limits."""
    pod = {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            {
                "name": "trial",
                "image": "trial:test",
                "command": ["python", "-m", "evonas_trial.counting"],
                "resources": {"limits": {"nvidia.com/gpu": 1}},
                **(container or {}),
            }
        ],
    }
    body: dict[str, Any] = {
        "searchSpace": [{"name": f"a{position}", "values": [1, 2, 3, 4, 5]} for position in (1, 2, 3)],
        "agent": {"type": "Evolution", "seed": 3},
        "budget": {"maxTrials": 12, "parallelTrials": 4},
        "trial": {"template": {"metadata": {}, "spec": pod}},
    }
    for key, value in spec.items():
        if isinstance(value, dict) and isinstance(body.get(key), dict):
            body[key] = {**body[key], **value}
        else:
            body[key] = value
    return {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": name},
        "spec": body,
    }
