"""How all results stand to a search's front, and how that grew."""

from __future__ import annotations

from evonas.recorded.search import RecordedSearch
from evonas.report.numbers import ranks_of
from evonas.ui.models import Ranks


def ranks(record: RecordedSearch, revision: int) -> Ranks:
    """Return the ranks of a record, which is as of a revision; takes a tenth of a second for thousands of trials."""
    # Right by construction, as columns are.
    return Ranks.model_construct(revision=revision, **ranks_of(record))
