"""What the operator costs and how fast it is, on a real control plane with simulated pods (kwok).

``python -m bench.operator`` prints one table. If many short trials are in flight, the control plane saturates the cores
and a queue is measured: each program's CPU time per trial shows how close that is. The control plane's own clients run
without their request limits, which would cap any Job-based operator.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import yaml

from bench.printing import print_rows
from bench.timeline import quantiles, watching
from evonas.cluster.client.resources import JOBS, resource_of
from evonas.cluster.state.objects import read_workload
from evonas.spec import SearchSpec
from harness.client import Cluster
from harness.fixtures import running
from harness.state import Options
from tests.integration.searches import wait_until
from tests.operator_process import USER, OperatorProcess, install, search

WRITES = frozenset({"create", "update", "patch", "delete"})
SPREAD = 2.0
"""Trials that end together wait for each other: with equal lengths, all that were started at first always do."""


def bench_search(
    agent: str, in_flight: int, trials: int, rungs: Sequence[int] = (), mode: str = "Stop", *, logs: bool = False
) -> dict[str, Any]:
    """Return a search named ``bench`` over ten decisions of ten values; each of its ``rungs`` takes a trial's time.

    With ``logs``, results are in what containers print: there, all trials are equal, so none is stopped.
    """
    rule = {"rule": "None"} if logs else {}
    fidelity = {"fidelity": {"rungs": {"steps": [*rungs]}, "mode": mode, **rule}} if rungs else {}
    printed: dict[str, Any] = {}
    if logs:
        printed = {"objective": {"metric": "accuracy"}, "trial": {"report": {"from": "Logs"}}}
    return search(
        "bench",
        agent={"type": agent, "seed": 1},
        searchSpace=[{"name": f"a{position}", "values": list(range(1, 11))} for position in range(1, 11)],
        budget={"maxTrials": trials, "parallelTrials": in_flight},
        **fidelity,
        **printed,
    )


def measure(cluster: Cluster, body: Mapping[str, Any], options: Sequence[str] = ()) -> dict[str, Any]:
    """Run one search, by an operator with these options, and return what it cost."""
    in_flight, trials = body["spec"]["budget"]["parallelTrials"], body["spec"]["budget"]["maxTrials"]
    trial = SearchSpec.parse(body).trial
    plural = JOBS.plural if trial.workload is None else resource_of(trial.workload.kind.name).plural
    with cluster.namespace("bench") as namespace, tempfile.TemporaryDirectory() as folder:
        operator = OperatorProcess(cluster, Path(folder) / "operator.log", [namespace], options=options)
        operator.start()
        assert operator.process is not None
        process = psutil.Process(operator.process.pid)
        programs = {name: psutil.Process(part.process.pid) for name, part in cluster.instance.components.items()}
        programs["operator"] = process
        idle = process.memory_info().rss
        with watching(cluster, namespace, trial) as timeline:
            started, before = time.time(), _cpu_seconds(programs)
            cluster.apply(yaml.safe_dump(dict(body)), namespace)
            wait_until(cluster, namespace, "bench", "Complete", timeout=3600)
            seconds = time.time() - started
        cpu = _cpu_seconds(programs) - before
        memory = process.memory_info().rss
        passes = operator.total("evonas_reconcile_seconds_count")
        # The last ones are released once all of their pods have ended.
        cluster.wait_for(
            "every release",
            lambda: all(read_workload(item).released for item in cluster.list(plural, namespace)),
            timeout=600,
        )
        operator.stop()
        size = len(json.dumps(cluster.get("nas", "bench", namespace)))
        calls = [
            event
            for event in cluster.audit_events()
            if event["user"]["username"] == USER and event.get("objectRef", {}).get("namespace") == namespace
        ]
    verbs = Counter(_call(event) for event in calls if event["objectRef"]["resource"] != "events" and _is_whole(event))
    writes = Counter(
        f"{event['verb']} {event['objectRef']['resource']}"
        for event in calls
        if event["verb"] in WRITES and event["objectRef"]["resource"] != "leases"
    )
    waits = timeline.turnarounds(in_flight)
    tenth = max(1, len(waits) // 10)
    return {
        "trials / s": f"{trials / seconds:.1f}",
        **{f"turnaround {name}": value for name, value in quantiles(waits).items()},
        "first, last tenth": " ".join(quantiles(part)["median"] for part in (waits[:tenth], waits[-tenth:])),
        "applied to pod": f"{timeline.pods[0] - started:.2f} s",
        "calls / trial": "\n".join(f"{count / trials:.2f} {verb}" for verb, count in verbs.most_common() if count),
        "writes / trial": "\n".join(
            [
                f"{writes.total() / trials:.2f}",
                *(f"{count / trials:.2f} {what}" for what, count in writes.most_common(6)),
            ]
        ),
        "passes / trial": f"{passes / trials:.1f}",
        "events": sum(event["objectRef"]["resource"] == "events" for event in calls),
        "CPU / trial": "\n".join(f"{1000 * spent / trials:.0f} ms {name}" for name, spent in cpu.most_common()),
        "memory": f"{idle / 2**20:.0f} to {memory / 2**20:.0f} MiB",
        "search": f"{size / 1024:.1f} KiB",
    }


def _call(event: Mapping[str, Any]) -> str:
    return "get log" if event["objectRef"].get("subresource") == "log" else str(event["verb"])


def _is_whole(event: Mapping[str, Any]) -> bool:
    """Say whether a call is counted by this event: the beginning of an answer that takes long has one of its own."""
    return bool(event["objectRef"].get("subresource") != "log" or event["stage"] == "ResponseComplete")


def _cpu_seconds(programs: Mapping[str, psutil.Process]) -> Counter[str]:
    return Counter({name: sum(program.cpu_times()[:2]) for name, program in programs.items()})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[4, 20, 100])
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=1, help="the shortest trial; the longest takes twice that")
    parser.add_argument("--agents", nargs="+", default=["Evolution", "EvoNAS"])
    parser.add_argument("--rungs", type=int, nargs="+", default=[], help="steps at which trials are compared; none")
    parser.add_argument("--mode", choices=["Stop", "Pause"], default="Stop", help="what happens at a rung")
    parser.add_argument("--logs", action="store_true", help="results are read from what containers print")
    arguments = parser.parse_args()
    rows = []
    with running("kwok", Options(fast=True, kwok_trial_seconds=arguments.seconds, kwok_spread=SPREAD)) as cluster:
        install(cluster)
        for agent in arguments.agents:
            for in_flight in arguments.in_flight:
                setting = {
                    "agent": agent,
                    "in flight": in_flight,
                    "trials": arguments.trials,
                    "rungs": f"{' '.join(map(str, arguments.rungs))}, {arguments.mode}" if arguments.rungs else "none",
                    "results": "printed" if arguments.logs else "reported",
                }
                size, rungs = (in_flight, arguments.trials), (arguments.rungs, arguments.mode)
                body = bench_search(agent, *size, *rungs, logs=arguments.logs)
                rows.append({**setting, **measure(cluster, body)})
                print(rows[-1], flush=True)
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}"
    lengths = f"{arguments.seconds:g} to {SPREAD * arguments.seconds:g} s"
    print_rows(f"operator on kwok, trials of {lengths}, {machine}", rows)


if __name__ == "__main__":
    main()
