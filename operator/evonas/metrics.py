"""Every metric that the operator exports (design §7); names and help texts live here and nowhere else.

Series that carry a search vanish with it: ``forget_search``.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SEARCH = ("namespace", "search")

SEARCH_TRIALS = Gauge("evonas_search_trials", "Trials of a search by state.", (*_SEARCH, "state"))
SEARCH_BEST_REWARD = Gauge("evonas_search_best_reward", "Best reward of a search so far.", _SEARCH)
SEARCH_MEAN_REWARD = Gauge("evonas_search_mean_reward", "Mean reward of the last 50 recorded trials.", _SEARCH)
SEARCH_GPU_SECONDS = Gauge("evonas_search_gpu_seconds_total", "GPU seconds that a search has used.", _SEARCH)
AGENT_ENTROPY = Gauge("evonas_agent_entropy", "Entropy of the agent's policy; a uniform one has 1.", _SEARCH)
AGENT_PROPOSALS = Counter("evonas_agent_proposals_total", "Candidates proposed, by origin.", (*_SEARCH, "origin"))
TRIALS = Counter("evonas_trials_total", "Trials that ended, by outcome.", (*_SEARCH, "outcome"))

TRIAL_SECONDS = Histogram(
    "evonas_trial_seconds",
    "Run time of trials, from the first container's start to the last one's end.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000),
)
TURNAROUND_SECONDS = Histogram(
    "evonas_turnaround_seconds",
    "From the moment when the end of a trial was seen to the creation of the next Job.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
RECONCILE_SECONDS = Histogram(
    "evonas_reconcile_seconds",
    "Duration of one pass over one search.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
RECONCILE_ERRORS = Counter("evonas_reconcile_errors_total", "Passes that failed and are tried again.", ("reason",))
QUEUE_DEPTH = Gauge("evonas_queue_depth", "Searches that wait for a pass.")
API_REQUESTS = Counter(
    "evonas_api_requests_total", "Calls of the API server, the watch streams apart.", ("verb", "resource", "code")
)
AGENT_STEP_SECONDS = Histogram(
    "evonas_agent_step_seconds",
    "Time that an agent takes to learn new results and propose.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
LEADER = Gauge("evonas_leader", "1 in the process that acts, 0 in one that stands by.")
LEASE_RENEWAL_AGE = Gauge(
    "evonas_lease_renewal_age_seconds",
    "Since this process's watch of the Lease last saw it renewed, by whoever leads.",
)

_PER_SEARCH = (
    SEARCH_TRIALS,
    SEARCH_BEST_REWARD,
    SEARCH_MEAN_REWARD,
    SEARCH_GPU_SECONDS,
    AGENT_ENTROPY,
    AGENT_PROPOSALS,
    TRIALS,
)


def forget_search(namespace: str, search: str) -> None:
    """Drop every series of a deleted search."""
    for metric in _PER_SEARCH:
        metric.remove_by_labels({"namespace": namespace, "search": search})
