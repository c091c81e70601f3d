"""What the operator costs and how fast it is, on a real control plane with simulated pods (kwok).

``python -m bench.operator`` prints one table. The pods take about a second; what is measured is the operator and the
API server. The control plane's own clients run without their request limits, which would cap any Job-based operator.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import urllib3
import yaml
from kubernetes import client, config, watch
from rich.console import Console
from rich.table import Table

from tests.cluster.client import Cluster
from tests.cluster.fixtures import running
from tests.cluster.state import Options
from tests.integration.searches import wait_until
from tests.operator_process import USER, OperatorProcess, install, search


@dataclass
class Timeline:
    """When pods' ends and Jobs' creations were seen, in seconds of one clock."""

    ends: list[float] = field(default_factory=list)
    creations: list[float] = field(default_factory=list)

    def turnarounds(self, in_flight: int) -> list[float]:
        """Return how long each freed slot stayed empty: the i-th end against the i-th creation to follow."""
        return [created - ended for ended, created in zip(self.ends, self.creations[in_flight:], strict=False)]


@contextmanager
def watching(cluster: Cluster, namespace: str) -> Iterator[Timeline]:
    """Watch pods and Jobs while the block runs."""
    configuration = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), client_configuration=configuration)
    api = client.ApiClient(configuration)
    timeline = Timeline()
    watches = [watch.Watch(), watch.Watch()]

    def watch_pods() -> None:
        ended: set[str] = set()
        for event in watches[0].stream(client.CoreV1Api(api).list_namespaced_pod, namespace):
            pod = event["raw_object"]
            uid = pod["metadata"]["uid"]
            if pod["status"].get("phase") in ("Succeeded", "Failed") and uid not in ended:
                ended.add(uid)
                timeline.ends.append(time.monotonic())

    def watch_jobs() -> None:
        for event in watches[1].stream(client.BatchV1Api(api).list_namespaced_job, namespace):
            if event["type"] == "ADDED":
                timeline.creations.append(time.monotonic())

    def until_the_cluster_ends(target: Callable[[], None]) -> None:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            target()

    for target in (watch_pods, watch_jobs):
        threading.Thread(target=until_the_cluster_ends, args=[target], daemon=True).start()
    yield timeline
    for watcher in watches:
        watcher.stop()


def measure(cluster: Cluster, agent: str, in_flight: int, trials: int) -> dict[str, Any]:
    """Run one search and return what it cost."""
    space = [{"name": f"a{position}", "values": list(range(1, 11))} for position in range(1, 11)]
    body = search(
        "bench",
        agent={"type": agent, "seed": 1},
        searchSpace=space,
        budget={"maxTrials": trials, "parallelTrials": in_flight},
    )
    with cluster.namespace("bench") as namespace, tempfile.TemporaryDirectory() as folder:
        operator = OperatorProcess(cluster, Path(folder) / "operator.log", [namespace])
        operator.start()
        assert operator.process is not None
        process = psutil.Process(operator.process.pid)
        idle = process.memory_info().rss
        with watching(cluster, namespace) as timeline:
            started = time.monotonic()
            before = sum(process.cpu_times()[:2])
            cluster.apply(yaml.safe_dump(body), namespace)
            wait_until(cluster, namespace, "bench", "Complete", timeout=1200)
            seconds = time.monotonic() - started
        cpu = sum(process.cpu_times()[:2]) - before
        memory = process.memory_info().rss
        operator.stop()
        events = [event for event in cluster.writes(USER) if event["objectRef"].get("namespace") == namespace]
    writes = Counter(f"{event['verb']} {event['objectRef']['resource']}" for event in events)
    posted = writes.pop("create events", 0)
    waits = sorted(timeline.turnarounds(in_flight))
    return {
        "agent": agent,
        "in flight": in_flight,
        "trials": trials,
        "trials / s": f"{trials / seconds:.1f}",
        "turnaround median": f"{statistics.median(waits):.3f} s",
        "p99": f"{waits[int(len(waits) * 0.99)]:.3f} s",
        "writes / trial": f"{sum(writes.values()) / trials:.2f}",
        "events": posted,
        "CPU / trial": f"{1000 * cpu / trials:.0f} ms",
        "memory idle": f"{idle / 2**20:.0f} MiB",
        "at the end": f"{memory / 2**20:.0f} MiB",
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[4, 20, 100])
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--agents", nargs="+", default=["Evolution", "EvoNAS"])
    arguments = parser.parse_args()
    rows = []
    with running("kwok", Options(fast=True)) as cluster:
        install(cluster)
        for agent in arguments.agents:
            for in_flight in arguments.in_flight:
                rows.append(measure(cluster, agent, in_flight, arguments.trials))
                print(rows[-1], flush=True)
    table = Table(title=f"operator on kwok, {psutil.cpu_count()} cores, Python {platform.python_version()}")
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=200).print(table)


if __name__ == "__main__":
    main()
