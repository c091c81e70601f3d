"""The product on a real node as a user installs it: CRDs, operator in a pod, examples as they stand."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster.client import Cluster
from tests.integration.searches import condition

ROOT = Path(__file__).parents[2]
NAMESPACE = "evonas-system"


def install(cluster: Cluster) -> None:
    """Apply the CRDs and the install manifest, and wait until the operator is available."""
    cluster.kubectl("apply", "-f", str(ROOT / "crds"))
    cluster.kubectl("apply", "-f", str(ROOT / "examples" / "install"))
    cluster.kubectl(
        "wait", "--for=condition=Available", "deployment/evonas-operator", "-n", NAMESPACE, "--timeout=180s"
    )


def apply_example(cluster: Cluster, file: str, namespace: str) -> None:
    """Apply an example as it stands."""
    cluster.kubectl("apply", "-n", namespace, "-f", str(ROOT / "examples" / file))


def follow(
    cluster: Cluster, namespace: str, name: str, timeout: float, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Follow a search until it is Complete and return it; a failed or refused one is an error with its reason."""
    deadline = time.monotonic() + timeout
    last = ""
    while time.monotonic() < deadline:
        body = cluster.get("nas", name, namespace)
        status = body.get("status", {})
        line = f"{condition(body, 'Progressing').get('reason', 'Waiting')} {json.dumps(status.get('trials', {}))}"
        if line != last:
            say(line)
            last = line
        if condition(body, "Complete").get("status") == "True":
            return body
        for type, bad in (("Failed", "True"), ("Accepted", "False")):
            if condition(body, type).get("status") == bad:
                raise AssertionError(f"{name}: {condition(body, type)}")
        time.sleep(0.5)
    operator = cluster.kubectl("logs", "deployment/evonas-operator", "-n", NAMESPACE, "--tail=40")
    raise AssertionError(f"{name} is not Complete after {timeout:g} s: {last}\n{operator}")


def say(line: str) -> None:
    """Print at once, for people who wait."""
    print(line, flush=True, file=sys.stderr)
