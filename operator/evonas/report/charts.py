"""The live page's charts in the report: what they draw, as the API of `evonas ui` has it, and their script.

Where scripts do not run, or the page was not built, the report's own figures stay.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from evonas.recorded.pareto import REWARD, Axis
from evonas.recorded.repeated import find_repeated
from evonas.recorded.search import RecordedSearch
from evonas.report import numbers
from evonas.report.details import Details
from evonas.report.groups import Group
from evonas.report.stopping import own_trials, points_of
from evonas.search.trial import Trial, TrialState, in_words
from evonas.spec import Objective

MAX_TRIALS = 10_000
"""A report of a search with more has the figures alone: its file would take long to open."""


@dataclass(frozen=True)
class Charts:
    """What makes figures charts."""

    script: Markup
    style: Markup
    licences: Markup
    """Of the packages in the script."""


def built_charts() -> Charts | None:
    """Return them; None in an installation whose page was not built."""
    folder = files("evonas") / "ui" / "static" / "report"
    if not (folder / "charts.js").is_file():
        return None
    # They are the product's own. A build writes no end of a script or style into them.
    script, style, licences = (
        Markup((folder / name).read_text(encoding="utf-8")) for name in ("charts.js", "charts.css", "licenses.txt")
    )
    return Charts(script, style, licences)


def are_drawn(record: RecordedSearch) -> bool:
    """Say whether a search's figures become charts."""
    return len(record.trials) <= MAX_TRIALS


def data_of(described: Sequence[tuple[RecordedSearch, Details]], groups: Sequence[Group]) -> Markup:
    """Return what the charts of the searches, and of the groups of all searches, draw: JSON in which nothing ends a
    script."""
    names = {id(record): record.identity.name for found in groups for record in found.records}
    payload = {
        "searches": [_search(record, details) for record, details in described],
        # Without results, there is no place for it.
        "comparison": numbers.comparison_of(groups, names) if groups else None,
    }
    text = json.dumps(payload, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"))


def columns_of(trials: Sequence[Trial], objectives: Sequence[Objective]) -> dict[str, Any]:
    """Return trials by column, as the API has them, but what no chart draws."""
    return {
        **numbers.columns_of(trials),
        "objectives": numbers.objective_columns(objectives, trials),
        "decisions": _by_name([trial.decisions for trial in trials]),
        "metrics": _by_name([trial.metrics for trial in trials]),
        "says": [in_words(trial.reason, trial.message) if trial.reward is None else "" for trial in trials],
    }


def _search(record: RecordedSearch, details: Details) -> dict[str, Any]:
    spec, trials = record.spec, record.trials if are_drawn(record) else ()
    importance, policy = details.importance, details.policy
    return {
        "details": {
            "summary": {
                "metric": spec.objective.name,
                "minimize": spec.objective.minimize,
                "objectives": numbers.objectives_of(spec.objectives),
                "usesGpus": details.uses_gpus,
            },
            **numbers.declaration_of(spec),
            "front": numbers.front_of(record),
            "confirmed": [*_confirmed(record)],
            "population": details.population,
            "winner": None if details.winner is None else details.winner.index,
        },
        "trials": {
            "id": record.identity.name,
            "uid": record.identity.uid,
            "revision": 1,
            "complete": True,
            "total": len(trials),
            "columns": columns_of(trials, spec.objectives),
        },
        "ranks": numbers.ranks_of(record) if spec.has_several and trials else None,
        "curves": {"revision": 1, "curves": _curves(record) if trials else []},
        "importance": None if importance is None else numbers.importance_of(importance),
        "policy": None if policy is None else numbers.policy_of(spec.space, policy.learned),
        "improvements": numbers.improvements_of(details.improvements),
        "decisions": [view.name for view in details.values],
        "pareto": None if details.tradeoff is None else _pareto(*details.tradeoff.axes),
    }


def _confirmed(record: RecordedSearch) -> Iterator[dict[str, Any]]:
    for member in record.totals.front.members:
        if (found := find_repeated(record, member)) is not None:
            yield {"index": member.index, "means": found.means, "deviations": found.deviations}


def _pareto(upward: Axis, across: Axis) -> dict[str, Any]:
    def name(axis: Axis) -> str:
        return axis.metric if axis.metric == REWARD else f"metric:{axis.metric}"

    return {"x": name(across), "y": name(upward), "lessX": across.minimize, "lessY": upward.minimize}


def _curves(record: RecordedSearch) -> list[dict[str, Any]]:
    if record.spec.fidelity is None:
        return []
    names = [objective.name for objective in record.spec.objectives]
    curves = []
    for trial in own_trials(record):
        lines = [points_of(record.spec, trial, place) if trial.rungs else [] for place in range(len(names))]
        if lines[0]:
            curves.append(
                {
                    "index": trial.index,
                    "attempt": 1,
                    "running": trial.state is TrialState.RUNNING,
                    "steps": [step for step, _ in lines[0]],
                    "metrics": {
                        name: [value for _, value in points] for name, points in zip(names, lines, strict=True)
                    },
                }
            )
    return curves


def _by_name(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return a column for each name in any row; what is no number for JSON is left out."""
    return {name: [*map(_known, values)] for name, values in numbers.by_name(rows).items()}


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
