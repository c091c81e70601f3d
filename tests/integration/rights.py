"""Rights that are in force: the API server goes by a role or a binding some time after it has taken it."""

from __future__ import annotations

from harness.client import Cluster
from harness.errors import CommandFailed


def may(cluster: Cluster, namespace: str, user: str, verb: str, kind: str) -> bool:
    """Say whether a user has a right in a namespace; it is not the user who asks, in the audit log."""
    try:
        return "yes" in cluster.kubectl("auth", "can-i", verb, kind, "-n", namespace, f"--as={user}")
    except CommandFailed as refusal:
        if "ended with 1: no" not in str(refusal):
            raise
        return False


def wait_for_right(cluster: Cluster, namespace: str, user: str, verb: str, *kinds: str) -> None:
    """Wait until a user may do this with all of these kinds in a namespace."""
    cluster.wait_for(
        f"the right of {user} to {verb} {', '.join(kinds)}",
        lambda: all(may(cluster, namespace, user, verb, kind) for kind in kinds),
    )
