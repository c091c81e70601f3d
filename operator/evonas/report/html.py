"""The report as one self-contained HTML file without network access. ``page/`` holds template and style. All of it is
there without scripts; where they run, the live page's charts take the place of its figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from evonas.agents import MARGINAL_SAMPLES
from evonas.errors import EvonasError
from evonas.recorded.comparing import common_reference
from evonas.recorded.curves import rewards_in_order
from evonas.recorded.fronts import grow
from evonas.recorded.pareto import Axes, check_reported, default_axes, parse_axes
from evonas.recorded.search import RecordedSearch
from evonas.report.charts import Charts, are_drawn, built_charts, data_of
from evonas.report.details import describe
from evonas.report.figures.lines import COLOURS, line_figure
from evonas.report.front_comparison import compare_fronts
from evonas.report.groups import group
from evonas.report.templates import templates_of
from evonas.search.codec import to_time
from evonas.search.totals import WINDOW
from evonas.wording import axis_label

MAX_DETAILED = 8
"""With more searches, only the best of each group is described in full."""


def save_report(
    records: Sequence[RecordedSearch], path: Path, *, price: float | None, metrics: tuple[str, str] | None
) -> None:
    """Write the report; ``price`` is that of a GPU hour, ``metrics`` are those to compare (``pareto.parse_axes``).
    EvonasError if it cannot be written, or a metric is not known.
    """
    text = render_report(records, price=price, metrics=metrics, charts=built_charts())
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvonasError(f"cannot write {path}: {error.strerror}") from error


def render_report(
    records: Sequence[RecordedSearch],
    *,
    price: float | None = None,
    metrics: tuple[str, str] | None = None,
    charts: Charts | None = None,
) -> str:
    """Return the page for searches with the same objectives; without ``metrics`` the constraints of a single one decide
    what is compared, without ``charts`` it has the figures alone.
    """
    several = records[0].spec.has_several
    metric = ", ".join(objective.name for objective in records[0].spec.objectives)
    drawn = [found for found in group(records) if all(rewards_in_order(record.trials) for record in found.records)]
    reference = common_reference(records) if several else None
    detailed = records
    if len(records) > MAX_DETAILED:
        detailed = [max(found.records, key=lambda record: _merit(record, reference)) for found in group(records)]
    details = [describe(record, _axes(record, metrics)) for record in detailed]
    return (
        templates_of("evonas.report")
        .get_template("report.html.j2")
        .render(
            metric=metric,
            overviews=[record.overview for record in records],
            cut_states=[
                state for state in ("stopped", "paused") if any(record.overview.counts.get(state) for record in records)
            ],
            legend=[(number % COLOURS, found.label) for number, found in enumerate(drawn)],
            uses_gpus=any(record.uses_gpus for record in records),
            has_bands=any(len(found.records) > 1 for found in drawn),
            objectives=[axis_label(each.name, minimize=each.minimize) for each in records[0].spec.objectives]
            if several
            else [],
            averages=None
            if several
            else line_figure(
                [found.averages for found in drawn],
                x_label="results",
                y_label=metric,
                description=f"moving average of {metric}",
            ),
            bests=None
            if several
            else line_figure(
                [found.bests for found in drawn], x_label="results", y_label=metric, description=f"best {metric} so far"
            ),
            fronts=compare_fronts(drawn, reference) if reference is not None and drawn and len(records) > 1 else None,
            worths=[_worth(record, reference) for record in records],
            window=WINDOW,
            policy_samples=MARGINAL_SAMPLES,
            details=details,
            charts=charts,
            has_charts=[charts is not None and are_drawn(record) for record in detailed],
            data=None if charts is None else data_of([*zip(detailed, details, strict=True)], drawn),
            omitted=len(records) - len(details),
            price=price,
            written=to_time(datetime.now(UTC)),
            version=version("evonas"),
        )
    )


def _axes(record: RecordedSearch, metrics: tuple[str, str] | None) -> Axes | None:
    if metrics is None:
        return None if record.spec.has_several else default_axes(record.spec.objective)
    axes = parse_axes(record.spec.objectives, metrics)
    check_reported(record.trials, axes)
    return axes


def _worth(record: RecordedSearch, reference: tuple[float, ...] | None) -> float | None:
    """Return the hypervolume of a search's front above a reference; None without one."""
    if reference is None:
        return None
    volumes = grow(record.spec.objectives, record.trials, reference).volumes
    return volumes[-1] if volumes else 0.0


def _merit(record: RecordedSearch, reference: tuple[float, ...] | None) -> float:
    if record.spec.has_several:
        return _worth(record, reference) or 0.0
    best = record.totals.best
    if best is None or best.reward is None:
        return float("-inf")
    return -best.reward if record.spec.objective.minimize else best.reward
