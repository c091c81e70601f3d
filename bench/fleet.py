"""Many searches at once, on a real control plane with simulated pods: what the operator costs, and how it restarts.
``python -m bench.fleet`` prints one table. The pods run for an hour, so none ends during the measurement.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from pathlib import Path

import psutil
import yaml

from bench.printing import print_rows
from harness.client import Cluster
from harness.fixtures import running
from harness.state import Options
from tests.operator_process import OperatorProcess, install, search

STEADY_SECONDS = 60


def measure(cluster: Cluster, searches: int, live: int) -> dict[str, str]:
    """Start the searches, wait until all trials run, restart the operator, and return what each took."""
    with cluster.namespace("fleet") as namespace, tempfile.TemporaryDirectory() as folder:
        operator = OperatorProcess(cluster, Path(folder) / "operator.log", [namespace])
        operator.start()
        began = time.monotonic()
        cluster.apply(yaml.safe_dump_all(_manifests(searches, live)), namespace)
        _wait_for_running(operator, live)
        started = time.monotonic() - began
        assert operator.process is not None
        process = psutil.Process(operator.process.pid)
        before = sum(process.cpu_times()[:2])
        time.sleep(STEADY_SECONDS)
        steady = (sum(process.cpu_times()[:2]) - before) / STEADY_SECONDS
        memory = process.memory_info().rss
        operator.kill()
        began = time.monotonic()
        operator.start()
        _wait_for_running(operator, live)
        restarted = time.monotonic() - began
        operator.stop()
    return {
        "searches": str(searches),
        "live trials": str(live),
        "until all run": f"{started:.0f} s",
        "of a core, steady": f"{100 * steady:.1f} %",
        "memory": f"{memory / 2**20:.0f} MiB",
        "restart until all are known": f"{restarted:.1f} s",
    }


def _manifests(searches: int, live: int) -> list[dict[str, object]]:
    manifests = []
    for number in range(searches):
        parallel = live // searches + (number < live % searches)
        space = [{"name": f"a{position}", "values": list(range(1, 11))} for position in range(1, 11)]
        body = search(f"search-{number}", searchSpace=space, budget={"maxTrials": 1000, "parallelTrials": parallel})
        body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "1h"}}
        manifests.append(body)
    return manifests


def _wait_for_running(operator: OperatorProcess, live: int) -> None:
    """Wait until the operator's own metrics count all trials as running."""
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        if operator.total("evonas_search_trials", state="running") >= live:
            return
        time.sleep(0.5)
    raise AssertionError(f"{live} trials do not run after half an hour:\n{operator.log[-3000:]}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=300)
    parser.add_argument("--live", type=int, default=5000)
    arguments = parser.parse_args()
    with running("kwok", Options(fast=True)) as cluster:
        install(cluster)
        row = measure(cluster, arguments.searches, arguments.live)
    print_rows(f"a fleet on kwok, {psutil.cpu_count()} cores, Python {platform.python_version()}", [row])


if __name__ == "__main__":
    main()
