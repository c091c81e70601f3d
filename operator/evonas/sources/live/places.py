"""Where to look for searches: what `evonas ui` is told on its command line. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evonas.errors import EvonasError
from evonas.local.journal import JOURNAL_FILE
from evonas.sources.options import ClusterOptions


@dataclass(frozen=True)
class RunsPlace:
    """A folder of local runs, which need not exist yet."""

    folder: Path


@dataclass(frozen=True)
class RunPlace:
    """The folder of one local run."""

    folder: Path


@dataclass(frozen=True)
class ExportPlace:
    """A file of `evonas export`."""

    path: Path


@dataclass(frozen=True)
class ClusterPlace:
    """Searches of a cluster: those of the options' namespace, of several, or of all."""

    options: ClusterOptions
    namespaces: Sequence[str] = ()
    everywhere: bool = False


Place = RunsPlace | RunPlace | ExportPlace | ClusterPlace


def place_at(path: Path) -> Place:
    """Return what an existing path is: a run, a folder of runs, or an export; EvonasError if there is nothing."""
    if path.is_dir():
        return RunPlace(path) if (path / JOURNAL_FILE).exists() else RunsPlace(path)
    if not path.exists():
        raise EvonasError(f"{path} does not exist")
    return RunPlace(path.parent) if path.name == JOURNAL_FILE else ExportPlace(path)
