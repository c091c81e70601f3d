"""From a user's reference to a source: an existing path is a run or an export, anything else a search in a cluster."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from evonas.errors import EvonasError
from evonas.extras import MissingExtra, require
from evonas.local.journal import JOURNAL_FILE
from evonas.sources.export import ExportSource
from evonas.sources.journal import JournalSource
from evonas.sources.options import NOT_HERE, ClusterOptions, NoCluster
from evonas.sources.source import Source

KINDS = (
    "architecturesearch.evonas.dev",
    "architecturesearches.evonas.dev",
    "architecturesearch",
    "architecturesearches",
    "nas",
)
"""What kubectl accepts (and prints, the first of them) before a search's name: ``nas/counting``."""


def locate(reference: str, options: ClusterOptions) -> Source:
    """Return the source that ``reference`` means; with cluster options, always a search in a cluster."""
    path = Path(reference)
    if not options.given:
        if path.is_dir():
            return JournalSource(path)
        if path.exists():
            return JournalSource(path.parent) if path.name == JOURNAL_FILE else ExportSource(path)
    kind, _, name = reference.partition("/")
    if name and kind.lower() in KINDS:
        reference, path = name, Path(name)
    if len(path.parts) != 1:
        raise EvonasError(f"{reference} does not exist; a search in a cluster is named without its namespace (-n)")
    with options.second(NOT_HERE.format(reference)):
        source: Source = cluster_module().ClusterSource(options, reference)
    return source


def cluster_module() -> ModuleType:
    """Return ``evonas.sources.cluster``; EvonasError if the packages it needs are not installed."""
    return _import("evonas.sources.cluster")


def readiness_module() -> ModuleType:
    """Return ``evonas.sources.readiness``, likewise."""
    return _import("evonas.sources.readiness")


def live_cluster_module() -> ModuleType:
    """Return ``evonas.sources.live.cluster``, likewise."""
    return _import("evonas.sources.live.cluster")


def _import(name: str) -> ModuleType:
    try:
        require("cluster", "access to a cluster")
    except MissingExtra as missing:
        raise NoCluster(str(missing)) from missing
    return importlib.import_module(name)
