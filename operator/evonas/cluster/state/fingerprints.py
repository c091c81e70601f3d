"""Which trials have a result that others may reuse (``search.reuse``), by fingerprint; kept up to date by the store.

So a lookup needs no API call, however many trials there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from evonas.cluster.state.records import TrialRecord

Place = tuple[str, int]
"""UID of the search and index of the trial."""


class Fingerprints:
    """Places of results; a tuple per fingerprint, since most have one place and there may be many thousands."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], tuple[Place, ...]] = {}

    def put(self, record: TrialRecord) -> None:
        """Add a trial, once."""
        if record.trial.fingerprint is not None:
            key = (record.namespace, record.trial.fingerprint)
            self._places[key] = (*self._places.get(key, ()), (record.search_uid, record.trial.index))

    def drop(self, record: TrialRecord) -> None:
        """Remove a trial that was added."""
        if record.trial.fingerprint is not None:
            key = (record.namespace, record.trial.fingerprint)
            left = tuple(place for place in self._places[key] if place != (record.search_uid, record.trial.index))
            if left:
                self._places[key] = left
            else:
                del self._places[key]

    def places(self, namespace: str, fingerprint: str) -> Sequence[Place]:
        """Return the places of the results with a fingerprint."""
        return self._places.get((namespace, fingerprint), ())
