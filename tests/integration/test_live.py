"""Searches of a real API server, kept current: one list and one watch a kind, however many look, whatever breaks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.cluster.client.api import Api, ApiError
from evonas.cluster.client.collection import EXPIRED
from evonas.cluster.client.connection import load_connection
from evonas.cluster.client.resources import TRIALS
from evonas.recorded.search import Phase
from evonas.search.names import PROGRESS_ANNOTATION
from evonas.sources.cluster import ClusterSource
from evonas.sources.live.directory import LiveSearches, UnknownSearch
from evonas.sources.live.places import ClusterPlace
from evonas.sources.live.seen import NoticeKind, SeenSearch
from evonas.sources.options import ClusterOptions
from harness.client import Cluster
from harness.waiting import PATIENCE
from tests.integration.asked import assert_watched_by_one, lists_and_watches
from tests.integration.relay import Relay
from tests.integration.rights import may, wait_for_right
from tests.integration.searches import HELD, wait_until
from tests.operator_process import OperatorProcess, search
from tests.unit.sources.live import until

pytestmark = pytest.mark.kwok
Apply = Callable[[dict[str, Any]], None]
VIEWERS = 20
KINDS = ("architecturesearches", "architecturetrials", "pods")


@pytest.fixture
def viewer(cluster: Cluster, namespace: str) -> Path:
    """A user of the test's own, who may look at everything in its namespace."""
    user = _user(namespace)
    cluster.apply(yaml.safe_dump_all(_rights(namespace, KINDS)), namespace)
    wait_for_right(cluster, namespace, user, "list", *KINDS)
    return cluster.kubeconfig_for(user)


def _user(namespace: str) -> str:
    return f"viewer-{namespace}"


def _rights(namespace: str, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": ["", "evonas.dev"], "resources": list(kinds), "verbs": ["get", "list", "watch"]}
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "viewer"}, "rules": [rule]}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "viewer"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "viewer"},
        "subjects": [{"kind": "User", "name": _user(namespace), "apiGroup": group}],
    }
    return [role, binding]


@asynccontextmanager
async def _live(kubeconfig: Path, namespace: str, **options: Any) -> AsyncIterator[LiveSearches]:
    place = ClusterPlace(ClusterOptions(kubeconfig=kubeconfig, namespace=namespace))
    async with LiveSearches([place], **options) as live:
        await asyncio.wait_for(live.ready(), PATIENCE)
        yield live


def _phase(live: LiveSearches, id: str) -> Phase:
    overview = live.get(id).overview
    assert overview is not None
    return overview.phase


async def test_however_many_look_a_search_is_followed_by_one_list_and_one_watch_a_kind(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply, viewer: Path
) -> None:
    id = f"cluster:{namespace}:looked-at"
    began = time.monotonic()
    async with _live(viewer, namespace) as live, AsyncExitStack() as stack:
        assert [(state.searches, state.problem) for state in live.sources()] == [(0, None)]
        viewers = [await stack.enter_async_context(live.subscribe()) for _ in range(VIEWERS)]
        told: list[set[NoticeKind]] = [set() for _ in viewers]
        tasks = [asyncio.create_task(_collect(viewer, kinds)) for viewer, kinds in zip(viewers, told, strict=True)]
        apply(search("looked-at"))
        await until(live, lambda: _phase(live, id) is Phase.COMPLETE)
        await until(live, lambda: live.get(id).body["status"]["trials"]["total"] == 12)
        await _until_trials(live, id, 12)
        for _ in viewers:
            assert len((await live.trials(id)).trials) == 12
        for task in tasks:
            task.cancel()
        assert all({NoticeKind.SEARCH, NoticeKind.TRIALS} <= kinds for kinds in told)
        source = live.source(id)
        assert isinstance(source, ClusterSource)
        record, anew = await live.record(id), await asyncio.to_thread(source.read)
        assert (record.trials, record.phase, record.body["spec"]) == (anew.trials, anew.phase, anew.body["spec"])
        assert record.source == anew.source
        await until(live, lambda: _tells_one_best(live.get(id)))
        line = live.get(id)
        assert line.ended is not None
        asked = lists_and_watches(cluster, _user(namespace))
        # ``source.read`` lists trials and pods by itself.
        assert {kind: asked["list", kind] for kind in KINDS} == dict(zip(KINDS, (1, 2, 2), strict=True))
        assert_watched_by_one(asked, KINDS, began)
        revision = live.revision
        cluster.kubectl("delete", "nas", "looked-at", "-n", namespace, "--wait=false")
        await until(live, lambda: live.gone_since(revision) == [id])
        with pytest.raises(UnknownSearch):
            live.get(id)


def _tells_one_best(line: SeenSearch) -> bool:
    """Say whether the trend, which comes from the trials, has reached the best that the search's status tells."""
    return line.overview is not None and line.trend[-1:] == (line.overview.best,)


async def _collect(notices: AsyncIterator[Any], kinds: set[NoticeKind]) -> None:
    async for notice in notices:
        kinds.add(notice.kind)


