"""What was asked of an API server, by its audit log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from evonas.cluster.client.collection import WATCH_SECONDS
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


def assert_watched_by_one(asked: Counter[tuple[str, str]], kinds: Iterable[str], began: float) -> None:
    """Assert that each kind was watched by one at a time since then, a moment of the clock that only goes forward: each
    watch ends by itself and is begun again.
    """
    most = 2 + (time.monotonic() - began) / WATCH_SECONDS
    assert all(0 < asked["watch", kind] <= most for kind in kinds), asked
