"""The searches that a command lists when none is named: local runs, or those of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evonas.local.journal import JOURNAL_FILE, NotBegun
from evonas.recorded.search import Overview, RecordedSearch, overview_of
from evonas.search.selector import Selector, parse_selector
from evonas.sources.journal import JournalSource
from evonas.sources.locate import KINDS, cluster_module
from evonas.sources.options import ClusterOptions


@dataclass(frozen=True)
class Listed:
    """One search of a list."""

    reference: str
    """How other commands refer to it: a folder, or kind and name as kubectl prints them."""
    overview: Overview
    body: Mapping[str, Any]
    """The ArchitectureSearch object."""


def listed(record: RecordedSearch) -> Listed:
    """Return a search that was named."""
    in_cluster = record.source == f"{record.identity.namespace}/{record.identity.name}"
    reference = _reference(record.identity.name) if in_cluster else record.source
    return Listed(reference, record.overview, record.body)


def list_searches(runs: Path, options: ClusterOptions, *, selector: str = "", everywhere: bool = False) -> list[Listed]:
    """Return the local runs below ``runs`` if there are any and no cluster is named, otherwise the cluster's searches.

    ``everywhere`` lists the cluster's searches of all namespaces. A run with nothing recorded yet is left out.
    """
    if not (everywhere or options.given):
        folders = sorted(journal.parent for journal in runs.glob(f"*/{JOURNAL_FILE}"))
        if folders:
            selects = parse_selector(selector)
            return [listed(record) for folder in folders for record in _read(folder, selects)]
    with nullcontext() if everywhere else options.second(f"{runs}: no runs found"):
        bodies = cluster_module().list_searches(options, selector=selector, everywhere=everywhere)
    return [Listed(_reference(body["metadata"]["name"]), overview_of(body), body) for body in bodies]


def _read(folder: Path, selects: Selector) -> Iterator[RecordedSearch]:
    with suppress(NotBegun):
        record = JournalSource(folder).read()
        if selects(record.body["metadata"].get("labels") or {}):
            yield record


def _reference(name: str) -> str:
    return f"{KINDS[0]}/{name}"
