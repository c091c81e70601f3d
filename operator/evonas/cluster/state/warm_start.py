"""Where a search in a cluster imports candidates from: other searches in the store, and files in ConfigMaps."""

from __future__ import annotations

from evonas.cluster.client.api import Api
from evonas.cluster.state.records import SearchRecord
from evonas.cluster.state.sources import find_search, read_export_file, record_of_search
from evonas.cluster.state.store import Store
from evonas.errors import EvonasError
from evonas.recorded.search import Phase, RecordedSearch, phase_of
from evonas.recorded.warm_start import ResultsToImport, UnusableSource, choose_results
from evonas.search.backlog import Backlog, TriedCandidates, find_backlog, import_is_open
from evonas.search.totals import Totals
from evonas.spec import ConfigMapKey, SearchSpec

AT_REST = (Phase.COMPLETE, Phase.FAILED, Phase.SUSPENDED)


class WarmStart:
    """Finds what one search has yet to import."""

    def __init__(self, api: Api, store: Store) -> None:
        self._api = api
        self._store = store
        self._tried = TriedCandidates()

    async def read(self, search: SearchRecord, spec: SearchSpec) -> ResultsToImport | None:
        """Return what is to be imported, None if nothing is left; UnusableSource if it cannot be imported."""
        trials = self._store.children(search.uid).table
        if not spec.warm_start.imports or spec.suspend or not all(trial.imported for trial in trials):
            return None
        if not import_is_open(Totals(spec.objectives, trials)):
            return None
        sources: list[RecordedSearch] = []
        if spec.warm_start.search is not None:
            sources.append(self._search(search.namespace, spec.warm_start.search))
        if spec.warm_start.config_map is not None:
            sources.append(await self._config_map(search.namespace, spec.warm_start.config_map))
        return choose_results(spec, sources)

    def backlog(self, search_uid: str, spec: SearchSpec, found: ResultsToImport | None, finished: Totals) -> Backlog:
        """Return what to import now, given the totals of the finished trials."""
        table = self._store.children(search_uid).table
        results = () if found is None else found.results
        return find_backlog(results, spec.warm_start.candidates, finished, table, self._tried)

    def _search(self, namespace: str, name: str) -> RecordedSearch:
        field = "spec.warmStart.search"
        source = find_search(self._store, namespace, name)
        if source is None:
            raise UnusableSource(f"{field}: there is no search {name} in namespace {namespace}")
        phase = phase_of(source.status)
        if phase not in AT_REST:
            raise UnusableSource(
                f"{field}: search {name} is {phase}; this search starts when that one is Complete, Failed or Suspended."
                " To use its results so far, put an export into a ConfigMap (evonas export)"
            )
        return record_of_search(self._store, source)

    async def _config_map(self, namespace: str, key: ConfigMapKey) -> RecordedSearch:
        try:
            return await read_export_file(self._api, namespace, key)
        except EvonasError as error:
            raise UnusableSource(f"spec.warmStart.configMap: {error}") from error
