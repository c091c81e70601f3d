"""What a search's agent knows from earlier searches: gathered once, recorded before the first trial, read once.

From then on only the record counts, whatever becomes of the sources: the agent's state follows from it. Where it is
gone, the search is refused rather than continued as if nothing had been known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from evonas.agents import NO_EXPERIENCE, Experience
from evonas.cluster.client.api import Api, NotFound, Refused
from evonas.cluster.client.resources import CONFIG_MAPS
from evonas.cluster.control.executor import Executor, check_owner
from evonas.cluster.state.knowledge import find_sources
from evonas.cluster.state.knowledge_map import RESTORE, KnowledgeMap, check_digest, expected_digest, from_config_map
from evonas.cluster.state.records import SearchRecord
from evonas.cluster.state.store import Store
from evonas.recorded.knowledge import gather
from evonas.recorded.knowledge_record import UnusableKnowledge, why_unused
from evonas.search.names import knowledge_name
from evonas.spec import EarlierSearches, SearchSpec


class KnowledgeOfSearch:
    """Remembers what one search's agent knows."""

    def __init__(self, api: Api, store: Store, executor: Executor) -> None:
        self._api = api
        self._store = store
        self._executor = executor
        self._known: KnowledgeMap | None = None
        self._unused: str | None = None

    @property
    def experience(self) -> Experience:
        """What the agent begins with, once that was ensured."""
        return NO_EXPERIENCE if self._known is None else self._known.knowledge.experience

    @property
    def status(self) -> Mapping[str, Any] | None:
        """What the search's status says of it; None if that is not known now, or there is nothing to say."""
        if self._known is not None:
            return describe(self._known)
        return None if self._unused is None else {"message": self._unused}

    async def ensure(self, search: SearchRecord, spec: SearchSpec) -> None:
        """Have it recorded and read; UnusableKnowledge or ForeignObject if that is impossible, at least now."""
        if spec.knowledge is None or self._known is not None:
            return
        self._unused = why_unused(spec)
        if self._unused is None:
            self._known = await self._find(search) or await self._begin(search, spec, spec.knowledge)

    def forget(self) -> None:
        """Drop it: the search is over. It is read again should its budget grow."""
        self._known = None

    async def _find(self, search: SearchRecord) -> KnowledgeMap | None:
        """Return what is recorded; None if nothing is, nor ever was."""
        name = knowledge_name(search.name, search.uid)
        told = expected_digest(search.status) is not None
        try:
            body = await self._api.get(CONFIG_MAPS, search.namespace, name)
        except NotFound:
            if told or len(self._store.children(search.uid).table):
                raise UnusableKnowledge(
                    f"spec.knowledge: ConfigMap {name}, which records what the agent knew before its first proposal,"
                    f" is gone; {RESTORE}"
                ) from None
            return None
        except Refused as refused:
            raise UnusableKnowledge(f"spec.knowledge: {refused.message}") from refused
        if not told:
            check_owner(body, search.uid)
        # Otherwise it may have been put back by hand, and its contents show that it is ours.
        return await self._read(body, search)

    async def _begin(self, search: SearchRecord, spec: SearchSpec, named: EarlierSearches) -> KnowledgeMap:
        """Gather and record it."""
        sources = await find_sources(self._api, self._store, search, named)
        gathered = await asyncio.to_thread(gather, spec, sources)
        try:
            # Another operator may have come first: what it has recorded counts.
            return await self._read(await self._executor.record_knowledge(search, gathered), search)
        except Refused as refused:
            raise UnusableKnowledge(f"spec.knowledge cannot be recorded: {refused.message}") from refused

    async def _read(self, body: Mapping[str, Any], search: SearchRecord) -> KnowledgeMap:
        try:
            known = await asyncio.to_thread(from_config_map, body)
            check_digest(known, search.status)
            return known
        except UnusableKnowledge as error:
            raise UnusableKnowledge(f"spec.knowledge: {error}") from error


def describe(known: KnowledgeMap) -> dict[str, Any]:
    """Return ``status.knowledge`` of what is recorded."""
    tasks = known.knowledge.experience.tasks
    return {
        "digest": known.knowledge.digest,
        "configMap": known.name,
        "tasks": [{"source": task.source, "results": len(task.scores)} for task in tasks],
        **({"message": known.note} if known.note else {}),
    }
