"""Fills the store before anything acts on it, and later repairs what a watch missed: list, compare, drop the rest.

Both use the same code. Priming is the barrier that kopf lacks: a pass over a half-filled store would propose trial 0
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from evonas.cluster.client.api import Api
from evonas.cluster.client.backoff import retried
from evonas.cluster.client.resources import JOBS, PODS, SEARCHES, TRIALS, Resource
from evonas.cluster.state.objects import read_or_skip, read_pod, read_search, read_trial, read_workload
from evonas.cluster.state.records import R, SearchRecord
from evonas.cluster.state.store import Store
from evonas.cluster.state.unlabelled_pods import known_by, pod_labels_of, read_by, selector_of
from evonas.cluster.state.watch_lag import WatchLag
from evonas.search.names import MANAGED_BY_SELECTOR


class Resync:
    """Synchronises the store with the API server, for all namespaces or for some."""

    def __init__(
        self,
        api: Api,
        store: Store,
        namespaces: Sequence[str],
        watch_lag: WatchLag,
        watched: Callable[[], list[Resource]],
    ) -> None:
        self._api = api
        self._watched = watched
        self._store = store
        self._watch_lag = watch_lag
        self._scopes: Sequence[str | None] = namespaces or (None,)

    async def run_once(self) -> None:
        """List everything once, however often that fails; children first, so that no search is seen without them."""
        store = self._store
        sync = self._sync
        for listing in (
            partial(sync, PODS, read_pod, store.put_pod, store.drop_pod, store.all_pods),
            *(
                partial(
                    sync,
                    resource,
                    read_workload,
                    store.put_workload,
                    store.drop_workload,
                    partial(store.workloads_of, resource),
                )
                for resource in (JOBS, *self._watched())
            ),
            partial(sync, TRIALS, read_trial, store.put_trial, store.drop_trial, store.all_trials),
            # Whose they are is known from the above.
            *(
                partial(
                    sync,
                    PODS,
                    read_by(store, label),
                    store.put_pod,
                    store.drop_pod,
                    partial(known_by, store, label),
                    selector_of(label),
                )
                for label in pod_labels_of(self._watched())
            ),
            partial(sync, SEARCHES, read_search, store.put_search, self._drop_search, store.searches.values, ""),
        ):
            await retried(f"list of {listing.args[0].plural}", listing)

    async def run_every(self, seconds: float) -> None:
        """List everything periodically, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.run_once()

    async def _sync(
        self,
        resource: Resource,
        read: Callable[[Mapping[str, Any]], R | None],
        put: Callable[[R], None],
        drop: Callable[[R], None],
        known: Callable[[], Iterable[R]],
        selector: str = MANAGED_BY_SELECTOR,
    ) -> None:
        listed: set[str] = set()
        # Objects created while the list is read are on none of its pages, and must not be dropped.
        before = list(known())
        for scope in self._scopes:
            async for items, _ in self._api.list(resource, scope, label_selector=selector):
                for item in items:
                    item.setdefault("apiVersion", resource.api_version)
                    item.setdefault("kind", resource.kind)
                    record = read_or_skip(read, item)
                    if record is not None:
                        listed.add(record.uid)
                        put(record)
        for record in before:
            if record.uid not in listed:
                drop(record)
                self._watch_lag.forget(resource, record)

    def _drop_search(self, record: SearchRecord) -> None:
        self._store.drop_search(record.uid)
