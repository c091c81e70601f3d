"""One search in full, for the HTML report: its drawings and its tables' contents."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from markupsafe import Markup

from evonas.agents import AgentSettings
from evonas.errors import EvonasError
from evonas.report.figures.lines import Line, line_figure
from evonas.report.figures.parallel import parallel_figure
from evonas.report.figures.shares import share_figure
from evonas.report.figures.swatches import Swatch, swatches
from evonas.report.importance import Importance, find_importance
from evonas.report.progress import (
    Ancestor,
    Failures,
    Improvement,
    failures,
    improvements,
    lineage,
    value_shares,
)
from evonas.search.confirmation import Confirmed, confirm
from evonas.search.curves import moving_average
from evonas.search.objective import oriented
from evonas.search.recorded import RecordedSearch, manifest_of
from evonas.search.trial import Trial
from evonas.space import Decision

MAX_DECISIONS = 12
"""How many decisions are drawn: the most important ones of more."""
MAX_CANDIDATES = 400
"""How many candidates the parallel coordinates show: the best of more."""


@dataclass(frozen=True)
class Shares:
    """One decision over time."""

    name: str
    figure: Markup
    legend: list[Swatch]


@dataclass(frozen=True)
class Details:
    """What the page says of one search."""

    name: str
    source: str
    phase: str
    best: Trial | None
    importance: Importance | None
    no_importance: str
    """Why there is none."""
    shares: list[Shares]
    policy: Markup | None
    parallel: Markup | None
    confirmed: list[Confirmed]
    lineage: list[Ancestor]
    improvements: list[Improvement]
    gpu_hours: float
    trial_hours: float
    failures: list[Failures]
    results: int
    omitted_decisions: int
    population: int
    manifest: str
    environments: Sequence[Mapping[str, Any]]
    images: Mapping[str, Sequence[str]]


def describe(record: RecordedSearch) -> Details:
    """Return what there is to say of a search."""
    space = record.spec.space
    rewarded = sorted(
        (trial for trial in record.trials if trial.reward is not None and not trial.is_confirmation),
        key=lambda trial: (trial.sequence or 0, trial.index),
    )
    importance, no_importance = _importance(record, rewarded)
    order = {name: place for place, name in enumerate(importance.shares if importance else ())}
    drawn = sorted(space.decisions, key=lambda decision: order.get(decision.name, len(order)))[:MAX_DECISIONS]
    drawn = [decision for decision in space.decisions if decision in drawn]
    population = AgentSettings.parse(record.spec.agent.settings).evolution.population
    best = record.totals.best
    seconds = sum(
        (trial.completion_time - trial.start_time).total_seconds()
        for trial in record.trials
        if trial.start_time and trial.completion_time
    )
    by_merit = sorted(rewarded, key=lambda trial: oriented(record.spec.objective, trial.reward or 0.0))
    return Details(
        name=record.identity.name,
        source=record.source,
        phase=record.phase,
        best=best,
        importance=importance,
        no_importance=no_importance,
        shares=[_shares(decision, rewarded, population) for decision in drawn] if rewarded else [],
        policy=_policy(record),
        parallel=parallel_figure(drawn, [trial.decisions for trial in by_merit[-MAX_CANDIDATES:]])
        if rewarded
        else None,
        confirmed=[item for item in confirm(record.spec, record.totals) if item.runs],
        lineage=lineage(record, best) if best is not None else [],
        improvements=improvements(record),
        gpu_hours=record.totals.gpu_seconds / 3600,
        trial_hours=seconds / 3600,
        failures=failures(record),
        results=len(rewarded),
        omitted_decisions=len(space) - len(drawn),
        population=population,
        manifest=yaml.safe_dump(manifest_of(record.body), sort_keys=False, allow_unicode=True),
        environments=record.environments,
        images=record.images,
    )


def _importance(record: RecordedSearch, rewarded: Sequence[Trial]) -> tuple[Importance | None, str]:
    try:
        found = find_importance(record.spec.space, rewarded)
    except EvonasError as error:
        return None, str(error)
    return found, "" if found else "there are too few results, or all are the same"


def _shares(decision: Decision, rewarded: Sequence[Trial], population: int) -> Shares:
    has_absent = any(decision.name not in trial.decisions for trial in rewarded)
    shares, steps = value_shares(decision, rewarded, population, has_absent=has_absent)
    legend = swatches(decision, has_absent=has_absent)
    return Shares(decision.name, share_figure(legend, shares, steps, decision.name), legend)


def _policy(record: RecordedSearch) -> Markup | None:
    """Draw how much likelier the policy found its own draws than chance would; None where no policy learns."""
    ratios = [trial.proposal.policy_ratio for trial in record.trials if trial.proposal.policy_ratio]
    if not any(ratio != 1 for ratio in ratios):
        return None
    smooth = moving_average([math.log10(ratio) for ratio in ratios])
    return line_figure(
        [Line("policy", smooth)],
        x_label="proposals drawn from the policy",
        y_label="log10 of the ratio",
        description="likelihood of the proposals' draws under the policy against a uniform one",
    )
