"""Trials of many pods on a real control plane with simulated pods (kwok), beside trials of one pod.

``python -m bench.workloads`` prints one table: from the end of the pod that reports to the next workload, and what the
operator writes and uses a trial, by kind. ``python -m bench.workloads --large`` prints two of one search of 1,000
trials: whether any object grows with it, and the operator's memory. Each takes a quarter of an hour a kind, or less.

The pods of a trial end one by one, each after its own time: a workload may go on for a while after its trial's end.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import psutil
import yaml

from bench import large, operator
from bench.operator import SPREAD, bench_search
from bench.printing import print_rows
from evonas.cluster.client.resources import resource_of
from evonas.workloads.catalogue import ENGINES
from harness.client import Cluster
from harness.fixtures import running
from harness.state import Options
from tests.operator_process import USER, bind, install

AGENT = "Evolution"
ONE_POD = "Job"
Body = dict[str, Any]


def indexed_job(template: Body, pods: int) -> Body:
    """Return an Indexed Job of so many pods of a template, as a search declares it."""
    spec = {"completionMode": "Indexed", "completions": pods, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}


def jobset(template: Body, pods: int) -> Body:
    """Return a JobSet of a driver and its workers."""
    groups = [
        {"name": name, "template": {"spec": {"parallelism": count, "completions": count, "template": template}}}
        for name, count in (("driver", 1), ("worker", pods - 1))
    ]
    return {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": {"replicatedJobs": groups}}


WORKLOADS: Mapping[str, Callable[[Body, int], Body]] = {"IndexedJob": indexed_job, "JobSet": jobset}
"""By the kind's name."""


def declare(kind: str, in_flight: int, trials: int, pods: int) -> Body:
    """Return a search with trials of that kind."""
    body = bench_search(AGENT, in_flight, trials)
    if kind != ONE_POD:
        trial = body["spec"]["trial"]
        trial["workload"] = WORKLOADS[kind](trial.pop("template"), pods)
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


def _grant(cluster: Cluster, kinds: list[str]) -> None:
    """Give the operator what the chart gives it where these kinds are enabled."""
    for kind in kinds:
        resource = resource_of(kind)
        name = f"evonas-operator-{resource.plural}"
        verbs = ["get", "list", "watch", "create", "patch", "delete"]
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": [{"apiGroups": [resource.group], "resources": [resource.plural], "verbs": verbs}],
        }
        cluster.apply(yaml.safe_dump_all([role, bind(name, USER)]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=[ONE_POD, *WORKLOADS], default=[ONE_POD, *WORKLOADS])
    parser.add_argument("--large", action="store_true", help="one long search of each kind; what grows in its course")
    parser.add_argument("--in-flight", type=int, default=20)
    parser.add_argument("--trials", type=int, help="300; with --large 1,000")
    parser.add_argument("--pods", type=int, help="of a trial, where it has several: 4; with --large 8")
    parser.add_argument("--seconds", type=float, default=10, help="the shortest pod; the longest takes twice that")
    arguments = parser.parse_args()
    trials = arguments.trials or (1000 if arguments.large else 300)
    pods = arguments.pods or (8 if arguments.large else 4)
    engines = [kind.name for kind in ENGINES if kind.name in arguments.kinds]
    enabled = [word for name in engines for word in ("--workload", name)]
    options = Options(
        fast=True,
        kwok_trial_seconds=arguments.seconds,
        kwok_spread=SPREAD,
        engines=tuple(name.lower() for name in engines),
    )
    about = f"pods of {arguments.seconds:g} to {SPREAD * arguments.seconds:g} s, {arguments.in_flight} trials in flight"
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}"
    rows = []
    with running("kwok", options) as cluster:
        install(cluster)
        _grant(cluster, engines)
        for kind in arguments.kinds:
            body = declare(kind, arguments.in_flight, trials, pods)
            count = 1 if kind == ONE_POD else pods
            if arguments.large:
                parts, restart = large.measure(cluster, body, enabled, partial(sizes, cluster, kind))
                print_rows(f"{trials} trials, each a {kind} of {count} pods; {about}, {machine}", parts)
                print_rows("a restart with all recorded", [restart])
            else:
                found = operator.measure(cluster, body, enabled)
                rows.append({"trial": f"{kind}, {count} pods", "trials": trials, **found})
                print(rows[-1], flush=True)
    if rows:
        print_rows(f"operator on kwok, {about}, {machine}", rows)


if __name__ == "__main__":
    main()
