"""What the operator does while it leads: it fills the store, watches, and processes the queue.

A separate module because a standby does not need its imports.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any, NoReturn

from evonas.cluster.client.api import Api, NotFound, Unavailable
from evonas.cluster.client.backoff import ALL_WAIT, pause, retried
from evonas.cluster.client.collection import follow
from evonas.cluster.client.connection import Connection
from evonas.cluster.client.resources import JOBS, SEARCHES, TRIALS, Resource
from evonas.cluster.control.engines import Engines
from evonas.cluster.control.queue import KeyedQueue
from evonas.cluster.control.reconcile import Reconciler
from evonas.cluster.leader.lease import elapsed
from evonas.cluster.state.resync import Resync
from evonas.cluster.state.store import Store
from evonas.cluster.state.unlabelled_pods import UnlabelledPods, collection_of, pod_labels_of
from evonas.cluster.state.watch_lag import WatchLag
from evonas.errors import EvonasError
from evonas.metrics import WATCH_AGE
from evonas.operator.handlers import StreamsLost, run_streams
from evonas.operator.settings import OperatorSettings
from evonas.operator.tasks import until_first_ends

logger = logging.getLogger(__name__)

STUCK_SECONDS = 900.0
"""No pass takes this long: each call has a timeout, and the slowest agent replays ten thousand trials in a minute."""

STEADY_SECONDS = 60.0
"""Streams that lasted for so long did not end for the reason for which those before them did."""

LISTED_SECONDS = 5.0
"""By then, kopf has begun to watch; it does not tell."""

LOOK_SECONDS = 30.0
"""Between two looks at which enabled kinds of workload the cluster serves: engines are rarely installed."""


class ControlLoop:
    """The operator proper; ``run`` it once."""

    def __init__(self, connection: Connection, api: Api, settings: OperatorSettings) -> None:
        self._connection = connection
        self._api = api
        self._settings = settings
        self._store = Store()
        self._watch_lag = WatchLag()
        self._engines = Engines(settings.workloads)
        reconciler = Reconciler(
            api,
            self._store,
            self._watch_lag,
            self._engines,
            create_trial_accounts=settings.create_trial_accounts,
        )
        self._queue = KeyedQueue(reconciler.reconcile, settings.workers)
        self._store.subscribe(self._queue.add)
        self._streaming = asyncio.Event()
        self._measure(SEARCHES, TRIALS, JOBS)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; raises EvonasError if it cannot."""
        await until_first_ends(self._run(stop), stop.wait())

    async def _run(self, stop: asyncio.Event) -> None:
        settings = self._settings
        resync = Resync(self._api, self._store, settings.namespaces, self._watch_lag, lambda: self._engines.watched)
        await self._check_kinds()
        await resync.run_once()
        where = ", ".join(settings.namespaces) or "all namespaces"
        logger.info("watching %s; %d searches found", where, len(self._store.searches))
        await until_first_ends(
            self._listen(resync, stop),
            self._queue.run(),
            resync.run_every(settings.resync_seconds),
        )

    async def _listen(self, resync: Resync, stop: asyncio.Event) -> NoReturn:
        """Watch, and watch anew where kopf gives up: a single 404 or 410 in the wrong place is enough for that."""
        failures = 0
        while True:
            begun = elapsed()
            streams = run_streams(
                self._connection,
                self._store,
                self._watch_lag,
                self._settings.namespaces,
                stop,
                self._streaming,
                self._engines.watched,
            )
            try:
                await until_first_ends(streams, *self._unlabelled(), self._engines_change(), self._list_again(resync))
                logger.info("workloads: watching anew, since %s", self._engines.said)
            except StreamsLost as error:
                failures = 1 if elapsed() - begun > STEADY_SECONDS else failures + 1
                seconds = pause(failures, longest=ALL_WAIT)
                logger.warning("streams: watching again in %.1f s: %s", seconds, error, exc_info=error.bug)
                await asyncio.sleep(seconds)
            # What was deleted meanwhile is in no list that kopf begins with.
            await self._check_kinds()
            await resync.run_once()

    async def _list_again(self, resync: Resync) -> None:
        """Find what was deleted after our list and before kopf's own, once the watches have begun; wait for ever."""
        await asyncio.sleep(LISTED_SECONDS)
        await resync.run_once()
        await asyncio.Event().wait()

    def _unlabelled(self) -> Iterator[Coroutine[Any, Any, NoReturn]]:
        """Watch the pods that carry none of our labels, where there are such: kopf has one selector for all pods."""
        for label in pod_labels_of(self._engines.watched):
            for namespace in self._settings.namespaces or (None,):
                sink = UnlabelledPods(self._store, label, namespace)
                yield follow(self._api, collection_of(label, namespace), sink)

    async def _engines_change(self) -> None:
        """Return once the cluster serves other workloads than before."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if await retried("looking for the kinds of workloads", partial(self._engines.look, self._api)):
                return

    def unready(self) -> str | None:
        """Return why it is not ready yet."""
        return None if self._streaming.is_set() else "the searches have not been listed yet"

    def stuck(self) -> str | None:
        """Return which search's pass is stuck."""
        key, seconds = self._queue.longest_run()
        return f"a pass over search {key} has taken {seconds:.0f} s" if seconds > STUCK_SECONDS else None

    async def _check_kinds(self) -> None:
        """End the operator where our kinds are not installed: a stream of an unknown kind would wait for ever."""
        for resource in (SEARCHES, TRIALS):
            await retried(f"looking for {resource.plural}", partial(self._check_served, resource))
        await retried("looking for our kinds", self._check_listed)
        await retried("looking for the kinds of workloads", partial(self._engines.look, self._api))
        self._measure(*self._engines.watched)

    def _measure(self, *watched: Resource) -> None:
        """Export how old the oldest write is that the watches of these kinds have not shown."""
        for resource in watched:
            WATCH_AGE.labels(resource.plural).set_function(partial(self._watch_lag.age, resource))

    async def _check_served(self, resource: Resource) -> None:
        namespaces = self._settings.namespaces
        try:
            async for _ in self._api.list(resource, namespaces[0] if namespaces else None):
                break
        except NotFound as error:
            kind = f"{resource.plural}.{resource.group}"
            raise EvonasError(f"the cluster has no {kind}; apply crds/ first") from error

    async def _check_listed(self) -> None:
        lacking = {SEARCHES.plural, TRIALS.plural} - await self._api.listed_kinds(SEARCHES.group, SEARCHES.version)
        if lacking:
            raise Unavailable(0, "NotListed", f"the API server does not list {', '.join(sorted(lacking))} yet")
