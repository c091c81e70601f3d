"""What ``directory`` needs of a search, wherever it is recorded, and of a place where searches are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from evonas.recorded.knowledge_record import Knowledge
from evonas.sources.live.kept_trials import KeptTrials
from evonas.sources.live.seen import RunningAttempt, SeenSource
from evonas.sources.source import Source


class Watched(Protocol):
    """One search. What is not asynchronous neither waits nor reads, unless it says so."""

    @property
    def trials(self) -> KeptTrials:
        """Its trials, as far as they are kept."""

    @property
    def name(self) -> str:
        """Where it is recorded, for display: a path, or ``namespace/name``."""

    @property
    def images(self) -> Mapping[str, Sequence[str]]:
        """Digests under which its images were pulled, if known."""

    @property
    def running(self) -> Mapping[int, RunningAttempt]:
        """The attempts under way, by the index of their trial."""

    async def fill(self) -> None:
        """Have all its trials kept; EvonasError if they cannot be read."""

    async def knowledge(self) -> tuple[Knowledge | None, str]:
        """Return what its agent knew from earlier searches, or why that cannot be read."""

    def pinned(self) -> Sequence[int]:
        """Return which trials are pinned; reads a small file, perhaps."""

    def source(self) -> Source:
        """Return the search's source."""


class Watcher(Protocol):
    """Keeps the searches of one place current."""

    async def watch(self) -> None:
        """Work until cancelled."""

    @property
    def was_read(self) -> bool:
        """Whether the place was read once, or has told why not."""

    def state(self) -> SeenSource:
        """Return whether what is known of the place is current."""
