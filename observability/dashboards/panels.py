"""The kinds of panels and variables that the dashboards consist of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)

P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel)

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "yellow", "red"
WHOLE, HALF, THIRD, QUARTER, SIXTH = 24, 12, 8, 6, 4
SMALL, TALL = 4, 8


@dataclass(frozen=True)
class Query:
    """One query of a panel, and how its series are named: a template over their labels."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Limits:
    """The values from which something deserves attention, and from which it is bad; optionally lower is worse."""

    warning: float
    bad: float
    falling: bool = False

    def build(self) -> Builder[ThresholdsConfig]:
        """Return it in Grafana's form."""
        first, last = (RED, GREEN) if self.falling else (GREEN, RED)
        low, high = sorted((self.warning, self.bad))
        steps = [Threshold(value=None, color=first), Threshold(low, YELLOW), Threshold(high, last)]
        return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def graph(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    limits: Limits | None = None,
    stacked: bool = False,
    steps: bool = False,
    maximum: float | None = None,
    width: int = HALF,
) -> Builder[Panel]:
    """Return curves over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(width)
        .height(TALL)
        .line_width(2)
        .fill_opacity(40 if stacked else 8)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if steps:
        panel = panel.line_interpolation(LineInterpolation.STEP_AFTER)
    if maximum is not None:
        panel = panel.min(0).max(maximum)
    if limits is not None:
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return _asking(panel, queries, limits, instant=False)


def number(
    title: str,
    description: str,
    unit: str,
    query: Query,
    *,
    limits: Limits | None = None,
    decimals: int | None = None,
    names: bool = False,
) -> Builder[Panel]:
    """Return the latest value, large; with ``names``, the name of the series instead of its value."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(SIXTH)
        .height(SMALL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.NAME if names else BigValueTextMode.VALUE)
        .color_mode(BigValueColorMode.NONE if limits is None else BigValueColorMode.VALUE)
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    return _asking(panel, [query], limits, instant=True)


def bars(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    limits: Limits | None = None,
    maximum: float | None = None,
    width: int = HALF,
) -> Builder[Panel]:
    """Return the latest value of each series as a bar."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .span(width)
        .height(TALL)
        .min(0)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    if maximum is not None:
        panel = panel.max(maximum)
    return _asking(panel, queries, limits, instant=True)


def _asking(panel: P, queries: Sequence[Query], limits: Limits | None, *, instant: bool) -> P:
    """Return the panel with its limits and its queries."""
    if limits is not None:
        panel = panel.thresholds(limits.build())
    for target in targets(queries, instant=instant):
        panel = panel.with_target(target)
    return panel


def targets(queries: Sequence[Query], *, instant: bool = False) -> Sequence[prometheus.Dataquery]:
    """Return the queries in Grafana's form, named A, B, C, …; only the latest value if ``instant``."""
    made = []
    for position, query in enumerate(queries):
        target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(chr(65 + position))
        made.append(target.instant() if instant else target.range())
    return made


def quantiles(histogram: str, *quantiles: float) -> list[Query]:
    """Return the queries for quantiles of one of the operator's histograms."""
    buckets = f"sum by (le) (rate({histogram}_bucket[$__rate_interval]))"
    return [Query(f"histogram_quantile({share}, {buckets})", f"{share:.0%}") for share in quantiles]


def source_variable() -> dashboard.DatasourceVariable:
    """Return the choice of the data source: no dashboard names one."""
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def label_variable(name: str, label: str, query: str, *, many: bool = False) -> dashboard.QueryVariable:
    """Return a choice among the values of a label; with ``many``, several or all of them."""
    variable = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    return variable.multi(True).include_all(True).all_value(".*") if many else variable


def titled(title: str, uid: str, description: str) -> dashboard.Dashboard:
    """Return an empty dashboard; links refer to the uid, which never changes."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["evonas"])
        .time("now-6h", "now")
        .refresh("30s")
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(source_variable())
    )
