"""What viewers are told as it happens."""

from __future__ import annotations

from enum import StrEnum

from evonas.ui.models.base import Model


class ChangeKind(StrEnum):
    """What a server-sent event is about; its name."""

    BEAT = "beat"
    """Nothing has changed; sent at least every 5 seconds, so that silence means a broken stream."""
    SEARCHES = "searches"
    """Some line of the list has changed."""
    SEARCH = "search"
    """A search that is looked at has changed: its trials, curves or status."""
    GONE = "gone"
    """A search that is looked at no longer exists."""
    SOURCE = "source"
    """A source went out of date, or is current again."""


class Notice(Model):
    """The data of a server-sent event. It only says that something is new: who wants to know asks for it."""

    kind: ChangeKind
    revision: int
    id: str | None = None
    """Of the search, for ``search`` and ``gone``."""
