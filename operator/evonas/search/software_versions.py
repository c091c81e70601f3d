"""Which software versions proposed which trials: a bounded list in the search's status. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MAX_ENTRIES = 20


def note_versions(
    before: Sequence[Mapping[str, Any]], versions: Mapping[str, str], trials: int
) -> list[Mapping[str, Any]]:
    """Return the list, with a new entry for the trials from number ``trials`` on if the versions have changed."""
    if before and before[-1]["versions"] == versions:
        return list(before)
    # An entry that no trial followed is meaningless.
    kept = [entry for entry in before if entry["fromTrial"] < trials]
    return [*kept, {"fromTrial": trials, "versions": dict(versions)}][-MAX_ENTRIES:]


def versions_of(environments: Sequence[Mapping[str, Any]], index: int) -> Mapping[str, str] | None:
    """Return the versions that proposed a trial; None if they were not recorded."""
    found = [entry["versions"] for entry in environments if entry["fromTrial"] <= index]
    versions: Mapping[str, str] | None = found[-1] if found else None
    return versions
