"""Where faults are tried: namespaces of one cluster, each with a proxy and operators of its own, several at a time."""

from __future__ import annotations

import asyncio
import copy
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from evonas.cluster.client.resources import EVENTS, JOBS, SEARCHES, Resource
from harness.client import Cluster
from harness.credentials import kubeconfig_path
from tests.faults.chronicle import DRIVER, JOBSETS, Chronicle, Story
from tests.faults.invariants import MAKERS, is_complete
from tests.faults.operators import Operator
from tests.faults.proxy import Proxy
from tests.integration.searches import worse_and_worse
from tests.operator_process import USER, search

TRIAL_DURATION = "300ms"
WATCHDOG_SECONDS, POLL_SECONDS = 0.5, 0.1
TRIALS_OF_SEARCH = 6


class Site:
    """One namespace with a proxy, and the operators that were started in it."""

    def __init__(self, namespace: str, proxy: Proxy, chronicle: Chronicle, cluster: Cluster, folder: Path) -> None:
        self.namespace = namespace
        self.proxy = proxy
        self.chronicle = chronicle
        self.story: Story = chronicle.story(namespace)
        self.operators: list[Operator] = []
        self._folder = folder
        self._workloads: tuple[str, ...] = ()
        self.kubeconfig = proxy.write_kubeconfig(
            folder / f"{namespace}.kubeconfig", kubeconfig_path(cluster.instance, USER)
        )

    def start(self, *, resync_seconds: float = 600, elected: bool = False) -> Operator:
        """Start an operator behind the proxy; with ``elected`` it acts only while it holds a lease."""
        log = self._folder / f"{self.namespace}.log"
        operator = Operator(
            self.kubeconfig,
            self.namespace,
            log,
            resync_seconds=resync_seconds,
            elected=elected,
            workloads=self._workloads,
        )
        self.operators.append(operator)
        return operator

    async def kill_and_restart(self) -> None:
        """Kill the operator and start another one."""
        self.operators[-1].kill()
        self.start()

    async def apply(self, manifest: dict[str, Any]) -> None:
        """Create a search; operators that are started later run its kind of workload."""
        workload = manifest["spec"]["trial"].get("workload")
        if workload is not None and workload["kind"] != JOBS.kind:
            self._workloads = (workload["kind"],)
        await self.chronicle.create(SEARCHES, self.namespace, manifest)

    async def until(self, predicate: Callable[[], object], seconds: float = 180) -> None:
        """Wait for the story to become so; AssertionError where the operator ends, or time does, before."""
        waiting = asyncio.create_task(self.story.until(predicate, seconds))
        try:
            while not waiting.done():
                await asyncio.wait([waiting], timeout=WATCHDOG_SECONDS)
                self.chronicle.check()
                if not waiting.done() and not any(operator.is_alive for operator in self.operators):
                    raise AssertionError(f"no operator is alive any more:\n{self.log}")
            await waiting
        except TimeoutError:
            raise AssertionError(f"not within {seconds:g} s; the operator's log:\n{self.log}") from None
        finally:
            waiting.cancel()

    async def until_known(self, predicate: Callable[[], object], seconds: float = 180) -> None:
        """Wait for the story to become so, and to stay so with all that has happened until then."""
        await self.until(predicate, seconds)
        await self.chronicle.catch_up(self.namespace)
        await self.until(predicate, seconds)

    async def until_so(self, predicate: Callable[[], object], seconds: float = 120) -> None:
        """Wait for what no event tells of, such as a line in the log."""
        end = asyncio.get_running_loop().time() + seconds
        while not predicate():
            assert asyncio.get_running_loop().time() < end, f"not within {seconds:g} s; the operator's log:\n{self.log}"
            await asyncio.sleep(POLL_SECONDS)

    async def until_seen(self, resource: Resource) -> None:
        """Wait until an object of that kind is known, with or without an operator."""
        await self.story.until(lambda: self.story.objects(resource))

    async def until_posted(self, reason: str, seconds: float = 120) -> None:
        """Wait until an event with that reason was posted; nobody watches events here."""
        async with asyncio.timeout(seconds):
            while True:
                events = await self.chronicle.ask("GET", EVENTS.path(self.namespace))
                if reason in {event["reason"] for event in events["items"]}:
                    return
                await asyncio.sleep(WATCHDOG_SECONDS)

    async def give_time(self, predicate: Callable[[], bool], seconds: float = 90) -> None:
        """Give what the story does not tell some time to become so."""
        for _ in range(round(seconds / WATCHDOG_SECONDS)):
            if predicate():
                return
            await asyncio.sleep(WATCHDOG_SECONDS)

    async def complete(self, seconds: float = 180) -> None:
        """Wait until the search is Complete and its Jobs are released, and all that happened is known."""
        try:
            await self.until_known(lambda: self.story.objects(SEARCHES) and is_complete(self.story), seconds)
        except AssertionError as error:
            seen = {body["metadata"]["name"]: body for kind in MAKERS for body in self.story.objects(kind)}
            there = [
                body
                for kind in MAKERS
                for body in (await self.chronicle.ask("GET", kind.path(self.namespace)))["items"]
            ]
            states = [
                (job, job == seen.get(job["metadata"]["name"]))
                for job in there
                if "ttlSecondsAfterFinished" not in job["spec"]
            ]
            raise AssertionError(
                f"{error}\nJobs that are not released, and whether the story has them so: {states}"
            ) from None

    @property
    def log(self) -> str:
        """The end of what the operators printed."""
        return self.operators[-1].log[-6000:] if self.operators else ""


