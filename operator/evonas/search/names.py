"""Every name, label and annotation key that is derived or agreed on: names are the lock (docs/architecture.md).

A trial's name comes from the search's name and UID and the trial's index; its Job's from the attempt as well. Two
operators that act on the same record derive the same name, and the API server lets one of them win.
"""

from __future__ import annotations

import hashlib
import re

PREFIX = "evonas.dev"

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "evonas"
MANAGED_BY_SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
"""Selects what the operator has created."""
WITHOUT_OUR_LABELS = f"{MANAGED_BY_LABEL}!={MANAGED_BY}"
"""Selects everything else."""
SEARCH_LABEL = f"{PREFIX}/search"
SEARCH_UID_LABEL = f"{PREFIX}/search-uid"
TRIAL_LABEL = f"{PREFIX}/trial"
INDEX_LABEL = f"{PREFIX}/index"
ATTEMPT_LABEL = f"{PREFIX}/attempt"
FINGERPRINT_LABEL = f"{PREFIX}/fingerprint"
"""What a Job was created from (``search.reuse``)."""

REWARD_ANNOTATION = f"{PREFIX}/reward"
METRICS_ANNOTATION = f"{PREFIX}/metrics"
INFEASIBLE_ANNOTATION = f"{PREFIX}/infeasible"
PROGRESS_ANNOTATION = f"{PREFIX}/progress"
EXPIRY_ANNOTATION = f"{PREFIX}/delete-at"
"""On a workload whose engine has no time to live: when the operator deletes it."""
VETO_ANNOTATION = f"{PREFIX}/veto-"
PIN_ANNOTATION = f"{PREFIX}/pin-"
"""Both on a search, followed by the index of a trial (``search.interventions``)."""

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
"""Kueue's LocalQueue of a Job."""
QUEUE_LABELS = (QUEUE_LABEL, "kueue.x-k8s.io/priority-class", "kueue.x-k8s.io/max-exec-time-seconds")
"""Kueue's labels that a search passes on to each of its Jobs."""

TRIAL_SERVICE_ACCOUNT = "evonas-trial"
"""Account (and ClusterRole) under which a trial may annotate its own pod."""

MAX_INDEX = 99_999
"""The largest index that fits a trial's name. The CRD limits ``maxTrials`` to a thousand less, which leaves room for
imported results (200) and for confirmations (at most 200, again whenever ``maxTrials`` has grown)."""

INFEASIBLE_EXIT_CODE = 65
"""Exit code of a trial whose candidate cannot be built or diverged: EX_DATAERR of sysexits.h."""


def trial_name(search: str, uid: str, index: int) -> str:
    """Return the trial's name: at most 40 + 1 + 8 + 1 + 5 characters.

    The hash of the UID keeps a search that was deleted and created again from adopting its predecessor's trials.
    """
    return f"{_of_search(search, uid)}-{index:05d}"


def knowledge_name(search: str, uid: str) -> str:
    """Return the name of the ConfigMap that records what the search's agent knew from earlier searches."""
    return f"{_of_search(search, uid)}-knowledge"


def job_name(trial: str, attempt: int) -> str:
    """Return the name of the Job of one attempt, counted from 1."""
    return f"{trial}-a{attempt}"


def workload_name(search: str, uid: str, index: int, attempt: int, longest: int) -> str:
    """Return the name of the workload of one attempt, at most ``longest`` characters.

    Engines derive longer names from it, so that of the search is cut. They are host names, too, whose first character
    is a letter. The hash of the UID, which is left whole, tells searches apart.
    """
    rest = job_name(trial_name("", uid, index), attempt)
    started = search if search[0].isalpha() else f"s{search}"
    return (started[: max(1, longest - len(rest))].rstrip("-") or "s") + rest


def read_workload_name(name: str) -> tuple[str, int, int] | None:
    """Return what the name of an attempt's workload tells: the hash of its search's UID, the index and the attempt;
    None for any other name.
    """
    found = _OF_AN_ATTEMPT.search(name)
    return None if found is None else (found["hash"], int(found["index"]), int(found["attempt"]))


def uid_hash(uid: str) -> str:
    """Return what stands for a search's UID in names."""
    return hashlib.sha256(uid.encode()).hexdigest()[:8]


_OF_AN_ATTEMPT = re.compile(r"-(?P<hash>[0-9a-f]{8})-(?P<index>[0-9]{5})-a(?P<attempt>[1-9][0-9]*)$")


def _of_search(search: str, uid: str) -> str:
    return f"{search}-{uid_hash(uid)}"
