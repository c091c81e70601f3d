"""`make cluster-run`: a real node on this machine, the operator in it, one search until its best candidate."""

from __future__ import annotations

import json
import sys

from harness import images, lifecycle, state
from harness.client import Cluster
from harness.errors import ClusterError
from tests.e2e.installed import apply_example, follow, install, say

NAME = "cluster-run"
EXAMPLE, SEARCH = "counting.yaml", "counting"


def main() -> int:
    """Bring everything up, or go on with what is up; the cluster stays for `kubectl` until `make cluster-down`."""
    try:
        cluster = _cluster()
        say("building and importing the images")
        images.build(say)
        images.load(cluster.instance, say)
        say("installing the chart")
        install(cluster)
        cluster.kubectl("delete", "nas", SEARCH, "-n", "default", "--ignore-not-found")
        say(f"applying examples/{EXAMPLE}")
        apply_example(cluster, EXAMPLE, "default")
        body = follow(cluster, "default", SEARCH, timeout=600, say=say)
    except ClusterError as error:
        say(f"error: {error}")
        return 1
    print(cluster.kubectl("get", "nas,nastrial", "-n", "default"))
    best = body["status"]["best"]
    print(f"best candidate: {best['trial']} with {best['reward']}: {json.dumps(best['decisions'])}")
    say(f'to look around: eval "$(python -m harness env --name {NAME})" && kubectl get pods')
    say("to end it: make cluster-down")
    return 0


def _cluster() -> Cluster:
    if any(instance.name == NAME for instance in state.every()):
        return Cluster(state.load(NAME))
    return lifecycle.up(NAME, "node", progress=say)


if __name__ == "__main__":
    sys.exit(main())