@asynccontextmanager
async def site(cluster: Cluster, chronicle: Chronicle, folder: Path) -> AsyncIterator[Site]:
    """A fresh namespace; it stays, since the cluster of these tests ends with them, and deleting costs more."""
    namespace = f"fault-{secrets.token_hex(4)}"
    await chronicle.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    async with Proxy(cluster.server, cluster.instance.folder / "pki" / "ca.crt") as proxy:
        found = Site(namespace, proxy, chronicle, cluster, folder)
        try:
            yield found
        finally:
            for operator in found.operators:
                operator.kill()


Try = Callable[[Site], Awaitable[None]]


class Field:
    """Makes sites, several at a time."""

    def __init__(self, cluster: Cluster, chronicle: Chronicle, folder: Path) -> None:
        self._cluster, self._chronicle, self._folder = cluster, chronicle, folder

    async def each(self, tries: Iterable[tuple[str, Try]]) -> None:
        """Try all side by side; AssertionError with all that failed."""
        failures: list[str] = []
        room = asyncio.Semaphore(6)

        async def one(name: str, attempt: Try) -> None:
            async with room, site(self._cluster, self._chronicle, self._folder) as here:
                try:
                    await attempt(here)
                except AssertionError as error:
                    failures.append(f"{name}: {error}")

        await asyncio.gather(*itertools.starmap(one, tries))
        assert not failures, "\n\n".join(failures)

    async def run(self, attempt: Try) -> None:
        """Try one."""
        async with site(self._cluster, self._chronicle, self._folder) as here:
            await attempt(here)


def short_search(name: str, outcomes: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """Return a search of short trials.

    ``outcomes`` maps ``<index>-<attempt>`` to what the fake node makes of that attempt (see ``harness.stages``).
    """
    manifest = copy.deepcopy(search(name, **spec))
    annotations = {f"evonas-test/outcome-{attempt}": outcome for attempt, outcome in (outcomes or {}).items()}
    manifest["spec"]["trial"]["template"]["metadata"] = {
        "annotations": {"evonas-test/duration": TRIAL_DURATION, **annotations}
    }
    return manifest


def faulty_search(duration: str | None = None, outcomes: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the search that faults are tried on, perhaps with longer trials."""
    budget = {"maxTrials": TRIALS_OF_SEARCH, "parallelTrials": 3}
    manifest = short_search("faulty", outcomes, budget=budget, trial={"ttlSecondsAfterFinished": 3600})
    if duration is not None:
        manifest["spec"]["trial"]["template"]["metadata"]["annotations"]["evonas-test/duration"] = duration
    return manifest


def with_jobsets(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the search with JobSets of two pods in two groups, each of which does what the only pod did."""
    template = manifest["spec"]["trial"].pop("template")
    groups = [{"name": name, "template": {"spec": {"template": template}}} for name in (DRIVER, "worker")]
    workload = {"apiVersion": JOBSETS.api_version, "kind": JOBSETS.kind, "spec": {"replicatedJobs": groups}}
    manifest["spec"]["trial"]["workload"] = workload
    return manifest


def learning_search() -> dict[str, Any]:
    """Return the same search with an agent that would learn from earlier ones, and learns that there are none."""
    manifest = faulty_search()
    manifest["spec"]["agent"] = {"type": "EvoNAS", "seed": 3}
    manifest["spec"]["knowledge"] = {"selector": {"matchLabels": {"team": "nobody's"}}}
    return manifest


def climbing_search(duration: str | None = None) -> dict[str, Any]:
    """Return the same search with rungs at 1 and 2 of 4 steps, each of which takes the duration."""
    manifest = faulty_search(duration)
    manifest["spec"]["fidelity"] = {"rungs": {"min": 1, "max": 4, "factor": 2}}
    return manifest


def with_two_objectives(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the search with two objectives, which candidates with much of the first decision and with little of it are
    good at.
    """
    metrics = [{"metric": "accuracy"}, {"metric": "latency_ms", "goal": "Minimize"}]
    metadata = manifest["spec"]["trial"]["template"]["metadata"]
    metadata["annotations"] = {**metadata.get("annotations", {}), "evonas-test/metrics": "true"}
    manifest["spec"]["objectives"] = metrics
    return manifest


def stopping_search() -> dict[str, Any]:
    """Return a climbing search three of whose trials are certainly stopped."""
    manifest = climbing_search()
    annotations, candidates = worse_and_worse(TRIALS_OF_SEARCH, patient=3)
    manifest["spec"]["trial"]["template"]["metadata"]["annotations"] |= annotations
    manifest["spec"]["warmStart"] = {"candidates": candidates}
    return manifest


def pausing_search(duration: str = "100ms", **spec: Any) -> dict[str, Any]:
    """Return the same search in which each trial pauses at its rungs."""
    manifest = climbing_search(duration)
    manifest["spec"]["fidelity"]["mode"] = "Pause"
    manifest["spec"] |= spec
    return manifest
