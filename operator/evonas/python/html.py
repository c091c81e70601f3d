"""What a notebook shows of a search: where it stands, its two curves, its best trials."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.python.page import render
from evonas.python.trials import MOST_ROWS, trial_of
from evonas.recorded.curves import best_so_far, moving_average, rewards_in_order
from evonas.recorded.search import RecordedSearch
from evonas.report.figures.lines import Line, line_figure
from evonas.search.objective import oriented
from evonas.search.recommendation import in_words, recommend
from evonas.search.totals import WINDOW


def search_html(record: RecordedSearch) -> str:
    """Return the view of a record."""
    objective = record.spec.objective
    rewards = rewards_in_order(record.trials)
    ranked = sorted(
        (trial for trial in record.trials if trial.reward is not None and not trial.is_confirmation),
        key=lambda trial: (-oriented(objective, trial.reward or 0.0), trial.index),
    )
    metric = objective.name
    recommended = recommend(record.spec, record.totals)
    return render(
        "search.html.j2",
        overview=record.overview,
        metric=metric,
        learned_from=record.learned_from,
        recommended=None if recommended is None else in_words(recommended),
        average=_curve("moving average", moving_average(rewards), metric) if rewards else None,
        best=_curve("best so far", best_so_far(rewards, minimize=objective.minimize), metric) if rewards else None,
        window=WINDOW,
        trials=[trial_of(record.spec, trial) for trial in ranked[:MOST_ROWS]],
        results=len(ranked),
    )


def _curve(label: str, values: Sequence[float], metric: str) -> str:
    description = f"{label} of {metric}"
    return line_figure([Line(label, values)], x_label="results", y_label=metric, description=description)
