"""What the operator costs while there is nothing to do: the leader and a standby. ``python -m bench.idle`` prints one
table: memory, share of a core, and calls to the API server per minute.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import psutil
import yaml

from bench.printing import print_rows
from harness.client import Cluster
from harness.fixtures import running
from tests.operator_process import LEASE_ROLE, OperatorProcess, bind, install

ROLES = ("leader", "standby")
SETTLING_SECONDS = 20


def measure(cluster: Cluster, seconds: float) -> dict[str, dict[str, str]]:
    """Let two replicas idle in one cluster, and return what each cost."""
    for role in ROLES:
        cluster.apply(yaml.safe_dump_all([bind(right, role) for right in ("evonas-operator", LEASE_ROLE)]))
    with tempfile.TemporaryDirectory() as folder:
        operators = {
            role: OperatorProcess(
                cluster, Path(folder) / f"{role}.log", identity=role, kubeconfig=cluster.kubeconfig_for(role)
            )
            for role in ROLES
        }
        try:
            for role, operator in operators.items():
                operator.start(standby=role == "standby")
            time.sleep(SETTLING_SECONDS)
            begin, before = datetime.now(UTC), {role: _cpu(operator) for role, operator in operators.items()}
            time.sleep(seconds)
            end, after = datetime.now(UTC), {role: _cpu(operator) for role, operator in operators.items()}
            memory = {role: _process(operator).memory_full_info() for role, operator in operators.items()}
        finally:
            for operator in operators.values():
                operator.stop()
    return {
        role: {
            "memory (RSS)": f"{memory[role].rss / 2**20:.0f} MiB",
            "of it its own (PSS)": f"{memory[role].pss / 2**20:.0f} MiB",
            "of a core": f"{100 * (after[role] - before[role]) / seconds:.2f} %",
            "API calls / minute": "\n".join(
                f"{60 * count / seconds:.1f} {call}" for call, count in _calls(cluster, role, begin, end).most_common()
            ),
        }
        for role in ROLES
    }


def _process(operator: OperatorProcess) -> psutil.Process:
    assert operator.process is not None
    return psutil.Process(operator.process.pid)


def _cpu(operator: OperatorProcess) -> float:
    return sum(_process(operator).cpu_times()[:2])


def _calls(cluster: Cluster, user: str, begin: datetime, end: datetime) -> Counter[str]:
    """Count that user's calls; the audit log has a line when a watch begins and one when it ends."""
    return Counter(
        f"{event['verb']} {event['objectRef']['resource']}"
        for event in cluster.audit_events()
        if event["user"]["username"] == user
        and (event["verb"] != "watch" or event["stage"] == "ResponseStarted")
        and begin <= datetime.fromisoformat(event["requestReceivedTimestamp"]) < end
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    with running("kwok") as cluster:
        install(cluster)
        found = measure(cluster, arguments.seconds)
    rows = [{"": role, **values} for role, values in found.items()]
    print_rows(f"idle operator, {platform.machine()}, Python {platform.python_version()}", rows)


if __name__ == "__main__":
    main()
