"""All searches: which are active, what they cost, and which are stuck."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, dashboard, table
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DataTransformerConfig,
    DynamicConfigValue,
    Panel,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from observability.dashboards import search
from observability.dashboards.panels import (
    DATASOURCE,
    TALL,
    Limits,
    Query,
    bars,
    graph,
    label_variable,
    number,
    targets,
    titled,
)

UID = search.FLEET_UID

_OF = 'namespace=~"$namespace", search=~"$search"'
_WAITS = "Unschedulable|ImagePull|ContainerConfig|QuotaExceeded|AdmissionDenied"

_COLUMNS = (
    ("At work", "none", f'max by (namespace, search) (evonas_search_condition{{{_OF}, condition="Progressing"}})'),
    ("Best", "none", f"evonas_search_best_reward{{{_OF}}}"),
    ("Front", "none", f"evonas_search_front_trials{{{_OF}}}"),
    ("Mean", "none", f"evonas_search_mean_reward{{{_OF}}}"),
    ("Running", "none", f'sum by (namespace, search) (evonas_search_trials{{{_OF}, state="running"}})'),
    ("Failed", "none", f'sum by (namespace, search) (evonas_search_trials{{{_OF}, state="failed"}})'),
    ("GPU hours", "h", f"evonas_search_gpu_seconds_total{{{_OF}}} / 3600"),
    ("Budget used", "percentunit", f"max by (namespace, search) (evonas_search_budget_ratio{{{_OF}}})"),
    ("Since improvement", "s", f"evonas_search_seconds_since_improvement{{{_OF}}}"),
)


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    board = titled("Evo-NAS / Fleet", UID, "All architecture searches: GPUs, spending, stalled ones, cost per gain.")
    names = "label_values(evonas_search_trials, namespace)"
    board = board.with_variable(label_variable("namespace", "Namespace", names, many=True))
    names = 'label_values(evonas_search_trials{namespace=~"$namespace"}, search)'
    board = board.with_variable(label_variable("search", "Search", names, many=True))
    for panel in (
        number(
            "At work",
            "Searches that have started and are not over.",
            "none",
            Query(f'count(evonas_search_condition{{{_OF}, condition="Progressing"}} == 1) or vector(0)'),
        ),
        number(
            "Running trials",
            "Trials whose container is running.",
            "none",
            Query(f'sum(evonas_search_trials{{{_OF}, state="running"}}) or vector(0)'),
        ),
        number(
            "GPUs in use",
            "Requested by running trials.",
            "none",
            Query(f"sum(evonas_search_gpus{{{_OF}}}) or vector(0)"),
        ),
        number(
            "GPU hours spent",
            "In the time range shown; an attempt is charged when it ends.",
            "h",
            Query(f"sum(increase(evonas_search_gpu_seconds_total{{{_OF}}}[$__range])) / 3600 or vector(0)"),
            decimals=2,
        ),
        number(
            "Stalled",
            "Searches that run nothing until somebody acts.",
            "none",
            Query(
                f'count(evonas_search_condition{{{_OF}, condition="Progressing", reason=~"{_WAITS}"}} == 1)'
                " or vector(0)"
            ),
            limits=Limits(1, 3),
        ),
        number(
            "Failed searches",
            "Searches that gave up.",
            "none",
            Query(f'count(evonas_search_condition{{{_OF}, condition="Failed"}} == 1) or vector(0)'),
            limits=Limits(1, 3),
        ),
        _all_searches(),
        graph(
            "GPUs in use by namespace",
            "GPUs requested by running trials.",
            "none",
            Query(f"sum by (namespace) (evonas_search_gpus{{{_OF}}})", "{{namespace}}"),
            stacked=True,
        ),
        graph(
            "Spending",
            "GPU hours per hour, as attempts end.",
            "none",
            Query(
                f"sum by (namespace) (rate(evonas_search_gpu_seconds_total{{{_OF}}}[$__rate_interval]))",
                "{{namespace}}",
            ),
            stacked=True,
        ),
        bars(
            "Most expensive",
            "GPU hours of the ten searches that used the most.",
            "h",
            Query(f"topk(10, evonas_search_gpu_seconds_total{{{_OF}}} / 3600)", "{{namespace}}/{{search}}"),
        ),
        bars(
            "Cost per gain",
            "GPU hours per point of reward gained in the time range shown; empty if none was gained, and for searches"
            " with several objectives.",
            "h",
            Query(
                f"(increase(evonas_search_gpu_seconds_total{{{_OF}}}[$__range]) / 3600)"
                f" / (max_over_time(evonas_search_best_reward{{{_OF}}}[$__range])"
                f" - min_over_time(evonas_search_best_reward{{{_OF}}}[$__range]) > 0)",
                "{{namespace}}/{{search}}",
            ),
        ),
        graph(
            "Waits for something outside",
            "Searches that run nothing, by what they wait for.",
            "none",
            Query(
                f'sum by (reason) (evonas_search_condition{{{_OF}, condition="Progressing",'
                f' reason=~"Queued|{_WAITS}"}})',
                "{{reason}}",
            ),
            stacked=True,
        ),
        graph(
            "Results per minute",
            "Trials that ended, by outcome.",
            "none",
            Query(f"sum by (outcome) (rate(evonas_trials_total{{{_OF}}}[$__rate_interval])) * 60", "{{outcome}}"),
            stacked=True,
        ),
    ):
        board = board.with_panel(panel)
    return board


def _all_searches() -> Builder[Panel]:
    """Return the table of all searches; a search's name links to its dashboard."""
    panel = (
        table.Panel()
        .title("Searches")
        .description("Every search; its name links to its dashboard.")
        .datasource(DATASOURCE)
        .unit("none")
        .span(24)
        .height(TALL)
        .sort_by([common.TableSortByFieldState().display_name("Since improvement").desc(True)])
        .with_transformation(DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(DataTransformerConfig(id_val="organize", options=_layout()))
        .override_by_name("search", [DynamicConfigValue("links", [_link()])])
    )
    for title, unit, _ in _COLUMNS:
        panel = panel.override_by_name(title, [DynamicConfigValue("unit", unit)])
    queries = [Query(f"max by (namespace, search) ({expression})") for _, _, expression in _COLUMNS]
    for target in targets(queries, instant=True):
        panel = panel.with_target(target.format(PromQueryFormat.TABLE))
    return panel


def _layout() -> dict[str, object]:
    names = {f"Value #{chr(65 + position)}": title for position, (title, _, _) in enumerate(_COLUMNS)}
    order = ["namespace", "search", *names]
    return {
        "excludeByName": {"Time": True},
        "renameByName": names,
        "indexByName": {name: position for position, name in enumerate(order)},
    }


def _link() -> DashboardLink:
    fields = "${__data.fields.namespace}&var-search=${__data.fields.search}"
    url = f"/d/{search.UID}?var-datasource=${{datasource}}&var-namespace={fields}&${{__url_time_range}}"
    return DashboardLink(title="Open the search", url=url)
