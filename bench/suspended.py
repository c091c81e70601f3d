"""What searches cost that wait: many with an agent that learns, suspended after some trials, until their agents go.

``python -m bench.suspended`` prints one table: the operator's memory at each step. It takes the five minutes and more
that an agent is kept unused.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bench.printing import print_rows
from evonas.cluster.control.search_state import AGENT_PATIENCE
from harness.client import Cluster
from harness.fixtures import running
from harness.state import Options
from tests.operator_process import OperatorProcess, install, search

LONGEST_WAIT = 3600.0


def measure(cluster: Cluster, searches: int, trials: int) -> list[dict[str, str]]:
    """Let the searches run, suspend them, and wait until their agents are gone."""
    rows = []
    with cluster.namespace("suspended") as namespace, tempfile.TemporaryDirectory() as folder:
        # One process, however busy the machine is: it is its memory that is measured.
        options = ["--no-leader-election"]
        operator = OperatorProcess(cluster, Path(folder) / "operator.log", [namespace], options=options)
        operator.start()

        def note(step: str) -> None:
            assert operator.process is not None
            memory = psutil.Process(operator.process.pid).memory_info()
            agents = f"{_total(operator, 'evonas_agents'):.0f}"
            # Without PyTorch's own files: how much of them is loaded depends on what else the machine does.
            own = f"{(memory.rss - memory.shared) / 2**20:.0f} MiB"
            rows.append({"": step, "agents": agents, "memory of its own": own})

        note("no search")
        cluster.apply(yaml.safe_dump_all(_manifests(1, suspend=False)), namespace)
        _wait(lambda: _total(operator, "evonas_agents") == 1 and _total(operator, "evonas_trials") >= trials)
        note("one search")
        cluster.apply(yaml.safe_dump_all(_manifests(searches, suspend=False)), namespace)
        _wait(lambda: _total(operator, "evonas_trials") >= searches * trials)
        cluster.apply(yaml.safe_dump_all(_manifests(searches, suspend=True)), namespace)
        _wait(lambda: not _total(operator, "evonas_search_trials", state="running"))
        note(f"{searches} searches, suspended")
        _wait(lambda: not _total(operator, "evonas_agents"))
        note(f"after {AGENT_PATIENCE:.0f} s")
        operator.stop()
    return rows


def _manifests(searches: int, *, suspend: bool) -> list[dict[str, object]]:
    manifests = []
    for number in range(searches):
        space = [{"name": f"a{position}", "values": list(range(1, 11))} for position in range(1, 11)]
        budget = {"maxTrials": 1000, "parallelTrials": 2}
        agent = {"type": "EvoNAS", "seed": number, "warmup": 4}
        body = search(f"search-{number}", searchSpace=space, agent=agent, budget=budget, suspend=suspend)
        body["spec"]["trial"]["template"]["metadata"] = {"annotations": {"evonas-test/duration": "1s"}}
        manifests.append(body)
    return manifests


def _total(operator: OperatorProcess, metric: str, **labels: str) -> float:
    # Importing PyTorch may take long on a machine that has other work: no timeout.
    text = urllib.request.urlopen(f"http://127.0.0.1:{operator.metrics_port}/metrics").read().decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        if family.name == metric
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    )


def _wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_WAIT
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"not reached in {LONGEST_WAIT:.0f} s")
        time.sleep(1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--trials", type=int, default=12, help="Trials of each search before it is suspended, about.")
    arguments = parser.parse_args()
    with running("kwok", Options(fast=True)) as cluster:
        install(cluster)
        rows = measure(cluster, arguments.searches, arguments.trials)
    print_rows(f"suspended searches with an agent each, EvoNAS, Python {platform.python_version()}", rows)


if __name__ == "__main__":
    main()
