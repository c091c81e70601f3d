"""The lines about searches, each made once for its revision."""

from __future__ import annotations

from collections.abc import Collection

from evonas.sources.live.seen import SeenSearch
from evonas.ui.models import Summary
from evonas.ui.views.summary import summarise


class Lines:
    """The latest line about each search that there is."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[SeenSearch, Summary]] = {}

    def of(self, seen: SeenSearch) -> Summary:
        """Return the line about a search."""
        known = self._made.get(seen.id)
        if known is not None and known[0] is seen:
            return known[1]
        made = summarise(seen)
        self._made[seen.id] = (seen, made)
        return made

    def keep(self, ids: Collection[str]) -> None:
        """Drop the lines about searches that are gone; ``ids`` are those that are not."""
        for gone in self._made.keys() - ids:
            del self._made[gone]
