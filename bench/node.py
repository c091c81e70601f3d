"""How fast a slot is refilled on a real node: containers of two seconds, started by kubelet and containerd.

``python -m bench.node`` prints two tables. Each trial reports when it began and ended by its own clock, which is the
watch's too. "Reward to exit" is what starting the next Job at the reward's arrival would save, while the old pod still
holds its GPU. The second table is of a search with rungs: how long after the decision to stop a trial its GPU is free,
for a program that ends on SIGTERM and for one that ignores it. Needs root and Debian, as ``make cluster-run`` does.
"""

from __future__ import annotations

import argparse
import platform
import time

import psutil
import yaml

from bench.printing import print_rows
from bench.timeline import quantiles, watching
from harness import images
from harness.client import Cluster
from harness.fixtures import running
from tests.chart.rendering import ROOT
from tests.e2e.installed import follow, install
from tests.integration.searches import trials as list_trials

SECONDS = 2
TRIAL = f"""
import time
from evonas_trial import report
began = time.time()
time.sleep({SECONDS})
report.reward(0.5, {{"began": began, "ended": time.time()}})
"""
COUNTING = "python -m evonas_trial.counting --seconds 13.5"
CLIMBERS = (
    ("ends on SIGTERM", COUNTING.split()),
    # The first process of a container ignores the signals that it does not handle.
    ("ignores SIGTERM", ["sh", "-c", f"{COUNTING}; exit"]),
)


def measure(cluster: Cluster, agent: str, in_flight: int, trials: int) -> dict[str, str]:
    """Run one search of trials that take two seconds, and return how full its slots were."""
    body = yaml.safe_load((ROOT / "examples" / "counting.yaml").read_text())
    body["spec"]["agent"] = {"type": agent, "seed": 1}
    body["spec"]["budget"] = {"maxTrials": trials, "parallelTrials": in_flight}
    body["spec"]["trial"]["template"]["spec"]["containers"][0]["command"] = ["python", "-c", TRIAL]
    with cluster.namespace("bench") as namespace, watching(cluster, namespace) as timeline:
        applied = time.time()
        cluster.apply(yaml.safe_dump(body), namespace)
        follow(cluster, namespace, "counting", timeout=1200)
        metrics = [record["status"]["metrics"] for record in list_trials(cluster, namespace)]
    began, ended = ([float(item[name]) for item in metrics] for name in ("began", "ended"))
    waits = timeline.turnarounds(in_flight, ended)
    return {
        "agent": agent,
        "in flight": str(in_flight),
        "trials": str(trials),
        **{f"end to next Job, {name}": value for name, value in quantiles(waits).items()},
        "reward to exit": quantiles([left - timeline.reports[pod] for pod, left in timeline.exits.items()])["median"],
        "slots really running": f"{100 * trials * SECONDS / (in_flight * (max(ended) - min(began))):.0f} %",
        "applied to first pod": f"{timeline.pods[0] - applied:.2f} s",
    }


def measure_stops(cluster: Cluster, program: str, command: list[str], in_flight: int, trials: int) -> dict[str, str]:
    """Run one search with rungs, and return how soon the GPUs of stopped trials were free."""
    body = yaml.safe_load((ROOT / "examples" / "counting.yaml").read_text())
    body["spec"]["agent"] = {"type": "Random", "seed": 1}
    body["spec"]["budget"] = {"maxTrials": trials, "parallelTrials": in_flight}
    body["spec"]["fidelity"] = {"rungs": {"min": 1, "max": 27, "factor": 3}}
    container = body["spec"]["trial"]["template"]["spec"]["containers"][0]
    container["command"] = command
    container["resources"] = {"limits": {"nvidia.com/gpu": 1}}
    with cluster.namespace("bench") as namespace, watching(cluster, namespace) as timeline:
        cluster.apply(yaml.safe_dump(body), namespace)
        follow(cluster, namespace, "counting", timeout=1200)
        cluster.wait_for("every stop", lambda: len(timeline.stop_times()) == len(timeline.stops), 60)
    return {
        "program": program,
        "in flight": str(in_flight),
        "stopped": f"{len(timeline.stops)} of {trials}",
        **{f"decision to free GPU, {name}": value for name, value in quantiles(timeline.stop_times()).items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, default=4)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--stopping", type=int, default=30, help="trials of the search with rungs")
    parser.add_argument("--agents", nargs="+", default=["Random", "Evolution"])
    arguments = parser.parse_args()
    with running("node") as cluster:
        images.build()
        images.load(cluster.instance)
        install(cluster)
        rows = [measure(cluster, agent, arguments.in_flight, arguments.trials) for agent in arguments.agents]
        stops = [measure_stops(cluster, *program, arguments.in_flight, arguments.stopping) for program in CLIMBERS]
    print_rows(f"trials of {SECONDS} s on a real node, {psutil.cpu_count()} cores, {platform.machine()}", rows)
    print_rows("trials that are stopped at rungs, on the same node", stops)


if __name__ == "__main__":
    main()
