"""What a pass finds to do besides the plan: starts that are still due, Jobs to release, searches to delete."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from evonas.cluster.control.executor import ForeignObject, check_owner
from evonas.cluster.state.attempt_views import awaits, find_expiry, find_leaving, find_overdue, find_releases
from evonas.cluster.state.records import WorkloadRecord
from evonas.cluster.state.store import Store
from evonas.search.codec import to_time
from evonas.search.trial import EndedAttempt, Trial, TrialState
from tests.unit.cluster.objects import job_record, pod_record, trial_record
from tests.unit.search.support import NOW, search_spec, succeeded, trial

SPEC = search_spec(trial={"ttlSecondsAfterFinished": 60, "ttlSecondsAfterFailed": 3600})
BROKEN, DISRUPTED = EndedAttempt(1, "NonZeroExitCode"), EndedAttempt(1, "Preempted", disrupted=True)


@pytest.mark.parametrize(
    ("known", "attempt", "due"),
    [
        (trial(0), 1, True),
        (trial(0, TrialState.QUEUED, attempts=(DISRUPTED,)), 1, True),
        (trial(0, TrialState.QUEUED, attempts=(BROKEN,)), 2, True),
        # Another operator has seen the attempt fail, or the trial end.
        (trial(0, TrialState.QUEUED, attempts=(BROKEN,)), 1, False),
        (succeeded(0, 0.5, attempts=(EndedAttempt(1, ""),)), 2, False),
        (trial(0, TrialState.FAILED), 1, False),
    ],
)
def test_an_attempt_is_started_only_while_the_trial_waits_for_it(known: Trial, attempt: int, due: bool) -> None:
    assert awaits(trial_record(known), attempt) is due


def releases(known: Trial, *jobs: WorkloadRecord) -> list[tuple[int, int]]:
    store = Store()
    store.put_trial(trial_record(known))
    for job in jobs:
        store.put_workload(job)
    return sorted((job.attempt, seconds) for job, seconds in find_releases(SPEC, store.children("u")))


def test_jobs_are_released_once_their_result_is_recorded_and_failed_ones_stay_longer() -> None:
    ended = (BROKEN, EndedAttempt(2, ""))
    jobs = [job_record(attempt=1, failed=True), job_record(attempt=2, complete=True)]
    assert releases(succeeded(0, 0.5, attempts=ended), *jobs) == [(1, 3600), (2, 60)]
    assert releases(trial(0, TrialState.FAILED, attempts=ended), *jobs) == [(1, 3600), (2, 3600)]
    # The second attempt goes on: the first one's Job is settled all the same.
    assert releases(trial(0, TrialState.RUNNING, attempts=(BROKEN,)), *jobs) == [(1, 3600)]


def test_a_job_is_released_once_and_not_while_its_trial_has_no_result() -> None:
    known = succeeded(0, 0.5, attempts=(EndedAttempt(1, ""),))
    assert releases(known, job_record(complete=True, released=True)) == []
    assert releases(known, job_record(deleting=True)) == []
    assert releases(trial(0, TrialState.RUNNING), job_record()) == []


CUT_SHORT = (
    trial(0, TrialState.STOPPED, sequence=1, completion_time=NOW),
    trial(0, TrialState.CANCELLED, completion_time=NOW),
    trial(0, TrialState.INFEASIBLE, reason="Vetoed", sequence=1, completion_time=NOW),
)


@pytest.mark.parametrize("known", CUT_SHORT, ids=lambda known: known.state.value)
def test_the_job_of_a_trial_that_was_cut_short_is_deleted_at_once_and_not_released(known: Trial) -> None:
    """Whoever recorded that may have ended before the deletion."""
    assert releases(known, job_record()) == []
    assert releases(known, job_record(complete=True)) != []
    store = Store()
    store.put_trial(trial_record(known))
    store.put_workload(job_record())
    children = store.children("u")
    assert find_overdue(SPEC, children, NOW) == ([job_record()], None)
    store.expect_deletion(job_record())
    assert find_overdue(SPEC, children, NOW) == ([], None)


def test_a_trial_that_was_cut_short_leaves_when_neither_its_job_nor_a_pod_of_it_is_there() -> None:
    store = Store()
    store.put_trial(trial_record(trial(0, TrialState.RUNNING)))
    children = store.children("u")
    store.put_workload(job_record())
    store.put_pod(pod_record(phase="Running"))
    assert find_leaving(children) == set()
    store.put_trial(trial_record(CUT_SHORT[0], version=2))
    assert find_leaving(children) == {(0, 1)}
    store.expect_deletion(job_record())
    store.drop_workload(job_record())
    assert find_leaving(children) == {(0, 1)}
    store.put_pod(pod_record(phase="Failed", version=2))
    assert find_leaving(children) == set()
    store.put_pod(pod_record(phase="Running", version=3))
    store.drop_pod(pod_record(phase="Running", version=3))
    assert find_leaving(children) == set()
    assert children.live_pods == set()


def test_what_has_ended_by_itself_is_not_waited_for() -> None:
    store = Store()
    store.put_trial(trial_record(succeeded(0, 0.5)))
    store.put_workload(job_record())
    store.put_pod(pod_record(phase="Running"))
    assert find_leaving(store.children("u")) == set()


def test_a_search_is_deleted_when_its_own_time_to_live_is_over() -> None:
    spec = search_spec(ttlSecondsAfterFinished=60)
    ended = {"completionTime": to_time(NOW)}
    assert find_expiry(spec, ended) == NOW + timedelta(seconds=60)
    assert find_expiry(spec, {}) is None
    assert find_expiry(replace(spec, ttl_seconds_after_finished=None), ended) is None


@pytest.mark.parametrize(
    "owners",
    [
        [],
        [{"uid": "another", "controller": True}],
        [{"uid": "t0", "controller": False}],
        [{"uid": "t0"}],
    ],
)
def test_an_object_is_adopted_only_from_its_controller(owners: list[dict[str, Any]]) -> None:
    body = {"kind": "Job", "metadata": {"name": "s-a1", "ownerReferences": owners}}
    with pytest.raises(ForeignObject, match="Job s-a1 exists but does not belong to this search"):
        check_owner(body, "t0")
    check_owner({**body, "metadata": {"ownerReferences": [*owners, {"uid": "t0", "controller": True}]}}, "t0")
