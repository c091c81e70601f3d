"""One search: its results, what its agent does, what it costs, and what blocks it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, text
from grafana_foundation_sdk.models.dashboard import DashboardLinkType
from grafana_foundation_sdk.models.text import TextMode

from observability.dashboards.panels import (
    QUARTER,
    THIRD,
    WHOLE,
    Limits,
    Query,
    bars,
    graph,
    label_variable,
    number,
    quantiles,
    titled,
)

UID = "evonas-search"
FLEET_UID = "evonas-fleet"

_OF = 'namespace="$namespace", search="$search"'

_COMMANDS = """\
```sh
kubectl describe nas $search -n $namespace
kubectl get nastrial -n $namespace -l evonas.dev/search=$search
kubectl get events -n $namespace --field-selector involvedObject.name=$search
```
"""


def _hours(selector: str) -> str:
    return f"evonas_search_gpu_seconds_total{{{selector}}} / 3600"


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    board = titled("Evo-NAS / Search", UID, "One architecture search: progress, agent, cost, failures.")
    board = board.with_variable(
        label_variable("namespace", "Namespace", "label_values(evonas_search_trials, namespace)")
    )
    board = board.with_variable(
        label_variable("search", "Search", 'label_values(evonas_search_trials{namespace="$namespace"}, search)')
    )
    board = board.link(
        dashboard.DashboardLink("Fleet")
        .type(DashboardLinkType.LINK)
        .url(f"/d/{FLEET_UID}?var-datasource=${{datasource}}")
        .keep_time(True)
    )
    for panel in (
        number(
            "State",
            "Why the search makes progress or does not: the reason of its Progressing condition.",
            "none",
            Query(f'evonas_search_condition{{{_OF}, condition="Progressing"}}', "{{reason}}"),
            names=True,
        ),
        number(
            "Best reward",
            "As set in the manifest; none in a search with several objectives.",
            "none",
            Query(f"evonas_search_best_reward{{{_OF}}}"),
            decimals=4,
        ),
        number(
            "Since improvement",
            "Time since the best reward, or the latest trial on the front, was found, or since the start; empty for a"
            " search that is not active.",
            "s",
            Query(f"evonas_search_seconds_since_improvement{{{_OF}}}"),
            limits=Limits(4 * 3600, 24 * 3600),
            decimals=0,
        ),
        number(
            "Trials since improvement",
            "Results recorded after the best one, or after the latest one on the front.",
            "none",
            Query(f"evonas_search_trials_since_improvement{{{_OF}}}"),
            limits=Limits(50, 100),
        ),
        number("GPUs in use", "Requested by running trials.", "none", Query(f"evonas_search_gpus{{{_OF}}}")),
        number("GPU hours", "Charged when an attempt ends.", "h", Query(_hours(_OF)), decimals=2),
        graph(
            "Best so far",
            "The best reward of all trials so far (Evo-NAS paper, best-so-far curve) or, with several objectives, the"
            " hypervolume of the front.",
            "none",
            Query(f"evonas_search_best_reward{{{_OF}}}", "best"),
            Query(f"evonas_search_hypervolume{{{_OF}}}", "hypervolume"),
            steps=True,
        ),
        graph(
            "Moving average",
            "Mean of the last 50 rewards (Evo-NAS paper, average curve): rises while the agent learns. With several"
            " objectives, of the first.",
            "none",
            Query(f"evonas_search_mean_reward{{{_OF}}}", "mean of the last 50"),
        ),
        graph(
            "Trials by state",
            "Every trial is in one state.",
            "none",
            Query(f"evonas_search_trials{{{_OF}}}", "{{state}}"),
            stacked=True,
            width=THIRD,
        ),
        graph(
            "Proposals by origin",
            "How the agent arrived at its candidates so far; reused ones, of any origin, have another search's result.",
            "none",
            Query(f"evonas_agent_proposals_total{{{_OF}}}", "{{origin}}"),
            Query(f"evonas_search_reused_trials_total{{{_OF}}}", "reused"),
            width=THIRD,
        ),
        graph(
            "Agent entropy",
            "1 for a policy that knows nothing, near 0 for one that proposes the same again and again.",
            "none",
            Query(f"evonas_agent_entropy{{{_OF}}}", "entropy"),
            limits=Limits(0.2, 0.05, falling=True),
            maximum=1,
            width=THIRD,
        ),
        graph(
            "GPU hours against the budget",
            "The budget is maxGPUHours; empty if the manifest sets none.",
            "h",
            Query(_hours(_OF), "used"),
            Query(
                f'{_hours(_OF)} / ignoring (budget) (evonas_search_budget_ratio{{{_OF}, budget="maxGPUHours"}} > 0)',
                "budget",
            ),
            width=THIRD,
        ),
        bars(
            "Budgets used",
            "Share of each budget that the manifest sets.",
            "percentunit",
            Query(f"evonas_search_budget_ratio{{{_OF}}}", "{{budget}}"),
            limits=Limits(0.8, 1),
            maximum=1,
            width=THIRD,
        ),
        bars(
            "Failures by reason",
            "Failed trials; each reason is that of the last attempt.",
            "none",
            Query(f"evonas_search_failed_trials{{{_OF}}}", "{{reason}}"),
            width=THIRD,
        ),
        bars(
            "Trials by last rung",
            "How far trials came: the step of the last rung with a result of theirs; and how many were stopped there,"
            " or are paused.",
            "none",
            Query(f"evonas_search_last_rung_trials{{{_OF}}}", "at {{rung}}"),
            Query(f"evonas_search_stopped_trials{{{_OF}}}", "stopped at {{rung}}"),
            Query(f"evonas_search_paused_trials{{{_OF}}}", "paused at {{rung}}"),
            width=THIRD,
        ),
        graph(
            "GPU hours saved at rungs",
            "An estimate: as if each stopped or paused trial would have taken as long as the mean full training.",
            "h",
            Query(f"evonas_search_saved_gpu_seconds_total{{{_OF}}} / 3600", "saved"),
            Query(_hours(_OF), "used"),
            width=THIRD,
        ),
        graph(
            "Promotions",
            "How often a paused trial went on, and how often its checkpoint was gone, so that it was trained again.",
            "none",
            Query(f"evonas_search_promotions_total{{{_OF}}}", "went on"),
            Query(f"evonas_search_lost_checkpoints_total{{{_OF}}}", "checkpoints lost"),
            width=THIRD,
        ),
        graph(
            "From a stop to the freed GPU",
            "Over all searches of the operator. About 30 s: the program ignores SIGTERM.",
            "s",
            *quantiles("evonas_stop_seconds", 0.5, 0.95),
            limits=Limits(3, 20),
            width=QUARTER,
        ),
        graph(
            "Turnaround",
            "From the end of a trial to the Job, or other workload, of the next; over all searches of the operator.",
            "s",
            *quantiles("evonas_turnaround_seconds", 0.5, 0.95),
            limits=Limits(1, 10),
            width=QUARTER,
        ),
        graph(
            "Time since improvement",
            "A sawtooth that falls to 0 with every better trial, or with every new one on the front.",
            "s",
            Query(f"evonas_search_seconds_since_improvement{{{_OF}}}", "since improvement"),
            width=QUARTER,
        ),
        graph(
            "Front",
            "Trials of a search with several objectives that no other dominates; empty with one objective.",
            "none",
            Query(f"evonas_search_front_trials{{{_OF}}}", "trials"),
            steps=True,
            width=QUARTER,
        ),
        text.Panel()
        .title("On the command line")
        .description("The same search with kubectl.")
        .mode(TextMode.MARKDOWN)
        .content(_COMMANDS)
        .span(WHOLE)
        .height(5),
    ):
        board = board.with_panel(panel)
    return board
