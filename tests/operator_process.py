"""The operator as a real process beside a test cluster, with exactly the rights that the chart gives it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from harness.client import Cluster
from harness.waiting import PATIENCE, wait_for
from tests import warm
from tests.chart.rendering import installed, of_kind

USER = "operator"
OPERATOR_ROLES = ("evonas-operator", "evonas-operator-logs", "evonas-operator-workloads")
LEASE_ROLE = "evonas-operator-lease"
PATIENT_LEASE = ("--lease-duration=600s", "--renew-deadline=500s", "--retry-period=2s")
"""Whatever a machine is busy with meanwhile, it does not end the holder."""
USUAL_LEASE = ("--lease-duration=15s", "--renew-deadline=10s", "--retry-period=2s")
_EPOLL = ("232", "281", "22")
"""The numbers of ``epoll_wait`` and ``epoll_pwait`` on x86-64, and of the latter on arm64."""


_ENABLED_BY = {"jobset": "jobSet", "trainer": "trainJob", "kuberay": "rayJob"}
"""What the chart calls the kind of workload that an engine runs."""


def install(cluster: Cluster, *engines: str) -> None:
    """Install the CRDs and give the test's operator user the rights of the operator's service account, where the kinds
    of these engines are enabled, and of those that run beside the cluster.
    """
    kinds = (_ENABLED_BY[engine] for engine in (*cluster.instance.options.engines, *engines))
    chart = installed(None, *(f"workloads.{kind}.enabled=true" for kind in kinds))
    cluster.apply(yaml.safe_dump_all(of_kind(chart, "CustomResourceDefinition")))
    cluster.wait_established("crd/architecturesearches.evonas.dev", "crd/architecturetrials.evonas.dev")
    roles = of_kind(chart, "ClusterRole")
    # Each test has its Lease in its own namespace, so the rights that the operator has in one it has here in all.
    (lease_role,) = of_kind(chart, "Role")
    everywhere = {**lease_role, "kind": "ClusterRole", "metadata": {"name": LEASE_ROLE}}
    held = [name for name in (body["metadata"]["name"] for body in roles) if name in OPERATOR_ROLES]
    bindings = [bind(name, USER) for name in (*held, LEASE_ROLE)]
    cluster.apply(yaml.safe_dump_all([*roles, everywhere, *bindings]))


def bind(role: str, user: str) -> dict[str, Any]:
    """Return the binding that gives a user a cluster role."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"test-{user}-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user}],
    }


class OperatorProcess:
    """`evonas operator` on one cluster; start it, kill it, start it again.

    A ``cold`` one is started from nothing, two seconds of imports; others as ``tests.warm`` does.
    Its Lease lies in its first namespace, and every life has the same identity, as a container that is restarted in
    its pod: so it takes its own Lease back at once, even after a SIGKILL. Two at a time need two identities.
    """

    def __init__(
        self,
        cluster: Cluster,
        log: Path,
        namespaces: Sequence[str] = (),
        *,
        identity: str = "test-operator",
        kubeconfig: Path | None = None,
        options: Sequence[str] = (),
        lease: Sequence[str] = PATIENT_LEASE,
        cold: bool = True,
    ) -> None:
        self._log = log
        self._cold = cold
        command = ["evonas", "operator", "--metrics-port", "0"]
        command += ["--kubeconfig", str(kubeconfig or cluster.kubeconfig_for(USER))]
        command += ["--lease-namespace", namespaces[0] if namespaces else "default", "--identity", identity]
        command += [*lease, *(argument for namespace in namespaces for argument in ("-n", namespace))]
        self._command = [*command, *options]
        self.process: warm.Started | None = None

    def start(self, *, standby: bool = False) -> None:
        """Start it and wait until it watches, or until it stands by."""
        sign = "standing by" if standby else "watching "
        before = self.log.count(sign)
        # Away from any kubeconfig of this shell, so that the flag is what counts.
        environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
        with self._log.open("ab") as log:
            self.process = (
                subprocess.Popen([sys.executable, "-m", *self._command], stdout=log, stderr=log, env=environment)
                if self._cold
                else warm.start(
                    self._command[0],
                    self._command[1:],
                    environment=environment,
                    output=log,
                    errors=log,
                    imported=warm.CLUSTER,
                )
            )
        wait_for(f"the operator to say {sign!r}", lambda: self._says(sign, before))

    def _says(self, sign: str, before: int) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the operator ended with {self.process.poll()}:\n{self.log}")
        return self.log.count(sign) > before

    @property
    def log(self) -> str:
        """All that it printed, over all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def metrics_port(self) -> int:
        """Port of the latest life's metrics."""
        return int(re.findall(r"metrics on port (\d+)", self.log)[-1])

    def ask(self, path: str) -> tuple[int, str]:
        """GET a path of its HTTP server; return the status and the text."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def total(self, metric: str, **labels: str) -> float:
        """Return the sum of its samples of that name that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.ask("/metrics")[1])
            for sample in family.samples
            if sample.name == metric and labels.items() <= sample.labels.items()
        )

    def calls(self) -> Counter[tuple[str, ...]]:
        """Return how often it called the API server since it started, by verb, resource and answer."""
        return Counter(
            {
                tuple(sample.labels[label] for label in ("verb", "resource", "code")): int(sample.value)
                for family in text_string_to_metric_families(self.ask("/metrics")[1])
                for sample in family.samples
                if sample.name == "evonas_api_requests_total" and sample.labels["resource"] != "leases"
            }
        )

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended by itself."""
        assert self.process is not None
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

    def freeze(self) -> None:
        """Stop it while its event loop waits: no request is then between its last check and its sending."""
        assert self.process is not None
        waiting = Path(f"/proc/{self.process.pid}/syscall")
        while True:
            self.signal(signal.SIGSTOP)
            wait_for("the process to stop", self._stopped)
            if waiting.read_text().split()[0] in _EPOLL:
                return
            self.signal(signal.SIGCONT)
            time.sleep(0.001)

    def _stopped(self) -> bool:
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """End it at once, as a crash or a lost node would."""
        assert self.process is not None
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """End it as Kubernetes does, and return its exit code."""
        if self.process is None:
            return 0
        self.signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE)
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
