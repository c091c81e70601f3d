"""One search, without its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from evonas.agents import AgentSettings, may_have_population
from evonas.manifest import to_yaml
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.report.numbers import declaration_of, front_of
from evonas.search.codec import from_time
from evonas.search.confirmation import confirm, find_winner
from evonas.search.recommendation import recommend
from evonas.search.totals import WINDOW
from evonas.ui.models import (
    Condition,
    Confirmation,
    Details,
    Front,
    Recommendation,
    Summary,
)
from evonas.ui.views.summary import seconds

_WRITTEN = ("name", "namespace", "labels", "annotations")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def describe(summary: Summary, record: RecordedSearch, pinned: Sequence[int]) -> Details:
    """Return a search in full; EvonasError if this version does not accept its manifest."""
    spec, totals = record.spec, record.totals
    winner, recommended = find_winner(spec, totals), recommend(spec, totals)
    front = front_of(record)
    agent = AgentSettings.parse(spec.agent.settings)
    return Details(
        summary=summary,
        **declaration_of(spec),
        parallel_trials=spec.budget.parallel_trials,
        population=agent.evolution.population if may_have_population(spec.agent.type) else None,
        front=None if front is None else Front.model_validate(front),
        learned_from=record.learned_from,
        pinned=list(pinned),
        winner=None if winner is None else winner.index,
        recommended=None
        if recommended is None
        else Recommendation(
            index=recommended.index,
            runs=recommended.runs,
            mean=recommended.mean,
            expected=recommended.expected,
            deviation=recommended.deviation,
        ),
        confirmed=[
            Confirmation(
                index=item.leader.index,
                runs=item.runs,
                wins=item.wins,
                mean=item.mean,
                deviation=item.deviation,
                means=list(item.means),
                deviations=list(item.deviations),
            )
            for item in confirm(spec, totals)
            if item.runs
        ],
        conditions=[_condition(body) for body in record.body.get("status", {}).get("conditions", ())],
        manifest=to_yaml(_declared(record), allow_unicode=True),
        environments=[dict(entry) for entry in record.environments],
        images={name: list(digests) for name, digests in record.images.items()},
    )


def describe_unreadable(summary: Summary) -> Details:
    """Return a search of which nothing could be read: only its problem is known."""
    return Details(
        summary=summary,
        space=[],
        constraints=[],
        parallel_trials=0,
        population=None,
        window=WINDOW,
        rungs=[],
        last_step=None,
        pauses=False,
        target=None,
        front=None,
        learned_from="",
        pinned=[],
        winner=None,
        recommended=None,
        confirmed=[],
        conditions=[],
        manifest="",
        environments=[],
        images={},
    )


def _declared(record: RecordedSearch) -> Mapping[str, Any]:
    """Return the search as its author would write it, without what the server has added to its metadata."""
    body = manifest_of(record.body)
    metadata = {key: value for key, value in body["metadata"].items() if key in _WRITTEN}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != _LAST_APPLIED}
    return {**body, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def _condition(body: Mapping[str, Any]) -> Condition:
    moment: datetime | None = from_time(body.get("lastTransitionTime"))
    return Condition(
        type=body["type"],
        status=body["status"],
        reason=body.get("reason", ""),
        message=body.get("message", ""),
        since=seconds(moment),
    )
