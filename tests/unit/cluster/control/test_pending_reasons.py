"""Why a Job has no pod: when that is asked, of which Job, and what is made of the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from evonas.cluster.client.api import Api
from evonas.cluster.control.pending_reasons import (
    ASK_AGAIN,
    PATIENCE,
    Answer,
    PendingReasons,
    explain_view,
    find_podless,
    is_about,
    is_patient,
    last_message,
)
from evonas.cluster.state.records import WorkloadRecord
from evonas.cluster.state.store import Children
from evonas.search.attempt import AttemptPhase, AttemptView, QueuedReason
from evonas.search.status import Blockage
from tests.unit.cluster.objects import job_record
from tests.unit.search.support import NOW

STARTING = AttemptView(1, AttemptPhase.QUEUED, QueuedReason.STARTING, "its Job has no pod yet", lacks_pods=True)
FULL = Blockage(QueuedReason.QUOTA_EXCEEDED, "exceeded quota: few")
JOB = job_record(index=2, created=NOW)


def children(*jobs: WorkloadRecord) -> Children:
    found = Children()
    found.workloads = {(job.index, job.attempt): job for job in jobs}
    return found


def test_the_oldest_trial_without_a_pod_is_asked_about() -> None:
    jobs = [job_record(index=index) for index in range(4)]
    views = {
        3: STARTING,
        0: replace(STARTING, reason=QueuedReason.UNSCHEDULABLE),
        2: STARTING,
        1: replace(STARTING, pod="p", lacks_pods=False),
    }
    assert find_podless(children(*jobs), views) == jobs[2]
    assert find_podless(children(*jobs), {1: views[1]}) is None
    # Its Job is not there yet: there is nothing to ask about.
    assert find_podless(children(), views) is None


async def test_a_job_that_was_made_a_moment_ago_is_not_asked_about() -> None:
    now = JOB.created + PATIENCE - timedelta(seconds=1)
    assert is_patient(JOB, now)
    assert not is_patient(JOB, JOB.created + PATIENCE)
    seen = await PendingReasons(cast(Api, None)).explain(children(JOB), {2: STARTING}, now)
    assert seen == {2: replace(STARTING, deadline=JOB.created + PATIENCE)}


async def test_views_of_which_none_lacks_a_pod_stay_as_they_are() -> None:
    views = {0: AttemptView(1, AttemptPhase.RUNNING, pod="p")}
    assert await PendingReasons(cast(Api, None)).explain(children(), views, NOW) == views


@pytest.mark.parametrize(
    ("job", "after", "holds"),
    [
        (JOB, timedelta(), True),
        (JOB, ASK_AGAIN - timedelta(seconds=1), True),
        (JOB, ASK_AGAIN, False),
        (replace(JOB, uid="another"), timedelta(), False),
        # Somebody has set the clock back: what was asked "later" would hold for as long.
        (JOB, timedelta(hours=-1), False),
    ],
)
def test_an_answer_holds_for_its_job_and_not_for_long(job: WorkloadRecord, after: timedelta, holds: bool) -> None:
    assert Answer(JOB.uid, NOW, FULL).holds(job, NOW + after) is holds


def test_the_reason_that_was_found_is_shown_and_asked_for_again() -> None:
    again = NOW + ASK_AGAIN
    told = explain_view(STARTING, Answer(JOB.uid, NOW, FULL), NOW)
    assert told == replace(STARTING, reason=FULL.reason, message=FULL.message, deadline=again)
    assert explain_view(STARTING, Answer(JOB.uid, NOW, None), NOW) == replace(STARTING, deadline=again)


def test_a_trial_that_a_queue_holds_back_is_asked_about_if_there_is_a_queue() -> None:
    queued = replace(STARTING, reason=QueuedReason.QUEUED)
    suspended = replace(JOB, suspended=True)
    assert find_podless(children(suspended), {2: queued}) is None
    assert find_podless(children(replace(suspended, queue="gpus")), {2: queued}) == replace(suspended, queue="gpus")


def test_a_deadline_that_is_due_before_stays() -> None:
    soon = NOW + timedelta(seconds=1)
    told = explain_view(replace(STARTING, deadline=soon), Answer(JOB.uid, NOW, FULL), NOW)
    assert told.deadline == soon


@pytest.mark.parametrize(
    ("kind", "name", "reason", "expected"),
    [
        ("JobSet", "mine-worker-0", "FailedCreate", True),
        ("JobSet", "mine", "JobCreationFailed", True),
        ("RayJob", "mine-x7k2p", "FailedToCreateWorkerPod", True),
        ("JobSet", "mine-worker-0", "BackoffLimitExceeded", False),
        ("JobSet", "mine-worker-0-1-abcde", "FailedScheduling", False),
        # Of an attempt whose name is longer.
        ("JobSet", "mine0-worker-0", "FailedCreate", False),
        # What an event of a plain Job is about, its selector has said.
        ("Job", "mine", "FailedCreate", True),
        ("JobSet", "jobset-mine-1a2b3", "Pending", True),
        ("Job", "job-mine0-1a2b3", "Pending", False),
    ],
)
def test_events_of_what_a_workload_consists_of_are_its_own(kind: str, name: str, reason: str, expected: bool) -> None:
    event = {"involvedObject": {"name": name}, "reason": reason}
    assert is_about(replace(JOB, name="mine", kind=kind), event) is expected


def test_of_two_refusals_within_a_second_the_last_one_is_told() -> None:
    """Their versions tell which it is, as numbers: 10 comes after 9."""
    moment = "2026-01-01T12:00:05Z"
    events = [
        {"metadata": {"resourceVersion": version}, "lastTimestamp": moment, "message": said}
        for version, said in (("9", "exceeded quota"), ("10", "denied the request"), ("8", "forbidden"))
    ]
    assert last_message(events) == "denied the request"
    assert last_message([]) is None
