"""What was asked of an API server, by its audit log."""

from __future__ import annotations

from collections import Counter

from harness.client import Cluster


def lists_and_watches(cluster: Cluster, user: str) -> Counter[tuple[str, str]]:
    """Return how often a user has listed and watched so far, by verb and kind."""
    asked = Counter[tuple[str, str]]()
    # A watch that goes on has begun to answer only.
    stage_of = {"list": "ResponseComplete", "watch": "ResponseStarted"}
    for event in cluster.audit_events(user):
        if event["user"].get("username") == user and stage_of.get(event["verb"]) == event["stage"]:
            asked[event["verb"], event["objectRef"]["resource"]] += 1
    return asked
