"""Where a local run finds the earlier searches that its agent learns from: other runs and export files, named in its
manifest or by option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.local.journal import JOURNAL_FILE, Journal, NotBegun
from evonas.recorded.knowledge import gather
from evonas.recorded.knowledge_record import UnusableKnowledge, why_unused
from evonas.recorded.search import RecordedSearch
from evonas.sources.export import ExportSource
from evonas.sources.journal import read_run
from evonas.sources.source import say_on_stderr
from evonas.spec import EarlierSearches, SearchSpec


def record_knowledge(spec: SearchSpec, journal: Journal, runs: Path, paths: Sequence[Path]) -> str | None:
    """Gather what the agent of a run that begins learns from earlier searches, and record it in its journal; return
    what there is to say. Of a run that has begun only its record counts: UnusableKnowledge if it lacks what is asked
    for. ``runs`` is the folder of all runs; ``paths`` override what the manifest names there.
    """
    if spec.knowledge is None and not paths:
        return None
    unused = why_unused(spec, "--knowledge" if paths else "spec.knowledge")
    if unused is not None or journal.knowledge is not None:
        return None if journal.trials else unused
    if journal.trials:
        raise UnusableKnowledge(
            f"{journal.path} has trials, but no record of what its agent learned from earlier searches"
            f" ({'--knowledge' if paths else 'spec.knowledge'}), and learning begins before the first trial: rename the"
            " search, or restore its folder from a copy"
        )
    sources = [_read(path) for path in paths] if paths else _declared(spec.knowledge, runs)
    gathered = gather(spec, [source for source in sources if source.identity.uid != journal.identity.uid])
    journal.write_knowledge(gathered.knowledge)
    return gathered.note


def _declared(earlier: EarlierSearches | None, runs: Path) -> list[RecordedSearch]:
    """Return the sources that the manifest names."""
    if earlier is None:
        return []
    if earlier.config_maps:
        raise UnusableKnowledge(
            "spec.knowledge.configMaps: a local run reads no ConfigMap; name the export files with --knowledge"
        )
    for name in earlier.searches:
        if not (runs / name / JOURNAL_FILE).exists():
            raise UnusableKnowledge(
                f"spec.knowledge.searches: {runs / name} is not a run; name folders of runs or export files with"
                " --knowledge"
            )
    named = [_read(runs / name) for name in earlier.searches]
    selected = sorted(_selected(earlier.labels, runs), key=_creation, reverse=True) if earlier.labels else []
    return [*named, *selected]


def _selected(labels: Mapping[str, str], runs: Path) -> Iterator[RecordedSearch]:
    for path in sorted(runs.glob(f"*/{JOURNAL_FILE}")):
        try:
            record = _read(path.parent)
        except NotBegun:
            continue
        except EvonasError as error:
            # Whoever names no run need not mend them all.
            say_on_stderr(f"spec.knowledge.selector leaves a run out: {error}")
            continue
        theirs: Mapping[str, Any] = record.body["metadata"].get("labels") or {}
        if labels.items() <= theirs.items():
            yield record


def _read(path: Path) -> RecordedSearch:
    # Where a run stands does not matter.
    return read_run(path) if path.is_dir() else ExportSource(path).read()


def _creation(record: RecordedSearch) -> str:
    created: str = record.body["metadata"]["creationTimestamp"]
    return created
