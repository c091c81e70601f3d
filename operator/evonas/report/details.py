"""One search in full, for the HTML report: its figures and the contents of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from evonas.agents import AgentSettings
from evonas.manifest import to_yaml
from evonas.recorded.pareto import Axes
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.report.figures.parallel import parallel_figure
from evonas.report.importance import Importance, find_importance
from evonas.report.policy import PolicyView, view_policy
from evonas.report.progress import (
    Ancestor,
    Costs,
    Failures,
    Improvement,
    Origin,
    costs,
    failures,
    improvements,
    lineage,
    origins,
    results_in_order,
)
from evonas.report.stopping import StoppingView, view_stopping
from evonas.report.tradeoff import TradeoffView, view_tradeoff
from evonas.report.values import ValuesView, view_values
from evonas.search.confirmation import Confirmed, confirm, find_winner
from evonas.search.objective import oriented
from evonas.search.recommendation import Recommended, recommend
from evonas.search.trial import Trial

MAX_DECISIONS = 12
"""How many decisions are drawn at most: the most important ones."""
MAX_CANDIDATES = 400
"""How many candidates the parallel coordinates show at most: the best ones."""


@dataclass(frozen=True)
class Details:
    """What the page shows for one search."""

    name: str
    source: str
    phase: str
    learned_from: str
    """From which earlier searches, in a sentence; empty for most."""
    best: Trial | None
    winner: Trial | None
    """A trial of the best candidate: confirmed or, if none is, recommended; the best trial if none is either."""
    recommended: Recommended | None
    confirmed: list[Confirmed]
    lineage: list[Ancestor]
    """The winner's."""
    stopping: StoppingView | None
    """None for a search without rungs."""
    tradeoff: TradeoffView | None
    origins: list[Origin]
    importance: Importance | None
    """None if there are too few results, or all are the same."""
    values: list[ValuesView]
    policy: PolicyView | None
    parallel: Markup | None
    improvements: list[Improvement]
    uses_gpus: bool
    costs: Costs
    failures: list[Failures]
    results: int
    omitted_decisions: int
    population: int
    manifest: str
    environments: Sequence[Mapping[str, Any]]
    images: Mapping[str, Sequence[str]]


def describe(record: RecordedSearch, axes: Axes | None = None) -> Details:
    """Return what the page shows for a search; ``axes`` are two metrics to compare its candidates by."""
    space = record.spec.space
    rewarded = results_in_order(record)
    importance = find_importance(space, rewarded)
    order = {name: place for place, name in enumerate(importance.shares if importance else ())}
    drawn = sorted(space.decisions, key=lambda decision: order.get(decision.name, len(order)))[:MAX_DECISIONS]
    drawn = [decision for decision in space.decisions if decision in drawn]
    population = AgentSettings.parse(record.spec.agent.settings).evolution.population
    winner = find_winner(record.spec, record.totals)
    policy = view_policy(record)
    history = policy.learned.history if policy else []
    by_merit = sorted(rewarded, key=lambda trial: oriented(record.spec.objective, trial.reward or 0.0))
    return Details(
        name=record.identity.name,
        source=record.source,
        phase=record.phase,
        learned_from=record.learned_from,
        best=record.totals.best,
        winner=winner,
        recommended=recommend(record.spec, record.totals),
        confirmed=[item for item in confirm(record.spec, record.totals) if item.runs],
        lineage=lineage(record, winner) if winner is not None else [],
        stopping=view_stopping(record, winner),
        tradeoff=view_tradeoff(record, axes, winner) if axes is not None else None,
        origins=origins(record),
        importance=importance,
        values=[view_values(decision, rewarded, population, history) for decision in drawn] if rewarded else [],
        policy=policy,
        parallel=parallel_figure(drawn, [trial.decisions for trial in by_merit[-MAX_CANDIDATES:]])
        if rewarded
        else None,
        improvements=improvements(record),
        uses_gpus=record.uses_gpus,
        costs=costs(record),
        failures=failures(record),
        results=len(rewarded),
        omitted_decisions=len(space) - len(drawn),
        population=population,
        manifest=to_yaml(manifest_of(record.body), allow_unicode=True),
        environments=record.environments,
        images=record.images,
    )
