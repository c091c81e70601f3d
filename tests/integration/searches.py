"""What tests ask about a search on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from evonas.search.names import REWARD_ANNOTATION
from harness.client import Cluster
from harness.errors import CommandFailed

HELD = {"evonas-test/duration": "24h"}
"""Annotations of pods that run until they are let go: a test cannot be too late for them."""


def condition(body: dict[str, Any], type: str) -> dict[str, Any]:
    """Return a condition of an object; empty where it has none of that type."""
    conditions: list[dict[str, Any]] = body.get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == type), {})


def wait_until(
    cluster: Cluster,
    namespace: str,
    name: str,
    type: str,
    timeout: float = 300,
    *,
    meanwhile: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Wait until the search's condition is True, said of what its spec is now, and return the search.

    Whenever it is not yet, ``meanwhile`` is called.
    """

    def reached() -> dict[str, Any] | None:
        body = cluster.get("nas", name, namespace)
        if condition(body, type).get("status") == "True" and is_observed(body):
            return body
        meanwhile()
        return None

    body = cluster.wait_for(f"{type} of {name}", reached, timeout)
    assert body is not None
    return body


def is_observed(body: dict[str, Any]) -> bool:
    """Say whether the operator has told of a search since its spec was last changed."""
    return bool(body.get("status", {}).get("observedGeneration") == body["metadata"]["generation"])


def change(cluster: Cluster, namespace: str, name: str, spec: dict[str, Any]) -> None:
    """Change a search's spec."""
    cluster.rest.merge("nas", name, namespace, {"spec": spec})


def wait_until_observed(cluster: Cluster, namespace: str, name: str) -> None:
    """Wait until the operator acts by what a search's spec is now."""
    cluster.wait_for("the change to be observed", lambda: is_observed(cluster.get("nas", name, namespace)))


def running(cluster: Cluster, namespace: str, *, seconds: float = 0) -> list[dict[str, Any]]:
    """Return the pods that run, and have run for so long."""

    def age(pod: dict[str, Any]) -> float:
        return (datetime.now(UTC) - datetime.fromisoformat(pod["status"]["startTime"])).total_seconds()

    pods = (pod for pod in cluster.list("pods", namespace) if pod["status"].get("phase") == "Running")
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and age(pod) >= seconds]


def let_go(cluster: Cluster, namespace: str, *, seconds: float = 0) -> None:
    """Have the pods end that run, and have run for so long: each reports a reward."""
    for pod in running(cluster, namespace, seconds=seconds):
        if REWARD_ANNOTATION not in pod["metadata"].get("annotations", {}):
            # It may be gone by now.
            with suppress(CommandFailed):
                cluster.annotate("pod", pod["metadata"]["name"], namespace, {REWARD_ANNOTATION: "0.5"})


def worse_and_worse(count: int, *, patient: int) -> tuple[dict[str, str], list[dict[str, int]]]:
    """Return annotations of a search's pods and its listed candidates, each of which is worse than those before it.

    The last ``patient`` of them report at their rungs and wait to be stopped there, however long that takes. Successive
    halving stops each that is not overtaken by more of those behind it than are known before it.
    """
    annotations = {f"evonas-test/outcome-{index}-1": "hang" for index in range(count - patient, count)}
    totals = range(10, 10 - count, -1)
    return annotations, [{"a1": total - total // 2, "a2": total // 2, "a3": 5} for total in totals]


def trials(cluster: Cluster, namespace: str, search: str = "") -> list[dict[str, Any]]:
    """Return the trials in a namespace, or of one search there, by index."""
    fields = f"spec.searchRef.name={search}" if search else ""
    return sorted(cluster.list("nastrial", namespace, fields=fields), key=lambda body: int(body["spec"]["index"]))


def states(cluster: Cluster, namespace: str, search: str = "") -> list[str]:
    """Return the states of the trials in a namespace, or of one search there, by index; empty where none is told."""
    return [str(body.get("status", {}).get("state", "")) for body in trials(cluster, namespace, search)]


def finished(cluster: Cluster, namespace: str) -> int:
    """Return how many trials have a final state."""
    final = ("Succeeded", "Infeasible", "Failed")
    return sum(state in final for state in states(cluster, namespace))


def events_of(cluster: Cluster, namespace: str, reason: str, count: int = 1) -> list[dict[str, Any]]:
    """Return the events that give this reason, once there are so many: most come right after what they tell of."""

    def found() -> list[dict[str, Any]]:
        events = [event for event in cluster.list("events", namespace) if event["reason"] == reason]
        return events if len(events) >= count else []

    return cluster.wait_for(f"{count} events {reason}", found)


def wait_for_release(cluster: Cluster, namespace: str) -> None:
    """Wait until every Job is complete and released, which is after its container's end, and so after the search's."""

    def released() -> bool:
        return all(
            condition(job, "Complete").get("status") == "True" and "ttlSecondsAfterFinished" in job["spec"]
            for job in cluster.list("jobs", namespace)
        )

    cluster.wait_for("the Jobs' end and release", released)


def assert_sound(cluster: Cluster, namespace: str, name: str, count: int) -> None:
    """Assert what must hold of every completed search: one trial per index, one result and Job each, no orphan."""
    assert_results(cluster, namespace, name, count)
    jobs = cluster.list("jobs", namespace)
    owners = [reference["name"] for job in jobs for reference in job["metadata"]["ownerReferences"]]
    assert sorted(owners) == sorted(body["metadata"]["name"] for body in trials(cluster, namespace))
    wait_for_release(cluster, namespace)
    pods = cluster.list("pods", namespace)
    assert len(pods) == count
    assert {pod["status"]["phase"] for pod in pods} == {"Succeeded"}


def assert_results(cluster: Cluster, namespace: str, name: str, count: int) -> None:
    """Assert what must hold of the records of a completed search: one trial per index and one result each."""
    records = trials(cluster, namespace, name)
    assert [body["spec"]["index"] for body in records] == list(range(count))
    assert sorted(body["status"]["sequence"] for body in records) == list(range(1, count + 1))
    search = cluster.get("nas", name, namespace)
    rewards = {body["metadata"]["name"]: float(body["status"]["reward"]) for body in records}
    best = search["status"]["best"]
    assert rewards[best["trial"]] == float(best["reward"]) == max(rewards.values())


def wait_for_quota_told(cluster: Cluster, namespace: str, search: str, quota: str) -> None:
    """Wait until a search says that a quota has no room for its only trial, which is queued."""

    def told() -> dict[str, Any] | None:
        found = condition(cluster.get("nas", search, namespace), "Progressing")
        return found if found.get("reason") == "QuotaExceeded" else None

    found = cluster.wait_for("the reason", told)
    assert found is not None
    assert f"exceeded quota: {quota}" in found["message"]
    assert trials(cluster, namespace)[0]["status"]["state"] == "Queued"
