"""Records of a Job, a pod and a trial as the store keeps them, with what a test does not care about filled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from evonas.cluster.state.records import PodRecord, TrialRecord, WorkloadRecord
from evonas.search.trial import Trial
from tests.unit.search.support import NOW

_OF_ATTEMPT: dict[str, Any] = {
    "namespace": "n",
    "version": 1,
    "search_uid": "u",
    "index": 0,
    "attempt": 1,
    "created": NOW,
    "owner_uid": None,
}

_JOB = WorkloadRecord(
    **_OF_ATTEMPT,
    name="s-a1",
    uid="j",
    deleting=False,
    suspended=False,
    complete=False,
    failed=False,
    reason="",
    message="",
    ended=None,
    released=False,
)

_POD = PodRecord(
    **_OF_ATTEMPT,
    name="s-a1-x",
    uid="p",
    deletion=None,
    node=None,
    phase="Pending",
    reason="",
    message="",
    scheduled=None,
    unschedulable=None,
    gated=False,
    disrupted=None,
    disruption_message="",
    annotations={},
    containers={},
)


def job_record(index: int = 0, attempt: int = 1, **fields: Any) -> WorkloadRecord:
    """Return the Job of an attempt; its owner is the trial that ``trial_record`` makes of that index."""
    place = {"index": index, "attempt": attempt, "uid": f"j{index}-{attempt}", "owner_uid": f"t{index}"}
    return replace(_JOB, **{**place, **fields})


def pod_record(index: int = 0, attempt: int = 1, **fields: Any) -> PodRecord:
    """Return a pod of an attempt's Job."""
    place = {"index": index, "attempt": attempt, "owner_uid": f"j{index}-{attempt}"}
    return replace(_POD, **{**place, **fields})


def trial_record(trial: Trial, *, version: int = 1, created: datetime = NOW) -> TrialRecord:
    """Return a trial of the search with UID ``u``."""
    return TrialRecord("n", f"s-{trial.index}", f"t{trial.index}", version, "u", created, trial)
