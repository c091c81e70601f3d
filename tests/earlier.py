"""Results of an earlier search: in a ConfigMap, or as the records of a search that is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from evonas.cluster.client.resources import SEARCHES, TRIALS
from evonas.cluster.state.objects import read_search
from evonas.recorded.export import export_lines
from evonas.recorded.search import Phase, RecordedSearch
from evonas.search.codec import to_object
from evonas.search.reuse import fingerprint_of
from evonas.search.trial import ProposalRecord, Trial, TrialState
from evonas.spec import SearchSpec
from tests.faults.chronicle import Chronicle
from tests.operator_process import search

NAME, KEY = "earlier", "export"


async def record_results(chronicle: Chronicle, namespace: str, body: dict[str, Any]) -> None:
    """Create a search and, as its operator would have left them, its trials: the first candidates of its space."""
    made = await chronicle.create(SEARCHES, namespace, {**body, "spec": {**body["spec"], "suspend": True}})
    record = read_search(made)
    spec = SearchSpec.parse(record.manifest)
    for index in range(spec.budget.max_trials):
        decisions = spec.space.to_candidate(spec.space.unrank(index))
        trial = Trial(
            index=index,
            decisions=decisions,
            proposal=ProposalRecord("random", None, (), 0),
            state=TrialState.SUCCEEDED,
            reward=0.25 * (index + 1),
            sequence=index + 1,
            completion_time=datetime(2026, 1, 1, tzinfo=UTC),
            fingerprint=fingerprint_of(spec, decisions),
        )
        written = to_object(record.identity, trial)
        await chronicle.create(TRIALS, namespace, written)
        path = TRIALS.path(namespace, written["metadata"]["name"], "status")
        await chronicle.ask("PATCH", path, {"status": written["status"]}, "application/merge-patch+json")
    await chronicle.patch(SEARCHES, namespace, record.name, {"spec": {"suspend": False}})


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
