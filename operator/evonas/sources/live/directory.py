"""All searches of some places, kept current: one task a place, whatever the number of those who look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from evonas.recorded.search import RecordedSearch
from evonas.sources.live.seen import (
    Notice,
    RunningAttempt,
    SeenCurve,
    SeenCurves,
    SeenSearch,
    SeenSource,
    SeenTrials,
)
from evonas.sources.source import Source


class UnknownSearch(KeyError):
    """No search has that id (any more)."""


class LiveSearches(Protocol):
    """``LiveSearches(places: Sequence[Place], *, max_trials=200_000, max_decoded=30_000)``, an async context manager.

    All methods belong to the event loop that entered it. ``await`` marks what may read or decode, in a thread.
    UnknownSearch for an id that is not there; EvonasError with one sentence if a record cannot be read.
    """

    async def __aenter__(self) -> LiveSearches:
        """Begin to look; returns at once."""

    async def __aexit__(self, *_: object) -> None:
        """End all tasks."""

    async def ready(self) -> None:
        """Wait until each place was read once, or has told why not."""

    @property
    def revision(self) -> int:
        """The latest of all revisions."""

    def searches(self) -> Sequence[SeenSearch]:
        """Return all searches, by namespace and name."""

    def get(self, id: str) -> SeenSearch:
        """Return one."""

    def gone_since(self, revision: int) -> Sequence[str] | None:
        """Return the ids that ceased to exist after a revision; None if that is not known so far back."""

    async def record(self, id: str) -> RecordedSearch:
        """Return all that is known of a search, with all of its trials."""

    async def trials(self, id: str, since: int = 0) -> SeenTrials:
        """Return the trials that changed after a revision (of ``SeenTrials``), or all."""

    def trials_revision(self, id: str) -> int:
        """Return the revision of the latest change of a search's trials."""

    async def curves(self, id: str) -> SeenCurves:
        """Return the learning curves of running trials and of the latest others."""

    def curves_revision(self, id: str) -> int:
        """Return the revision of the latest change of a search's curves."""

    async def curve(self, id: str, index: int) -> SeenCurve:
        """Return a trial's learning curve, which may be empty."""

    def running(self, id: str) -> Mapping[int, RunningAttempt]:
        """Return the attempts under way, by the index of their trial."""

    def pinned(self, id: str) -> Sequence[int]:
        """Return which trials are pinned."""

    def source(self, id: str) -> Source:
        """Return the search's source, for logs and actions; its methods block, so call them in a thread."""

    def sources(self) -> Sequence[SeenSource]:
        """Return the state of each place."""

    def subscribe(self) -> AbstractAsyncContextManager[AsyncIterator[Notice]]:
        """Return an endless iterator over what changes from now on; of the same kind and search, the latest only."""
