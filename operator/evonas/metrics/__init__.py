"""Every metric that the operator exports; names and help texts live in this package and nowhere else.

This module holds what the process counts of its own work. The metrics of each search follow from its records and are in
``metrics.searches``. No metric carries a trial's name: a search may have ten thousand of them.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

TRIAL_SECONDS = Histogram(
    "evonas_trial_seconds",
    "Run time of trials, from the first container's start to the last one's end, without their pauses.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000),
)
TURNAROUND_SECONDS = Histogram(
    "evonas_turnaround_seconds",
    "Time from seeing the end of a trial to creating the Jobs, or other workloads, that take its place.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
REPORT_TO_RECORD_SECONDS = Histogram(
    "evonas_report_to_record_seconds",
    "Time from the end of a trial's container, in whole seconds by its node's clock, to the record of its result.",
    buckets=(0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000),
)
STOP_SECONDS = Histogram(
    "evonas_stop_seconds",
    "Time from the decision to end a trial early, at a rung or by a veto, to the end of its pod, which frees its GPUs.",
    buckets=(0.1, 0.3, 1, 3, 10, 30, 100),
)
RECONCILE_SECONDS = Histogram(
    "evonas_reconcile_seconds",
    "Duration of one pass over one search.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
RECONCILE_ERRORS = Counter("evonas_reconcile_errors_total", "Passes that failed and will be retried.", ("reason",))
QUEUE_DEPTH = Gauge("evonas_queue_depth", "Searches waiting for a pass.")
API_REQUESTS = Counter(
    "evonas_api_requests_total",
    "Calls to the API server by response code, 'none' if there was no response; watch streams excluded.",
    ("verb", "resource", "code"),
)
AGENT_STEP_SECONDS = Histogram(
    "evonas_agent_step_seconds",
    "Time that an agent takes to learn new results and propose.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
AGENTS = Gauge(
    "evonas_agents",
    "Agents in memory. One that is not used for a while is dropped, and rebuilt from the records when needed.",
)
LEADER = Gauge("evonas_leader", "1 in the process that is active, 0 in a standby.")
LEASE_RENEWAL_AGE = Gauge(
    "evonas_lease_renewal_age_seconds",
    "Seconds since this process's watch of the Lease last saw the current leader renew it.",
)
WATCH_AGE = Gauge(
    "evonas_watch_age_seconds",
    "Seconds since the oldest write of the operator that its watch has not shown yet; 0 if there is none.",
    ("resource",),
)
