"""The product on a real node as a user installs it: chart, operator in a pod, examples as they stand."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from evonas.manifest import KIND
from harness.client import Cluster
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, ROOT
from tests.integration.searches import condition, is_observed

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def install(cluster: Cluster) -> None:
    """Install the chart as it stands into a namespace of its own, and wait until the operator is available."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}}
    cluster.apply(yaml.safe_dump(namespace))
    change(cluster)


def change(cluster: Cluster, *arguments: str) -> str:
    """Install or upgrade the release with these values, and wait until the operator is available."""
    command = ["upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--reset-values"]
    return cluster.helm(*command, "--wait", "--timeout=240s", *arguments)


@contextmanager
def restricted_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace whose pods must be as Pod Security asks at its strictest."""
    with cluster.namespace() as name:
        cluster.rest.merge("namespace", name, "", {"metadata": {"labels": RESTRICTED}})
        yield name


def apply_example(cluster: Cluster, file: str, namespace: str, *, trials: int | None = None) -> None:
    """Apply an example as it stands, or with fewer trials."""
    if trials is None:
        cluster.kubectl("apply", "-n", namespace, "-f", str(ROOT / "examples" / file))
    else:
        cluster.apply(yaml.safe_dump_all(example_of(file, trials=trials)), namespace)


def example_of(file: str, *, trials: int) -> list[dict[str, Any]]:
    """Return the objects of an example, whose search has fewer trials."""
    bodies: list[dict[str, Any]] = [*yaml.safe_load_all((ROOT / "examples" / file).read_text())]
    for body in bodies:
        if body["kind"] == KIND:
            budget = body["spec"]["budget"]
            budget |= {"maxTrials": trials, "parallelTrials": min(trials, budget.get("parallelTrials", 1))}
    return bodies


def write_shorter(file: str, folder: Path, *, trials: int) -> Path:
    """Write an example with fewer trials into the folder, for commands that name it."""
    shorter = folder / "shorter.yaml"
    shorter.write_text(yaml.safe_dump_all(example_of(file, trials=trials)))
    return shorter


def follow(
    cluster: Cluster,
    namespace: str,
    name: str,
    timeout: float,
    say: Callable[[str], None] = lambda line: None,
    *,
    end: str = "Complete",
) -> dict[str, Any]:
    """Follow a search until it is Complete (or what ``end`` says) and return it; any other end is an error."""
    deadline = time.monotonic() + timeout
    last = ""
    while time.monotonic() < deadline:
        body = cluster.get("nas", name, namespace)
        status = body.get("status", {})
        line = f"{condition(body, 'Progressing').get('reason', 'Waiting')} {json.dumps(status.get('trials', {}))}"
        if line != last:
            say(line)
            last = line
        # Of a search that was Complete and goes on, the operator may not have seen that yet.
        if is_observed(body):
            if condition(body, end).get("status") == "True":
                return body
            for type, bad in (("Complete", "True"), ("Failed", "True"), ("Accepted", "False")):
                if condition(body, type).get("status") == bad:
                    raise AssertionError(f"{name}: {condition(body, type)}")
        time.sleep(0.5)
    operator = cluster.kubectl("logs", "deployment/evonas-operator", "-n", NAMESPACE, "--tail=40")
    raise AssertionError(f"{name} is not {end} after {timeout:g} s: {last}\n{operator}")


def say(line: str) -> None:
    """Print at once, for people who wait."""
    print(line, flush=True, file=sys.stderr)
