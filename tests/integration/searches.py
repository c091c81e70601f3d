"""What tests ask about a search on a cluster."""

from __future__ import annotations

from typing import Any

from harness.client import Cluster


def condition(body: dict[str, Any], type: str) -> dict[str, Any]:
    """Return a condition of an object; empty where it has none of that type."""
    conditions: list[dict[str, Any]] = body.get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == type), {})


def wait_until(cluster: Cluster, namespace: str, name: str, type: str, timeout: float = 120) -> dict[str, Any]:
    """Wait until the search's condition is True and return the search."""

    def reached() -> dict[str, Any] | None:
        body = cluster.get("nas", name, namespace)
        return body if condition(body, type).get("status") == "True" else None

    body = cluster.wait_for(f"{type} of {name}", reached, timeout)
    assert body is not None
    return body


def trials(cluster: Cluster, namespace: str, search: str = "") -> list[dict[str, Any]]:
    """Return the trials in a namespace, or of one search there, by index."""
    fields = f"spec.searchRef.name={search}" if search else ""
    return sorted(cluster.list("nastrial", namespace, fields=fields), key=lambda body: int(body["spec"]["index"]))


def finished(cluster: Cluster, namespace: str) -> int:
    """Return how many trials have a final state."""
    final = ("Succeeded", "Infeasible", "Failed")
    return sum(body.get("status", {}).get("state") in final for body in trials(cluster, namespace))


def _all_released(jobs: list[dict[str, Any]]) -> bool:
    return all(
        condition(job, "Complete").get("status") == "True" and "ttlSecondsAfterFinished" in job["spec"] for job in jobs
    )


def assert_sound(cluster: Cluster, namespace: str, name: str, count: int) -> None:
    """Assert what must hold of every completed search: one trial per index, one result and Job each, no orphan."""
    records = trials(cluster, namespace)
    assert [body["spec"]["index"] for body in records] == list(range(count))
    assert sorted(body["status"]["sequence"] for body in records) == list(range(1, count + 1))
    search = cluster.get("nas", name, namespace)
    rewards = {body["metadata"]["name"]: float(body["status"]["reward"]) for body in records}
    best = search["status"]["best"]
    assert rewards[best["trial"]] == float(best["reward"]) == max(rewards.values())
    jobs = cluster.list("jobs", namespace)
    owners = [reference["name"] for job in jobs for reference in job["metadata"]["ownerReferences"]]
    assert sorted(owners) == sorted(rewards)
    # A Job completes, and is released, after its container has ended, which completes the search.
    cluster.wait_for("the Jobs' end and release", lambda: _all_released(cluster.list("jobs", namespace)), 60)
    pods = cluster.list("pods", namespace)
    assert len(pods) == count
    assert {pod["status"]["phase"] for pod in pods} == {"Succeeded"}
