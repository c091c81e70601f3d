"""Records that a search in a cluster may begin with: other searches of its namespace, and export files in ConfigMaps.

Another namespace's cannot be named: whoever may create a search in one need not be allowed to read another.
"""

from __future__ import annotations

from evonas.cluster.client.api import Api, NotFound, Refused
from evonas.cluster.client.resources import CONFIG_MAPS
from evonas.cluster.state.records import SearchRecord
from evonas.cluster.state.store import Store
from evonas.errors import EvonasError
from evonas.recorded.export import parse_export
from evonas.recorded.search import RecordedSearch, phase_of
from evonas.spec import ConfigMapKey


def find_search(store: Store, namespace: str, name: str) -> SearchRecord | None:
    """Return the search of that name in the namespace."""
    named = (record for record in store.searches.values() if record.name == name)
    return next((record for record in named if record.namespace == namespace), None)


def record_of_search(store: Store, search: SearchRecord) -> RecordedSearch:
    """Return what is known of a search; EvonasError if nobody can have recorded that so."""
    trials = sorted(store.children(search.uid).table, key=lambda trial: trial.index)
    metadata = {"name": search.name, "namespace": search.namespace, "uid": search.uid}
    body = {**search.manifest, "metadata": metadata}
    return RecordedSearch(f"search {search.name}", body, tuple(trials), phase_of(search.status))


async def read_export_file(api: Api, namespace: str, key: ConfigMapKey) -> RecordedSearch:
    """Return what an export file in a ConfigMap holds; EvonasError if there is none, or it cannot be read."""
    try:
        body = await api.get(CONFIG_MAPS, namespace, key.name)
    except (NotFound, Refused) as error:
        raise EvonasError(error.message) from error
    data = body.get("data", {})
    if key.key not in data:
        # Its other contents are not mentioned: the search's author may not be allowed to read it.
        raise EvonasError(f"ConfigMap {key.name} has no key {key.key} in its data")
    return parse_export(data[key.key].encode(), f"ConfigMap {key.name}, {key.key}")
