"""Performs a plan's actions on the API server and puts every answer into the store (read your own writes).

Each method is one write, safe to repeat: names are derived, so a repeated create finds its own object and adopts it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from evonas.cluster.client.api import Api, Conflict, NotFound
from evonas.cluster.client.resources import CONFIG_MAPS, SEARCHES, TRIALS, Resource, resource_of
from evonas.cluster.control.workloads import build_attempt, release_of
from evonas.cluster.state.knowledge_map import to_config_map
from evonas.cluster.state.objects import read_search, read_trial, read_workload
from evonas.cluster.state.records import SearchRecord, TrialRecord, WorkloadRecord
from evonas.cluster.state.store import Store
from evonas.cluster.state.watch_lag import WatchLag
from evonas.recorded.knowledge import Gathered
from evonas.search.codec import to_object, to_status
from evonas.search.trial import Trial
from evonas.spec import SearchSpec


class ForeignObject(Exception):
    """An object that is not ours has the derived name: it is never adopted."""


class Executor:
    """The operator's writes; ``fields`` are those of a workload's spec, where its engine's versions differ."""

    def __init__(
        self, api: Api, store: Store, watch_lag: WatchLag, fields: Callable[[SearchSpec], frozenset[str]]
    ) -> None:
        self._api = api
        self._store = store
        self._watch_lag = watch_lag
        self._fields = fields

    async def record_trial(self, search: SearchRecord, trial: Trial) -> TrialRecord:
        """Create the ArchitectureTrial of a proposal, or adopt the one that another process created."""
        body = to_object(search.identity, trial)
        try:
            created = await self._api.create(TRIALS, search.namespace, body)
        except Conflict:
            created = await self._api.get(TRIALS, search.namespace, body["metadata"]["name"])
            check_owner(created, search.uid)
        return self._take_in_trial(created)

    async def record_knowledge(self, search: SearchRecord, gathered: Gathered) -> Mapping[str, Any]:
        """Create the ConfigMap of what was gathered, or return the one that another process created."""
        body = await asyncio.to_thread(to_config_map, search.identity, gathered)
        try:
            return await self._api.create(CONFIG_MAPS, search.namespace, body)
        except Conflict:
            created = await self._api.get(CONFIG_MAPS, search.namespace, body["metadata"]["name"])
            check_owner(created, search.uid)
            return created

    async def record_outcome(self, known: TrialRecord, trial: Trial) -> TrialRecord:
        """Write the trial's status, provided that nobody has written it since ``known`` was read."""
        preconditions = {"uid": known.uid, "resourceVersion": str(known.version)}
        try:
            body = await self._api.apply_status(TRIALS, known.namespace, known.name, preconditions, to_status(trial))
        except Conflict:
            await self._reread(known)
            raise
        except NotFound:
            self._store.drop_trial(known)
            raise
        return self._take_in_trial(body)

    async def is_current(self, known: TrialRecord) -> bool:
        """Say whether a trial is still as known; if not, the store takes in its current state."""
        try:
            return (await self._reread(known)).version == known.version
        except NotFound:
            self._store.drop_trial(known)
            return False

    async def start(
        self, search: SearchRecord, spec: SearchSpec, record: TrialRecord, *, service_account: str | None
    ) -> WorkloadRecord:
        """Create the Job or workload of the trial's current attempt, or adopt it."""
        resource, body = build_attempt(
            search.identity,
            spec,
            record.trial,
            record.uid,
            service_account=service_account,
            queue_labels=search.queue_labels,
            fields=self._fields(spec),
        )
        try:
            created = await self._api.create(resource, search.namespace, body)
        except Conflict as conflict:
            created = await self._api.get(resource, search.namespace, body["metadata"]["name"])
            check_owner(created, record.uid)
            if "deletionTimestamp" in created["metadata"]:
                raise conflict
        return self._take_in_workload(resource, created)

    async def stop(self, job: WorkloadRecord) -> None:
        """Delete a Job or workload that would keep running, and its pods."""
        try:
            is_gone = await self._api.delete(resource_of(job.kind), job.namespace, job.name, job.uid)
        except NotFound:
            is_gone = True
        # Its watch may begin only now, and then never tells of that.
        (self._store.drop_workload if is_gone else self._store.expect_deletion)(job)

    async def release(self, job: WorkloadRecord, seconds: int) -> None:
        """Start the time to live of a Job or workload, once its result is recorded."""
        resource = resource_of(job.kind)
        try:
            body = await self._api.merge(resource, job.namespace, job.name, release_of(job, seconds, datetime.now(UTC)))
        except NotFound:
            self._store.drop_workload(job)
        else:
            self._take_in_workload(resource, body)

    async def delete_search(self, search: SearchRecord) -> None:
        """Delete a finished search and everything it owns."""
        with contextlib.suppress(NotFound):
            await self._api.delete(SEARCHES, search.namespace, search.name, search.uid)

    async def write_status(self, search: SearchRecord, status: Mapping[str, Any]) -> None:
        """Write the search's status; a deleted search needs none."""
        try:
            body = await self._api.apply_status(SEARCHES, search.namespace, search.name, {"uid": search.uid}, status)
        except NotFound:
            return
        record = read_search(body)
        self._store.put_search(record)
        self._watch_lag.wrote(SEARCHES, record)

    async def _reread(self, known: TrialRecord) -> TrialRecord:
        record = read_trial(await self._api.get(TRIALS, known.namespace, known.name))
        self._store.put_trial(record)
        return record

    def _take_in_trial(self, body: Mapping[str, Any]) -> TrialRecord:
        record = read_trial(body)
        self._store.put_trial(record)
        self._watch_lag.wrote(TRIALS, record)
        return record

    def _take_in_workload(self, resource: Resource, body: Mapping[str, Any]) -> WorkloadRecord:
        record = read_workload(body)
        self._store.put_workload(record)
        self._watch_lag.wrote(resource, record)
        return record


def check_owner(body: Mapping[str, Any], uid: str) -> None:
    """Raise ForeignObject unless the object is controlled by the one with that UID."""
    metadata = body["metadata"]
    if not any(owner["uid"] == uid for owner in metadata.get("ownerReferences", ()) if owner.get("controller")):
        raise ForeignObject(f"{body['kind']} {metadata['name']} exists but does not belong to this search")