async def test_what_running_pods_report_is_a_curve_and_without_the_right_everything_else_is_there(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply, viewer: Path
) -> None:
    id = f"cluster:{namespace}:held"
    body = search("held", budget={"maxTrials": 2, "parallelTrials": 2})
    body["spec"]["trial"]["template"]["metadata"] = {"annotations": HELD}
    apply(body)
    cluster.apply(yaml.safe_dump_all(_rights(namespace, KINDS[:2])), namespace)
    cluster.wait_for("no right to pods", lambda: not may(cluster, namespace, _user(namespace), "list", "pods"))
    async with _live(viewer, namespace) as live:
        problem = await until(live, lambda: live.sources()[0].problem)
        assert "may not list and watch pods" in str(problem)
        assert "learning curves" in str(problem)
        await until(live, lambda: live.get(id))
        assert live.running(id) == {}
        cluster.apply(yaml.safe_dump_all(_rights(namespace, KINDS)), namespace)
        await until(live, lambda: live.sources()[0].problem is None)
        running = await until(live, lambda: live.running(id) if len(live.running(id)) == 2 else None)
        assert running is not None
        assert running[0].node is not None
        for step in (1, 2):
            report = json.dumps({"step": step, "accuracy": step / 10})
            cluster.annotate("pods", str(running[0].pod), namespace, {PROGRESS_ANNOTATION: report})
            await _until_step(live, id, 0, step)
        (curve,) = (await live.curves(id)).curves
        assert (curve.metrics, curve.running, curve.attempt) == ({"accuracy": [0.1, 0.2]}, True, 1)
        assert live.pinned(id) == []
        cluster.annotate("nas", "held", namespace, {"evonas.dev/pin-0": ""})
        await until(live, lambda: live.pinned(id) == [0])


async def _until_trials(live: LiveSearches, id: str, count: int) -> None:
    """Wait for the ends of a search's trials, which come by a watch of their own: its status may be ahead of them."""
    async with live.subscribe() as notices:
        while sum(trial.state.is_final for trial in (await live.trials(id)).trials) != count:
            await asyncio.wait_for(anext(notices), PATIENCE)


async def _until_step(live: LiveSearches, id: str, index: int, step: int) -> None:
    async with live.subscribe() as notices:
        while list((await live.curve(id, index)).steps)[-1:] != [step]:
            await asyncio.wait_for(anext(notices), PATIENCE)


def test_a_broken_watch_is_told_and_made_up_for_and_a_silent_one_is_told_too(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply, viewer: Path
) -> None:
    before, after = (f"cluster:{namespace}:{name}" for name in ("before", "after"))
    apply(search("before", budget={"maxTrials": 4}))
    wait_until(cluster, namespace, "before", "Complete")

    async def look(relay: Relay) -> None:
        async with _live(relay.kubeconfig(viewer), namespace) as live:
            revision = live.trials_revision(before)
            async with live.subscribe() as notices:
                await asyncio.to_thread(relay.break_off)
                while (await asyncio.wait_for(anext(notices), PATIENCE)).kind is not NoticeKind.SOURCE:
                    pass
            apply(search("after", budget={"maxTrials": 4}))
            await until(live, lambda: _phase(live, after) is Phase.COMPLETE)
            await _until_trials(live, after, 4)
            await until(live, lambda: live.sources()[0].problem is None)
            # Nothing was listed again.
            assert live.trials_revision(before) == revision
            assert lists_and_watches(cluster, _user(namespace))["list", "architecturetrials"] == 1
            relay.fall_silent()
            problem = await until(live, lambda: live.sources()[0].problem)
            assert "may have changed" in str(problem)
            assert len((await live.record(after)).trials) == 4

    with Relay(cluster.server) as relay:
        asyncio.run(look(relay))


async def test_a_forgotten_version_is_known_by_its_code(cluster: Cluster, namespace: str, viewer: Path) -> None:
    async with Api(await load_connection(viewer)) as api:
        # Long before the first version that a server of this age remembers.
        with pytest.raises(ApiError) as refused:
            async for _ in api.watch_all(TRIALS, namespace, "1", seconds=5):
                pass
    assert refused.value.code == EXPIRED


async def test_dropped_trials_are_listed_again_when_they_are_asked_for(
    cluster: Cluster, namespace: str, operator: OperatorProcess, apply: Apply, viewer: Path
) -> None:
    names = ("one", "two", "three")
    for name in names:
        apply(search(name, budget={"maxTrials": 6}))
    for name in names:
        wait_until(cluster, namespace, name, "Complete")
    async with _live(viewer, namespace, max_trials=8, max_decoded=1) as live:
        ids = [f"cluster:{namespace}:{name}" for name in names]
        for id in (*ids, *ids):
            record = await live.record(id)
            assert [trial.index for trial in record.trials] == list(range(6))
            assert record.trials == (await asyncio.to_thread(live.source(id).read)).trials
            assert live.get(id).trend
        trial = (await live.trials(ids[0])).trials[3]
        name = record_name(cluster, namespace, "one", trial.index)
        known = await live.trials(ids[0])
        cluster.kubectl("delete", "nastrial", name, "-n", namespace)
        await until(live, lambda: live.trials_revision(ids[0]) > known.revision)
        changes = await live.trials(ids[0], known.revision)
        assert changes.complete
        # The operator may have proposed another one in its place.
        assert [trial.index for trial in changes.trials][:5] == [0, 1, 2, 4, 5]


def record_name(cluster: Cluster, namespace: str, search: str, index: int) -> str:
    """Return the name of a trial's object."""
    found = cluster.list("nastrial", namespace, fields=f"spec.searchRef.name={search}")
    return next(str(body["metadata"]["name"]) for body in found if body["spec"]["index"] == index)
