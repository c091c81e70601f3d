"""One large search: whether its last trials are turned around as fast as its first, and how the operator restarts.

``python -m bench.large`` prints two tables: turnaround and memory by part of the search, and a restart with all trials
recorded. At the default size it is a soak of about 20 minutes, at nearly the rate that two cores sustain.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench.operator import SPREAD, bench_search
from bench.printing import print_rows
from bench.timeline import Timeline, quantiles, watching
from evonas.spec import SearchSpec
from harness.client import Cluster
from harness.fixtures import running
from harness.state import Options
from tests.integration.searches import wait_until
from tests.operator_process import OperatorProcess, install

PARTS = 10


def measure(
    cluster: Cluster,
    body: dict[str, Any],
    options: Sequence[str] = (),
    look: Callable[[str], Mapping[str, str]] = lambda namespace: {},
) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Run one search by an operator with these options, restart that with all trials recorded, and return what was seen
    of either; ``look`` adds what it sees in the namespace after each part.
    """
    in_flight, trials = body["spec"]["budget"]["parallelTrials"], body["spec"]["budget"]["maxTrials"]
    body["spec"]["trial"]["ttlSecondsAfterFinished"] = 5
    with cluster.namespace("bench") as namespace, tempfile.TemporaryDirectory() as folder:
        operator = OperatorProcess(cluster, Path(folder) / "operator.log", [namespace], options=options)
        operator.start()
        parts = []
        with watching(cluster, namespace, SearchSpec.parse(body).trial) as timeline:
            cluster.apply(yaml.safe_dump(body), namespace)
            for part in range(1, PARTS + 1):
                _wait_for_ends(cluster, timeline, part * trials // PARTS)
                waits = timeline.turnarounds(in_flight)[(part - 1) * trials // PARTS :][: trials // PARTS]
                assert operator.process is not None
                memory = psutil.Process(operator.process.pid).memory_info().rss
                parts.append({"trials": str(part * trials // PARTS), **quantiles(waits)})
                parts[-1] |= {"memory": f"{memory / 2**20:.0f} MiB", **look(namespace)}
                print(parts[-1], flush=True)
            wait_until(cluster, namespace, "bench", "Complete", timeout=600)
        sizes = {kind: len(json.dumps(cluster.list(kind, namespace)[-1])) for kind in ("nas", "nastrial")}
        return parts, {
            "recorded": str(trials),
            "search": f"{sizes['nas'] / 1024:.1f} KiB",
            "a trial": f"{sizes['nastrial'] / 1024:.1f} KiB",
            **_restart(cluster, operator, namespace, trials),
        }


def _wait_for_ends(cluster: Cluster, timeline: Timeline, count: int) -> None:
    cluster.wait_for(f"{count} trials to end", lambda: len(timeline.ends) >= count, timeout=3600)


def _restart(cluster: Cluster, operator: OperatorProcess, namespace: str, trials: int) -> dict[str, str]:
    """Kill the operator, ask for one more trial, restart it, and time until that trial is recorded."""
    operator.kill()
    more = {"spec": {"budget": {"maxTrials": trials + 1}}}
    cluster.kubectl("patch", "nas", "bench", "--type=merge", f"--patch={json.dumps(more)}", "-n", namespace)
    began = time.monotonic()
    operator.start()
    watching_after = time.monotonic() - began
    cluster.wait_for(
        "the next trial",
        lambda: cluster.list("nastrial", namespace, selector=f"evonas.dev/index={trials}"),
        timeout=300,
    )
    recorded_after = time.monotonic() - began
    assert operator.process is not None
    memory = psutil.Process(operator.process.pid).memory_info().rss
    operator.stop()
    return {
        "start to watching": f"{watching_after:.1f} s",
        "start to next trial": f"{recorded_after:.1f} s",
        "memory then": f"{memory / 2**20:.0f} MiB",
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agent", default="Evolution")
    parser.add_argument("--in-flight", type=int, default=24)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=2, help="the shortest trial; the longest takes twice that")
    arguments = parser.parse_args()
    with running("kwok", Options(fast=True, kwok_trial_seconds=arguments.seconds, kwok_spread=SPREAD)) as cluster:
        install(cluster)
        parts, restart = measure(cluster, bench_search(arguments.agent, arguments.in_flight, arguments.trials))
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}"
    print_rows(f"one search of {arguments.agent}, {machine}", parts)
    print_rows("a restart with all recorded", [restart])


if __name__ == "__main__":
    main()
