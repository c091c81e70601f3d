"""The operator itself: whether it leads, keeps up, and receives events."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from observability.dashboards.panels import (
    THIRD,
    Limits,
    Query,
    graph,
    label_variable,
    number,
    quantiles,
    titled,
)

UID = "evonas-operator"

_OF = 'namespace=~"$namespace"'


def _of_the_operator(metric: str) -> str:
    """Select a metric that every Python process has, but only for the operator's processes."""
    return f"{metric} and on (job, instance) evonas_leader{{{_OF}}}"


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    board = titled("Evo-NAS / Operator", UID, "The operator: leader, queue, passes, API calls, watches, agents.")
    names = "label_values(evonas_leader, namespace)"
    board = board.with_variable(label_variable("namespace", "Operator's namespace", names, many=True))
    errors = f"sum(rate(evonas_reconcile_errors_total{{{_OF}}}[$__rate_interval]))"
    passes = f"sum(rate(evonas_reconcile_seconds_count{{{_OF}}}[$__rate_interval]))"
    for panel in (
        number(
            "Leaders",
            "Active processes: 1 per installation.",
            "none",
            Query(f"sum(evonas_leader{{{_OF}}})"),
            limits=Limits(0.5, 1, falling=True),
        ),
        number(
            "Waiting searches", "Searches that wait for a pass.", "none", Query(f"sum(evonas_queue_depth{{{_OF}}})")
        ),
        number(
            "Failing passes",
            "Share of passes that failed and are retried.",
            "percentunit",
            Query(f"({errors} or vector(0)) / ({passes} > 0)"),
            limits=Limits(0.02, 0.1),
        ),
        number(
            "Lease seen renewed",
            "Time since the operator's watch last saw its own Lease renewed.",
            "s",
            Query(f"max(evonas_lease_renewal_age_seconds{{{_OF}}})"),
            limits=Limits(15, 60),
            decimals=0,
        ),
        number(
            "Unheard write",
            "Age of the operator's oldest write that no watch has shown yet; 0 if there is none.",
            "s",
            Query(f"max(evonas_watch_age_seconds{{{_OF}}})"),
            limits=Limits(30, 120),
            decimals=0,
        ),
        number(
            "Searches",
            "Searches known to the leader.",
            "none",
            Query("count(count by (namespace, search) (evonas_search_condition))"),
        ),
        graph(
            "Leader",
            "1 in the active process, 0 in a standby.",
            "none",
            Query(f"evonas_leader{{{_OF}}}", "{{instance}}"),
            steps=True,
            maximum=1,
            width=THIRD,
        ),
        graph(
            "Queue",
            "Searches that wait for a pass.",
            "none",
            Query(f"evonas_queue_depth{{{_OF}}}", "{{instance}}"),
            width=THIRD,
        ),
        graph(
            "Watches",
            "Age of the oldest write that the watch of its kind has not shown yet, and of the Lease's last renewal.",
            "s",
            Query(f"max by (resource) (evonas_watch_age_seconds{{{_OF}}})", "{{resource}}"),
            Query(f"max(evonas_lease_renewal_age_seconds{{{_OF}}})", "lease"),
            limits=Limits(30, 120),
            width=THIRD,
        ),
        graph(
            "Passes",
            "Passes over one search, per second.",
            "ops",
            Query(passes, "passes"),
            width=THIRD,
        ),
        graph(
            "Duration of a pass",
            "Quantiles of a pass over one search, including its writes.",
            "s",
            *quantiles("evonas_reconcile_seconds", 0.5, 0.99),
            limits=Limits(1, 10),
            width=THIRD,
        ),
        graph(
            "Failed passes by reason",
            "Passes that failed and are retried, per second.",
            "ops",
            Query(f"sum by (reason) (rate(evonas_reconcile_errors_total{{{_OF}}}[$__rate_interval]))", "{{reason}}"),
            stacked=True,
            width=THIRD,
        ),
        graph(
            "API calls",
            "Calls to the API server per second, excluding watch streams.",
            "ops",
            Query(
                f"sum by (verb, resource) (rate(evonas_api_requests_total{{{_OF}}}[$__rate_interval]))",
                "{{verb}} {{resource}}",
            ),
            stacked=True,
        ),
        graph(
            "API calls by answer",
            "A few conflicts (409) are normal; 429 and 5xx mean that the API server has problems.",
            "ops",
            Query(f"sum by (code) (rate(evonas_api_requests_total{{{_OF}}}[$__rate_interval]))", "{{code}}"),
            stacked=True,
        ),
        graph(
            "Turnaround",
            "From the end of a trial to the Job, or other workload, of the next.",
            "s",
            *quantiles("evonas_turnaround_seconds", 0.5, 0.99),
            limits=Limits(1, 10),
            width=THIRD,
        ),
        graph(
            "From a trial's end to its record",
            "By the node's clock, in whole seconds.",
            "s",
            *quantiles("evonas_report_to_record_seconds", 0.5, 0.99),
            limits=Limits(10, 60),
            width=THIRD,
        ),
        graph(
            "Agent",
            "Time that an agent takes to learn new results and propose.",
            "s",
            *quantiles("evonas_agent_step_seconds", 0.5, 0.99),
            limits=Limits(1, 10),
            width=THIRD,
        ),
        graph(
            "Run time of trials",
            "Over all searches.",
            "s",
            *quantiles("evonas_trial_seconds", 0.5, 0.99),
            width=THIRD,
        ),
        graph(
            "From a stop to the freed GPU",
            "For trials that end early: at a rung, or by a veto. About 30 s: their program ignores SIGTERM.",
            "s",
            *quantiles("evonas_stop_seconds", 0.5, 0.99),
            limits=Limits(3, 20),
            width=THIRD,
        ),
        graph(
            "Processor",
            "Cores that the operator uses.",
            "none",
            Query(_of_the_operator("rate(process_cpu_seconds_total[$__rate_interval])"), "{{instance}}"),
            limits=Limits(0.8, 1),
            width=THIRD,
        ),
        graph(
            "Memory",
            "Resident memory of the operator.",
            "bytes",
            Query(_of_the_operator("process_resident_memory_bytes"), "{{instance}}"),
            width=THIRD,
        ),
        graph(
            "Agents",
            "Agents in memory. One that is not used for a while is dropped.",
            "none",
            Query(f"evonas_agents{{{_OF}}}", "{{instance}}"),
            width=THIRD,
        ),
    ):
        board = board.with_panel(panel)
    return board
