"""Where a local run imports results from: other runs and export files, named in its manifest or by option."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evonas.errors import FieldProblem, InvalidManifest
from evonas.local.journal import JOURNAL_FILE
from evonas.recorded.search import Phase, RecordedSearch
from evonas.recorded.warm_start import ResultsToImport, UnusableSource, choose_results
from evonas.sources.export import ExportSource
from evonas.sources.journal import JournalSource
from evonas.spec import SearchSpec


def read_results(spec: SearchSpec, runs: Path, paths: Sequence[Path]) -> ResultsToImport | None:
    """Return what is to be imported, None if nothing is requested; ``paths`` override the manifest's."""
    if not paths:
        paths = _declared(spec, runs)
    return choose_results(spec, [_read(path) for path in paths]) if paths else None


def _declared(spec: SearchSpec, runs: Path) -> Sequence[Path]:
    if spec.warm_start.config_map is not None:
        cure = "a local run reads no ConfigMap; name the export file with --warm-start"
        raise InvalidManifest([FieldProblem("spec.warmStart.configMap", cure)])
    if spec.warm_start.search is None:
        return ()
    folder = runs / spec.warm_start.search
    if not (folder / JOURNAL_FILE).exists():
        cure = f"{folder} is not a run; name another run's folder or an export file with --warm-start"
        raise InvalidManifest([FieldProblem("spec.warmStart.search", cure)])
    return (folder,)


def _read(path: Path) -> RecordedSearch:
    record = JournalSource(path).read() if path.is_dir() else ExportSource(path).read()
    if path.is_dir() and record.phase is Phase.RUNNING:
        raise UnusableSource(f"{path} is still running; wait for its end, or export its results so far")
    return record
