"""Searches of a cluster: one list and one watch of each kind and namespace, whatever the number of those who look.

Imported only when a cluster is looked at. Without the right to read pods, everything but the learning curves of running
trials is known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evonas.cluster.client.api import Api, ApiError
from evonas.cluster.client.collection import Collection, follow
from evonas.cluster.client.connection import load_connection, load_namespace
from evonas.cluster.client.resources import PODS, SEARCHES, TRIALS
from evonas.errors import EvonasError
from evonas.recorded.knowledge_record import Knowledge
from evonas.search.names import MANAGED_BY_SELECTOR, SEARCH_UID_LABEL
from evonas.sources.cluster import ClusterSource, read_knowledge
from evonas.sources.live.board import Board
from evonas.sources.live.cluster_searches import ClusterSearch, ClusterSearches, pins_of
from evonas.sources.live.cluster_streams import PodStream, SearchStream, Stream, TrialStream
from evonas.sources.live.kept_curves import KeptCurves
from evonas.sources.live.kept_trials import KeptTrials
from evonas.sources.live.places import ClusterPlace
from evonas.sources.live.seen import NoticeKind, Origin, RunningAttempt, SeenSource
from evonas.sources.live.watched import Watched
from evonas.sources.source import Source

FLUSH_SECONDS = 0.2
"""Changes of so long are told together."""
CONNECT_SECONDS = 15.0
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"


class ClusterWatcher:
    """The searches of ``place``; ``prefix`` begins their ids, ``searches`` takes in what is found, by id."""

    def __init__(
        self,
        place: ClusterPlace,
        prefix: str,
        board: Board,
        curves: KeptCurves,
        searches: dict[str, Watched],
        *,
        max_trials: int,
    ) -> None:
        self.place = place
        self._board = board
        self._curves = curves
        self._searches = searches
        self._known = ClusterSearches(prefix, board.revisions.next, max_trials)
        self._api: Api | None = None
        self._where = "the cluster"
        self._problem: str | None = None
        """Why there is no connection."""
        self._streams: list[Stream] = []
        self._shown: dict[str, ClusterSearch] = {}
        """Those that were told of, by id."""

    @property
    def api(self) -> Api:
        """The session with the API server; EvonasError if there is none yet."""
        if self._api is None:
            raise EvonasError(self._problem or f"{self._where} has not answered yet")
        return self._api

    @property
    def was_read(self) -> bool:
        """Whether everything was listed once, or there is a reason why not."""
        if self._problem is not None:
            return True
        return bool(self._streams) and all(stream.was_read for stream in self._streams)

    def state(self) -> SeenSource:
        """Return whether what is known of the cluster is current."""
        problem = self._problem or next((stream.problem for stream in self._streams if stream.problem), None)
        moments = [stream.seen for stream in self._streams if stream.resource is not PODS]
        known = [moment for moment in moments if moment is not None]
        seen = min(known) if known and len(known) == len(moments) else None
        return SeenSource(self._where, Origin.CLUSTER, len(self._known.by_id), seen, problem)

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            options = self.place.options
            try:
                connection = await load_connection(options.kubeconfig, options.context)
                scopes = self._scopes()
                break
            except EvonasError as error:
                self._problem = str(error)
                self._board.tell(NoticeKind.SOURCE)
            await asyncio.sleep(CONNECT_SECONDS)
        self._problem = None
        said = "all namespaces" if scopes == (None,) else ", ".join(map(str, scopes))
        self._where = f"{connection.server} ({said})"
        async with Api(connection) as api, asyncio.TaskGroup() as tasks:
            self._api = api
            self._streams = [stream for scope in scopes for stream in self._streams_of(scope)]
            for stream in self._streams:
                tasks.create_task(follow(api, stream.what, stream))
            tasks.create_task(self._tell())

    async def fill(self, search: ClusterSearch) -> None:
        """Read the trials of a search again if they were dropped."""
        search.asked = time.monotonic()
        async with search.filling:
            if not search.is_dropped:
                return
            search.begin_again()
            version = ""
            selector = f"{SEARCH_UID_LABEL}={search.uid}"
            try:
                async for bodies, now in self.api.list(TRIALS, search.namespace, label_selector=selector):
                    version = now
                    for body in bodies:
                        search.put_again(body)
                    await asyncio.sleep(0)
            except ApiError as error:
                raise EvonasError(f"its trials could not be read again: {self._where} answered {error}") from error
            else:
                search.end_again(int(version))
            finally:
                if search.is_filling:
                    search.give_up()
        self._known.make_room()

    def _on_stream(self) -> None:
        """Tell everybody that a stream is current again, or is not any more; before, of what made it so."""
        self._tell_now()
        self._board.tell(NoticeKind.SOURCE)

    def _scopes(self) -> Sequence[str | None]:
        if self.place.everywhere:
            return (None,)
        options = self.place.options
        given = tuple(self.place.namespaces)
        return given or (options.namespace or load_namespace(options.kubeconfig, options.context),)

    def _streams_of(self, scope: str | None) -> list[Stream]:
        tell = self._on_stream
        return [
            SearchStream(self._known, tell, Collection(SEARCHES, scope)),
            TrialStream(self._known, tell, Collection(TRIALS, scope, MANAGED_BY_SELECTOR)),
            PodStream(self._known, tell, Collection(PODS, scope, MANAGED_BY_SELECTOR, UNFINISHED)),
        ]

    async def _tell(self) -> None:
        """Tell of what is new, again and again."""
        while True:
            self._tell_now()
            await asyncio.sleep(FLUSH_SECONDS)

    def _tell_now(self) -> None:
        known = self._known
        known.make_room()
        for id in known.gone:
            self._curves.forget(id)
            self._shown.pop(id, None)
            if id not in known.by_id:
                self._searches.pop(id, None)
                self._board.remove(id)
        known.gone.clear()
        for id in known.changed:
            search = known.by_id[id]
            if id not in self._searches:
                self._board.tell(NoticeKind.SOURCE)
            if search is not self._shown.get(id):
                self._shown[id], self._searches[id] = search, _InCluster(self, search)
            self._board.show(search.line(id))
            if search.trials.revision != search.told:
                search.told = search.trials.revision
                self._board.tell(NoticeKind.TRIALS, id)
        known.changed.clear()
        news = {id for id, index, attempt, progress in known.reports if self._curves.see(id, index, attempt, progress)}
        known.reports.clear()
        for id in (news | known.attempts_of) & self._shown.keys():
            self._board.tell_curves(id)
        known.attempts_of.clear()


class _InCluster:
    """One search, as ``directory`` looks at it."""

    def __init__(self, watcher: ClusterWatcher, search: ClusterSearch) -> None:
        self.images: Mapping[str, Sequence[str]] = {}
        self._watcher = watcher
        self._search = search
        self._known: Knowledge | None = None
        """Read once: it never changes."""

    @property
    def trials(self) -> KeptTrials:
        return self._search.trials

    @property
    def name(self) -> str:
        return f"{self._search.namespace}/{self._body['metadata']['name']}"

    @property
    def running(self) -> Mapping[int, RunningAttempt]:
        return self._search.running

    async def fill(self) -> None:
        await self._watcher.fill(self._search)

    async def knowledge(self) -> tuple[Knowledge | None, str]:
        problem = ""
        if "knowledge" in self._body["spec"] and self._known is None:
            try:
                self._known, problem = await read_knowledge(self._watcher.api, self._body)
            except ApiError as error:
                problem = f"it could not be read: {error}"
        return self._known, problem

    def pinned(self) -> Sequence[int]:
        return pins_of(self._body)

    def source(self) -> Source:
        options = replace(self._watcher.place.options, namespace=self._search.namespace)
        return ClusterSource(options, self._body["metadata"]["name"])

    @property
    def _body(self) -> Mapping[str, Any]:
        assert self._search.body is not None
        return self._search.body
