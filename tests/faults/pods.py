"""What a test does in a program's stead, to pods that would run for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from evonas.cluster.client.resources import PODS
from evonas.search.names import PROGRESS_ANNOTATION, REWARD_ANNOTATION
from tests.faults.chronicle import Body
from tests.faults.field import POLL_SECONDS, Site
from tests.faults.invariants import attempt_of

FOR_EVER = "10h"


def state_of(body: Body) -> str:
    """Return a trial's state."""
    return str(body.get("status", {}).get("state", "Pending"))


def phase_of(here: Site, pod: Body) -> str:
    """Return the pod's phase as it is now; empty if it is gone."""
    there = here.story.now[PODS.plural].get(pod["metadata"]["name"], {})
    return str(there.get("status", {}).get("phase", ""))


async def running(here: Site, index: int, *, attempt: int = 1, other_than: Body | None = None) -> Body:
    """Return the pod of a trial's attempt once it runs."""

    def pods() -> Iterator[Body]:
        for pod in here.story.objects(PODS):
            same = other_than is not None and pod["metadata"]["uid"] == other_than["metadata"]["uid"]
            if attempt_of(pod) == (index, attempt) and phase_of(here, pod) == "Running" and not same:
                yield pod

    await here.until(lambda: any(pods()))
    return next(pods())


async def annotate(here: Site, pod: Body, annotations: dict[str, str]) -> None:
    """Annotate a pod, as its program does."""
    await here.chronicle.patch(
        PODS, here.namespace, pod["metadata"]["name"], {"metadata": {"annotations": annotations}}
    )


@asynccontextmanager
async def letting_go(here: Site) -> AsyncIterator[None]:
    """Have each pod report a reward and end, as long as the block lasts."""

    async def let_go() -> None:
        asked: set[str] = set()
        while True:
            for pod in here.story.objects(PODS):
                if pod["metadata"]["name"] not in asked and phase_of(here, pod) == "Running":
                    asked.add(pod["metadata"]["name"])
                    # It may have been deleted since.
                    with suppress(AssertionError):
                        await annotate(here, pod, {REWARD_ANNOTATION: "0.375"})
            await asyncio.sleep(POLL_SECONDS)

    going = asyncio.create_task(let_go())
    try:
        yield
    finally:
        going.cancel()


async def end_with(here: Site, pod: Body, reward: float, *, resumed: int | None = None) -> None:
    """Have a pod report a reward and end; perhaps it said from which step it went on."""
    said = {REWARD_ANNOTATION: repr(reward)}
    if resumed is not None:
        said[PROGRESS_ANNOTATION] = json.dumps({"step": resumed, "reward": reward, "resumed": resumed})
    await annotate(here, pod, said)


async def fail(here: Site, pod: Body) -> None:
    """End the only container of a pod that runs, as one whose program failed, unless the pod is deleted meanwhile."""
    (container,) = pod["status"]["containerStatuses"]
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    times = {"startedAt": container["state"]["running"]["startedAt"], "finishedAt": now}
    ended = {**container, "ready": False, "state": {"terminated": {"exitCode": 1, "reason": "Error", **times}}}
    path = PODS.path(here.namespace, pod["metadata"]["name"], "status")
    status = {"status": {"phase": "Failed", "containerStatuses": [ended]}}
    try:
        await here.chronicle.ask("PATCH", path, status, "application/merge-patch+json")
    except AssertionError:
        # Its engine deletes the others of a pod that has failed.
        await here.story.until(lambda: not phase_of(here, pod))


async def evict(here: Site, pod: Body) -> None:
    """Evict a pod, as somebody who drains its node does."""
    name = pod["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": here.namespace}}
    await here.chronicle.ask("POST", PODS.path(here.namespace, name, "eviction"), body)
