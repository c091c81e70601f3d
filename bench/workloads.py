"""Trials of many pods on a real control plane with simulated pods (kwok), beside trials of one pod.

``python -m bench.workloads`` prints one table: from the end of the pod that reports to the next workload, and what the
operator writes and uses a trial, by kind; six minutes a kind. ``python -m bench.workloads --large`` prints two of one
search of 1,000 trials: whether any object grows with it, and the operator's memory; twenty minutes.

The pods of a trial end one by one, each after its own time: a workload may go on for a while after its trial's end.
"""

from __future__ import annotations

import argparse
import json
import platform
from functools import partial
from typing import Any

import psutil
import yaml

from bench import large, operator
from bench.operator import SPREAD, bench_search
from bench.printing import print_rows
from evonas.cluster.client.resources import resource_of
from harness.client import Cluster
from harness.fixtures import running
from harness.state import Options, in_order
from tests.integration.trainjobs import runtimes, trainjob
from tests.integration.workloads import indexed_job, jobset
from tests.operator_process import install

AGENT = "Evolution"
ONE_POD = "Job"
KINDS = (ONE_POD, "IndexedJob", "JobSet", "TrainJob")
ENGINES = {"JobSet": "jobset", "TrainJob": "trainer"}
"""What runs beside the control plane, by kind."""
RUNTIME = "bench"


def declare(kind: str, in_flight: int, trials: int, pods: int) -> dict[str, Any]:
    """Return a search with trials of that kind."""
    body = bench_search(AGENT, in_flight, trials)
    asked = {field: body["spec"][field] for field in ("searchSpace", "agent", "budget")}
    match kind:
        case "IndexedJob":
            return indexed_job("bench", pods=pods, **asked)
        case "JobSet":
            return jobset("bench", {"driver": 1, "worker": pods - 1}, **asked)
        case "TrainJob":
            return trainjob("bench", runtime=RUNTIME, nodes=pods, **asked)
    return body


def sizes(cluster: Cluster, kind: str, namespace: str) -> dict[str, str]:
    """Return how large the largest object of each kind is, and how many there are."""
    plurals = {"search": "nas", "trial": "nastrial", "workload": resource_of(kind).plural}
    listed = {name: cluster.list(plural, namespace) for name, plural in plurals.items()}
    largest = {
        f"largest {name}": f"{max((len(json.dumps(item)) for item in items), default=0) / 1024:.1f} KiB"
        for name, items in listed.items()
    }
    return {**largest, "workloads": str(len(listed["workload"])), "pods": str(len(cluster.list("pods", namespace)))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, help="all; with --large JobSet")
    parser.add_argument("--large", action="store_true", help="one long search of each kind; what grows in its course")
    parser.add_argument("--in-flight", type=int, default=20)
    parser.add_argument("--trials", type=int, help="300; with --large 1,000")
    parser.add_argument("--pods", type=int, help="of a trial, where it has several: 4; with --large 8")
    parser.add_argument("--seconds", type=float, default=15, help="the shortest pod; the longest takes twice that")
    arguments = parser.parse_args()
    trials = arguments.trials or (1000 if arguments.large else 300)
    pods = arguments.pods or (8 if arguments.large else 4)
    kinds = arguments.kinds or (["JobSet"] if arguments.large else KINDS)
    enabled = [kind for kind in kinds if kind in ENGINES]
    flags = [word for kind in enabled for word in ("--workload", kind)]
    options = Options(
        fast=True,
        kwok_trial_seconds=arguments.seconds,
        kwok_spread=SPREAD,
        engines=in_order([ENGINES[kind] for kind in enabled]),
    )
    about = f"pods of {arguments.seconds:g} to {SPREAD * arguments.seconds:g} s, {arguments.in_flight} trials in flight"
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}"
    rows = []
    with running("kwok", options) as cluster:
        install(cluster)
        if "TrainJob" in enabled:
            cluster.apply(yaml.safe_dump_all(runtimes({RUNTIME: {}})))
        for kind in kinds:
            body = declare(kind, arguments.in_flight, trials, pods)
            count = 1 if kind == ONE_POD else pods
            if arguments.large:
                parts, restart = large.measure(cluster, body, flags, partial(sizes, cluster, kind))
                print_rows(f"{trials} trials, each a {kind} of {count} pods; {about}, {machine}", parts)
                print_rows("a restart with all recorded", [restart])
            else:
                found = operator.measure(cluster, body, flags)
                rows.append({"trial": f"{kind}, {count} pods", "trials": trials, **found})
                print(rows[-1], flush=True)
    if rows:
        print_rows(f"operator on kwok, {about}, {machine}", rows)


if __name__ == "__main__":
    main()
