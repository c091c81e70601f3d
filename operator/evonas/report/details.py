"""One search in full, for the HTML report: its figures and the contents of its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from evonas.agents import AgentSettings
from evonas.manifest import to_yaml
from evonas.recorded.additions import course
from evonas.recorded.fronts import find_standings, points_of
from evonas.recorded.pareto import Axes
from evonas.recorded.preference import Preference, prefer
from evonas.recorded.search import RecordedSearch, manifest_of
from evonas.report.figures.parallel import parallel_figure
from evonas.report.front_view import FrontView, GrowthView, view_front, view_growth
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
from evonas.search.objective import oriented, values_of
from evonas.search.recommendation import Recommended, recommend
from evonas.search.trial import Trial

MAX_DECISIONS = 12
"""How many decisions are drawn at most: the most important ones."""
MAX_CANDIDATES = 400
"""How many candidates the parallel coordinates show at most: the best ones."""
MAX_ADDITIONS = 50
"""How many trials that were added to a front are listed at most."""


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
    """A trial of the best candidate: confirmed or, if none is, recommended; the best trial if none is either. None with
    several objectives."""
    recommended: Recommended | None
    confirmed: list[Confirmed]
    lineage: list[Ancestor]
    """The winner's; of a front, that of its knee."""
    stopping: StoppingView | None
    """None for a search without rungs."""
    tradeoff: TradeoffView | None
    origins: list[Origin]
    front: FrontView | None
    """None for a search with one objective."""
    growth: GrowthView | None
    """None for a search with one objective, and before the first result."""
    importance: Importance | None
    """None if there are too few results, or all are the same. Of several objectives, the first one's."""
    importances: list[tuple[str, Importance]]
    """By objective, of those that have one."""
    values: list[ValuesView]
    policy: PolicyView | None
    parallel: Markup | None
    improvements: list[Improvement]
    additions: list[Improvement]
    """Of those in a search with several objectives, the ones that are listed: those that added most."""
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
    importances = _importances(record, rewarded)
    shares = [found.shares for _, found in importances]
    most = {decision.name: max((share[decision.name] for share in shares), default=0.0) for decision in space.decisions}
    drawn = sorted(space.decisions, key=lambda decision: -most[decision.name])[:MAX_DECISIONS]
    drawn = [decision for decision in space.decisions if decision in drawn]
    population = AgentSettings.parse(record.spec.agent.settings).evolution.population
    several, front = record.spec.has_several, record.totals.front
    winner = None if several else find_winner(record.spec, record.totals)
    knee = prefer(record, Preference((), None)) if several and len(front) else None
    grown = course(record, front.reference) if several and front.reference is not None else None
    origin, improved = winner or knee, improvements(record, grown)
    policy = view_policy(record)
    history = policy.learned.history if policy else []
    candidates = _by_merit(record, rewarded)[-MAX_CANDIDATES:]
    return Details(
        name=record.identity.name,
        source=record.source,
        phase=record.phase,
        learned_from=record.learned_from,
        best=record.totals.best,
        winner=winner,
        recommended=recommend(record.spec, record.totals),
        confirmed=[] if several else [item for item in confirm(record.spec, record.totals) if item.runs],
        lineage=lineage(record, origin) if origin is not None else [],
        stopping=view_stopping(record, winner),
        tradeoff=view_tradeoff(record, axes, winner) if axes is not None else None,
        origins=origins(record),
        front=view_front(record, knee) if several else None,
        growth=None if grown is None else view_growth(record, grown, front.reference or ()),
        importance=dict(importances).get(record.spec.objective.name),
        importances=importances,
        values=[view_values(decision, rewarded, population, history) for decision in drawn] if rewarded else [],
        policy=policy,
        parallel=parallel_figure(
            drawn, [trial.decisions for trial, _ in candidates], [merit for _, merit in candidates] if several else None
        )
        if rewarded
        else None,
        improvements=improved,
        additions=sorted(sorted(improved, key=lambda step: -step.gain)[:MAX_ADDITIONS], key=lambda step: step.hours),
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


def _importances(record: RecordedSearch, rewarded: Sequence[Trial]) -> list[tuple[str, Importance]]:
    columns = zip(*(values_of(record.spec.objectives, trial) or () for trial in rewarded), strict=True)
    found = [find_importance(record.spec.space, rewarded, values) for values in columns]
    names = [objective.name for objective in record.spec.objectives]
    return [(name, importance) for name, importance in zip(names, found, strict=False) if importance is not None]


def _by_merit(record: RecordedSearch, rewarded: Sequence[Trial]) -> list[tuple[Trial, float]]:
    """Return the trials, the worst first, and how good they are, from 0 to 1: with several objectives by how many
    fronts are before theirs.
    """
    objectives = record.spec.objectives
    if not record.spec.has_several:
        ordered = sorted(rewarded, key=lambda trial: oriented(objectives[0], trial.reward or 0.0))
        return [(trial, place / max(len(ordered) - 1, 1)) for place, trial in enumerate(ordered)]
    ranks = find_standings(objectives, points_of(objectives, rewarded)).tolist()
    last = max(ranks, default=0) + 1
    # What is worse than a reference is behind all.
    merits = [0.0 if rank < 0 else 1 - rank / last for rank in ranks]
    return sorted(zip(rewarded, merits, strict=True), key=lambda each: each[1])
