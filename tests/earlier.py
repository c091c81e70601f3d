"""A ConfigMap with the results of an earlier search over the space of ``operator_process.search``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from evonas.search.exported import export_lines
from evonas.search.recorded import Phase, RecordedSearch
from evonas.search.trial import ProposalRecord, Trial, TrialState
from tests.operator_process import search

NAME, KEY = "earlier", "export"


def export_of(count: int, **spec: Any) -> dict[str, Any]:
    """Return the ConfigMap, with so many results, each better than the one before."""
    body = search("earlier", **spec)
    record = RecordedSearch("earlier", body, (), Phase.COMPLETE)
    body["metadata"]["uid"] = "0f0e"
    space, now = record.spec.space, datetime(2026, 1, 1, tzinfo=UTC)
    trials = [
        Trial(
            index=index,
            decisions=space.to_candidate(space.unrank(index)),
            proposal=ProposalRecord("random", None, (), 0),
            state=TrialState.SUCCEEDED,
            reward=0.01 * (index + 1),
            sequence=index + 1,
            completion_time=now,
        )
        for index in range(count)
    ]
    lines = b"".join(export_lines(replace(record, trials=tuple(trials)), now))
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": {KEY: lines.decode()}}
