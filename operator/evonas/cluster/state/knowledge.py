"""What `spec.knowledge` names and selects: searches in the store, and files in ConfigMaps."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from evonas.cluster.client.api import Api
from evonas.cluster.state.records import SearchRecord
from evonas.cluster.state.sources import find_search, read_export_file, record_of_search
from evonas.cluster.state.store import Store
from evonas.errors import EvonasError
from evonas.recorded.knowledge_record import UnusableKnowledge
from evonas.recorded.search import RecordedSearch
from evonas.spec import EarlierSearches

logger = logging.getLogger(__name__)


async def find_sources(
    api: Api, store: Store, search: SearchRecord, knowledge: EarlierSearches
) -> Sequence[RecordedSearch]:
    """Return the sources as they are now, those that are named first, some perhaps twice; UnusableKnowledge if one is
    missing.
    """
    found = [*_named(store, search, knowledge.searches)]
    for key in knowledge.config_maps:
        try:
            found.append(await read_export_file(api, search.namespace, key))
        except EvonasError as error:
            raise UnusableKnowledge(f"spec.knowledge.configMaps: {error}") from error
    found += _selected(store, search, knowledge)
    return [source for source in found if source.identity.uid != search.uid]


def _named(store: Store, search: SearchRecord, names: Sequence[str]) -> Iterator[RecordedSearch]:
    field = "spec.knowledge.searches"
    for name in names:
        source = find_search(store, search.namespace, name)
        if source is None:
            raise UnusableKnowledge(
                f"{field}: there is no search {name} in namespace {search.namespace}; this search starts when there is"
            )
        yield _read(store, source, field)


def _selected(store: Store, search: SearchRecord, knowledge: EarlierSearches) -> Iterator[RecordedSearch]:
    """Yield the searches with these labels, the latest first; none if there are no labels."""
    found = [
        record
        for record in store.searches.values()
        if knowledge.labels
        and record.namespace == search.namespace
        and not record.deleting
        and knowledge.labels.items() <= record.labels.items()
    ]
    found.sort(key=lambda record: (record.created, record.name), reverse=True)
    for source in found:
        try:
            yield record_of_search(store, source)
        except EvonasError as error:
            # Whoever names no search need not mend them all.
            logger.info("%s/%s: spec.knowledge.selector leaves a search out: %s", search.namespace, search.name, error)


def _read(store: Store, source: SearchRecord, field: str) -> RecordedSearch:
    try:
        return record_of_search(store, source)
    except EvonasError as error:
        raise UnusableKnowledge(f"{field}: {error}") from error
