"""Views of attempts of several pods, as JobSets, their pods and queues show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from evonas.cluster.state.as_made import as_made
from evonas.cluster.state.attempt_views import view_of
from evonas.cluster.state.readings import Reading
from evonas.cluster.state.records import ContainerState, PodRecord, WorkloadRecord
from evonas.cluster.state.store import Store
from evonas.search.attempt import AttemptPhase, AttemptView, Holding, QueuedReason, Verdict
from evonas.search.settle import settle
from evonas.search.trial import EndedAttempt, TrialState
from evonas.search.trial_report import Report
from evonas.workloads.shape import shape_of
from tests.unit.cluster.objects import trial_record
from tests.unit.cluster.state.gangs import (
    START_TIMEOUT,
    TIMEOUT,
    at,
    complete,
    ended,
    failed,
    gang,
    gang_spec,
    jobset,
    pod,
    running,
    waiting,
)
from tests.unit.search.support import NOW, trial

SPEC = gang_spec()
LOGS = gang_spec(report={"from": "Logs"})
RUNNING = gang(running(), running(), running())


def view(
    record: WorkloadRecord, pods: Iterable[PodRecord], now: float = 0, readings: dict[str, Reading] | None = None
) -> AttemptView:
    spec = SPEC if readings is None else LOGS
    return view_of(as_made(spec.trial, record), record, pods, at(now), readings or {})


def result(seen: AttemptView) -> tuple[Verdict, str]:
    assert seen.phase is AttemptPhase.ENDED
    assert seen.ending is not None
    return seen.ending.verdict, seen.ending.reason


def said(seen: AttemptView) -> str:
    return seen.message if seen.ending is None else seen.ending.message


# --- the start ---


def test_without_pods_it_starts_in_the_words_of_its_engine() -> None:
    seen = view(jobset(message="waiting for the network"), [])
    assert (seen.phase, seen.reason) == (AttemptPhase.QUEUED, QueuedReason.STARTING)
    assert said(seen) == "waiting for the network"
    assert seen.deadline is None
    assert seen.holds_resources


@pytest.mark.parametrize("queue", ["", "team"])
def test_one_that_is_suspended_waits_for_its_queue(queue: str) -> None:
    seen = view(jobset(suspended=True, queue=queue), [])
    assert seen.reason is QueuedReason.QUEUED
    assert ("by queue team" in said(seen)) == bool(queue)
    assert seen.held_since is None


def test_until_all_pods_run_the_trial_is_queued_and_holds_what_is_there() -> None:
    pods = gang(running(-30), running(-30), waiting("ContainerCreating"), scheduled=-40)
    seen = view(jobset(), pods)
    assert (seen.phase, seen.reason) == (AttemptPhase.QUEUED, QueuedReason.STARTING)
    assert said(seen).startswith("2 of 3 pods run; ")
    assert seen.start_time is None
    assert seen.held_since == at(-40)
    assert seen.deadline == at(-40 + START_TIMEOUT)
    assert seen.holdings == (Holding(Fraction(0), at(-40)), *2 * (Holding(Fraction(2), at(-40)),))


def test_a_worker_that_does_not_exist_yet_is_missed() -> None:
    seen = view(jobset(), RUNNING[:2])
    assert seen.phase is AttemptPhase.ENDED
    assert view(jobset(), gang(running(), running(), scheduled=-10)).phase is AttemptPhase.QUEUED


@pytest.mark.parametrize("report", [None, {"from": "Logs"}], ids=["annotation", "logs"])
def test_an_edit_of_the_search_leaves_an_attempt_the_pods_gpus_and_reporter_that_it_was_made_with(
    report: dict[str, str] | None,
) -> None:
    """The search's trials have a driver and two workers; this one was made when they had a leader and a helper."""
    limits = {"resources": {"limits": {"nvidia.com/gpu": "4"}}}

    def group(name: str) -> dict[str, Any]:
        template = {"spec": {"containers": [{"name": "train", **limits}]}}
        return {"name": name, "template": {"spec": {"completions": 1, "template": template}}}

    record = jobset(shape=shape_of({"replicatedJobs": [group("leader"), group("helper")]}))
    leader, helper = (
        pod(name, 0, None, containers={"train": running()}, phase="Running") for name in ("leader", "helper")
    )
    spec = SPEC if report is None else LOGS
    seen = view_of(as_made(spec.trial, record), record, [leader, helper], NOW, {})
    assert (seen.phase, seen.start_time, seen.pod) == (AttemptPhase.RUNNING, at(-100), leader.name)
    assert seen.holdings == 2 * (Holding(Fraction(4), at(-110)),)


@pytest.mark.parametrize("shape", [None, "{}", '{"replicatedJobs": [{"name": "driver"}]}', '{"replicatedJobs": []}'])
def test_an_object_that_nobody_can_read_is_seen_as_the_search_is_now(shape: str | None) -> None:
    assert view(jobset(shape=shape), RUNNING) == view(jobset(), RUNNING)


def test_a_worker_that_finds_no_node_is_named() -> None:
    pods = [*gang(running(), running(), scheduled=-10), pod("workers", 1, None, scheduled=None, unschedulable="no GPU")]
    seen = view(jobset(), pods)
    assert seen.reason is QueuedReason.UNSCHEDULABLE
    assert said(seen) == "2 of 3 pods run; pod workers-1-0: no GPU"
    assert seen.deadline == at(-10 + START_TIMEOUT)


def test_where_no_pod_has_a_node_nothing_is_late() -> None:
    pods = gang(None, None, None, scheduled=None, unschedulable="full", gated=True)
    seen = view(jobset(), pods, now=10 * START_TIMEOUT)
    assert (seen.phase, seen.reason, seen.deadline) == (AttemptPhase.QUEUED, QueuedReason.QUEUED, None)


def test_a_partial_start_fails_after_the_start_timeout() -> None:
    pods = gang(running(-30), running(-30), waiting("CreateContainerConfigError", "no ConfigMap"), scheduled=-40)
    seen = view(jobset(), pods, now=START_TIMEOUT)
    assert result(seen) == (Verdict.BROKEN, "StartFailed")
    assert "pod workers-1-0: CreateContainerConfigError: no ConfigMap" in said(seen)
    assert "startTimeoutSeconds (60)" in said(seen)
    assert seen.end_time == at(-40 + START_TIMEOUT)
    assert seen.must_stop
    assert seen.holds_resources


def test_an_image_that_one_pod_cannot_pull_is_said_and_then_fails_the_attempt() -> None:
    pods = gang(running(-30), running(-30), waiting("ImagePullBackOff", "not found"), scheduled=-40)
    seen = view(jobset(), pods)
    assert seen.reason is QueuedReason.IMAGE_PULL
    assert "pod workers-1-0: ImagePullBackOff: not found" in said(seen)
    assert result(view(jobset(), pods, now=START_TIMEOUT)) == (Verdict.BROKEN, "ImagePullFailed")


def test_what_never_cures_itself_ends_it_at_once() -> None:
    seen = view(jobset(), gang(running(-5), running(-5), waiting("InvalidImageName", "bad"), scheduled=-10))
    assert result(seen) == (Verdict.BROKEN, "ImagePullFailed")
    assert seen.must_stop


# --- while it runs ---


def test_the_time_begins_once_all_pods_run() -> None:
    seen = view(jobset(), gang(running(-90), running(-50), running(-70)))
    assert seen.phase is AttemptPhase.RUNNING
    assert seen.start_time == at(-50)
    assert seen.deadline == at(-50 + TIMEOUT)
    assert (seen.pod, seen.node) == ("driver-0-0", "node-of-driver-0-0")
    assert seen.held_since == at(-110)


def test_a_worker_that_has_ended_well_counts_as_running() -> None:
    assert view(jobset(), gang(running(), ended(0), running())).phase is AttemptPhase.RUNNING


def test_it_takes_too_long_from_the_moment_that_all_ran() -> None:
    seen = view(jobset(), gang(running(-300), running(-200), running(-300)), now=TIMEOUT - 200)
    assert result(seen) == (Verdict.USELESS, "DeadlineExceeded")
    assert "timeoutSeconds (600)" in said(seen)
    assert seen.end_time == at(TIMEOUT - 200)
    assert seen.must_stop


def test_the_engines_own_limit_is_named() -> None:
    seen = view(failed("DeadlineExceeded", "Job was active longer than specified deadline"), [])
    assert result(seen) == (Verdict.USELESS, "DeadlineExceeded")
    assert "JobSet took longer than its own activeDeadlineSeconds: Job was active longer" in said(seen)
    assert "timeoutSeconds" not in said(seen)


def test_the_limit_of_a_pod_is_named() -> None:
    late = pod("workers", 1, ended(137), reason="DeadlineExceeded")
    seen = view(failed(), [*RUNNING[:2], late])
    assert result(seen) == (Verdict.USELESS, "DeadlineExceeded")
    assert "pod workers-1-0 took longer" in said(seen)


# --- the result ---


def test_the_result_counts_as_soon_as_the_reporter_has_ended_while_others_run() -> None:
    pods = gang(ended(0, message='{"reward": 0.5}'), running(), running())
    seen = view(jobset(), pods)
    assert result(seen)[0] is Verdict.REPORTED
    assert seen.ending is not None
    assert seen.ending.report == Report(reward=0.5)
    assert seen.end_time == at(-10)
    assert seen.holds_resources
    assert not seen.must_stop


def test_nothing_is_held_once_the_workload_is_over_and_its_pods_have_ended() -> None:
    pods = gang(ended(0, message='{"reward": 0.5}'), ended(0), ended(0))
    assert not view(complete(), pods).holds_resources
    assert view(complete(), [*pods[:2], RUNNING[2]]).holds_resources
    assert not view(complete(), [*pods[:2], replace(RUNNING[2], gone=True)]).holds_resources


def test_a_report_by_annotation_of_the_reporter_counts_and_no_other() -> None:
    said: dict[str, Any] = {"annotations": {"evonas.dev/reward": "0.7"}}
    pods = [pod("driver", 0, ended(0), **said), *RUNNING[1:]]
    ending = view(jobset(), pods).ending
    assert ending is not None
    assert ending.report == Report(reward=0.7)
    pods = [RUNNING[0], pod("workers", 0, ended(0), **said), RUNNING[2]]
    assert view(jobset(), pods).phase is AttemptPhase.RUNNING


def test_a_reporter_that_says_nothing_fails_the_trial() -> None:
    seen = view(jobset(), gang(ended(0), running(), running()))
    settled = settle(SPEC, trial(0), seen)
    assert settled.state is TrialState.FAILED
    assert "reported nothing" in settled.message


def test_a_workload_that_is_complete_without_a_result_is_tried_again() -> None:
    seen = view(complete(), gang(running(), ended(0), ended(0))[1:])
    assert result(seen) == (Verdict.BROKEN, "ResultMissing")
    assert said(seen) == "the JobSet is complete, but the pod that reports has left no result"


def test_an_annotation_counts_where_the_workload_is_complete_before_the_container_is_seen_to_end() -> None:
    driver = pod("driver", 0, running(), annotations={"evonas.dev/reward": "0.7"})
    ending = view(complete(), [driver, *RUNNING[1:]]).ending
    assert ending is not None
    assert ending.report == Report(reward=0.7)


# --- failures ---


def test_a_reporter_says_that_the_candidate_is_infeasible() -> None:
    seen = view(jobset(), gang(ended(65, message="diverged"), running(), running()))
    assert result(seen) == (Verdict.INFEASIBLE, "Infeasible")


def test_a_worker_says_that_the_candidate_is_infeasible_and_ends_the_trial() -> None:
    seen = view(jobset(), gang(running(), running(), ended(65, message='{"infeasible": "too large"}')))
    assert result(seen) == (Verdict.INFEASIBLE, "Infeasible")
    assert said(seen) == "pod workers-1-0: too large"
    assert seen.must_stop
    assert seen.end_time == at(-10)


def test_an_infeasible_candidate_is_not_started_again_by_its_engine() -> None:
    first = gang(ended(143, -8), ended(65, message="too large"), running(), deleted=True)
    second = gang(waiting("ContainerCreating"), None, None, start=1, created=-5)
    assert result(view(jobset(), [*first, *second])) == (Verdict.INFEASIBLE, "Infeasible")


def test_a_worker_that_fails_is_waited_for_until_its_engine_says_what_follows() -> None:
    pods = gang(running(-500), running(-500), ended(1, -1, since=-500), scheduled=-510)
    seen = view(jobset(), pods)
    assert (seen.phase, seen.reason) == (AttemptPhase.QUEUED, QueuedReason.DISRUPTED)
    assert said(seen) == "2 of 3 pods run; pod workers-1-0 exited with code 1; its JobSet decides what follows"
    assert seen.deadline == at(-1 + START_TIMEOUT)


def test_a_workload_that_failed_names_the_first_pod_that_did_and_its_last_words() -> None:
    pods = gang(
        ended(1, -5, message="connection lost"),
        ended(1, -9, message="Traceback\nValueError: no data", reason="Error"),
        ended(143, -4),
    )
    seen = view(failed(), pods)
    assert result(seen) == (Verdict.BROKEN, "NonZeroExitCode")
    assert said(seen) == "pod workers-0-0: the container exited with code 1: ValueError: no data"


def test_a_pod_whose_node_does_not_tell_when_it_was_ended_is_not_the_first_that_failed() -> None:
    killed = ContainerState(exit_code=137, reason="ContainerStatusUnknown")
    pods = gang(killed, ended(1, -9, message="no data"), running(), deleted=True)
    assert said(view(failed(), pods)) == "pod workers-0-0: the container exited with code 1: no data"


def test_what_a_pod_held_that_lost_its_container_does_not_grow_and_its_successor_must_start_in_time() -> None:
    """A node that evicts a pod for what it has written may not tell when its container had ended, and the pod stays."""
    unknown = ContainerState(exit_code=137, reason="ContainerStatusUnknown")
    evicted = pod("workers", 0, unknown, disrupted="TerminationByKubelet", disrupted_at=at(-101), terminated=at(-100))
    successor = pod("workers", 0, waiting("ContainerCreating"), created=-99, scheduled=-98, name="successor")
    others = [RUNNING[0], RUNNING[2]]
    seen = view(jobset(), [*others, evicted, successor], now=-50)
    assert (seen.phase, seen.deadline) == (AttemptPhase.QUEUED, at(-100 + START_TIMEOUT))
    again = view(jobset(), [*others, evicted, successor], now=-45)
    assert (again.holdings, again.disruptions, again.deadline) == (seen.holdings, seen.disruptions, seen.deadline)


def test_of_one_that_was_killed_for_memory_that_is_the_reason() -> None:
    seen = view(failed(), gang(running(), ended(137, reason="OOMKilled"), running()))
    assert result(seen) == (Verdict.BROKEN, "OOMKilled")


def test_a_failure_of_its_reporter_is_said_without_its_name() -> None:
    seen = view(failed(), gang(ended(3, message="bad flag"), running(), running()))
    assert said(seen) == "the container exited with code 3: bad flag"


def test_the_failure_is_that_of_the_last_start() -> None:
    first = gang(running(), ended(1, -80, message="first"), running(), deleted=True, created=-300)
    second = gang(running(), ended(2, -20, message="second", since=-60), running(), start=1, created=-70)
    seen = view(failed("ReachedMaxRestarts", "too many restarts"), [*first, *second])
    assert said(seen) == "pod workers-0-1: the container exited with code 2: second"


def test_without_a_failed_pod_the_engine_says_why() -> None:
    seen = view(failed("FailedJobs", "no job could be created"), [])
    assert result(seen) == (Verdict.BROKEN, "FailedJobs")
    assert said(seen) == "no job could be created"


def test_a_pod_that_somebody_deleted_for_good_is_named() -> None:
    pods = [*RUNNING[:2], pod("workers", 1, ended(137), deleted=True)]
    seen = view(failed(), pods)
    assert result(seen) == (Verdict.BROKEN, "PodDeleted")
    assert said(seen) == "somebody deleted the pod workers-1-0"


# --- losses ---


def drained(*, over: bool = True, **fields: Any) -> PodRecord:
    state = ended(137, -20, since=-400) if over else running(-400)
    told: dict[str, Any] = {"disrupted": "DeletionByTaintManager", "disruption_message": "node gone", "deleted": True}
    return pod("workers", 1, state, created=-420, scheduled=-410, **{**told, **fields})


OLD = gang(running(-400), running(-400), created=-420, scheduled=-410)


def test_a_worker_that_is_lost_makes_the_attempt_wait_for_its_successor() -> None:
    seen = view(jobset(), [*OLD, drained()])
    assert (seen.phase, seen.reason) == (AttemptPhase.QUEUED, QueuedReason.DISRUPTED)
    assert said(seen) == "2 of 3 pods run; a pod that was lost is being replaced"
    assert seen.deadline == at(-20 + START_TIMEOUT)
    (disruption,) = seen.disruptions
    assert (disruption.pod, disruption.reason) == ("workers-1-0", "DeletionByTaintManager")
    assert disruption.message == "pod workers-1-0: node gone"
    assert disruption.end_time == at(-20)


def test_one_that_still_runs_is_no_disruption_yet() -> None:
    assert view(jobset(), [*OLD, drained(over=False)]).disruptions == ()


def test_once_it_is_replaced_the_attempt_runs_with_its_full_time() -> None:
    successor = pod("workers", 1, running(-5), created=-15, name="workers-1-0-again")
    seen = view(jobset(), [*OLD, drained(), successor])
    assert seen.phase is AttemptPhase.RUNNING
    assert seen.start_time == at(-5)
    assert seen.deadline == at(-5 + TIMEOUT)
    assert len(seen.disruptions) == 1
    assert Holding(Fraction(2), at(-410), at(-20)) in seen.holdings
    assert len(seen.holdings) == 4


def test_a_worker_that_was_replaced_within_the_same_second_is_known_by_leaving() -> None:
    first = pod("workers", 1, running(-5), created=-15, name="z", deleted=True)
    for name in ("a", "zz"):
        second = pod("workers", 1, running(-5), created=-15, name=name)
        assert view(jobset(), [*OLD, second, first]).phase is AttemptPhase.RUNNING


def test_a_restart_of_the_whole_is_one_disruption() -> None:
    first = gang(ended(143, -8), ended(1, -10, message="lost peer"), ended(143, -9), deleted=True, created=-300)
    second = gang(running(-2), running(-3), running(-1), start=1, created=-5)
    seen = view(jobset(), [*first, *second])
    assert seen.phase is AttemptPhase.RUNNING
    (disruption,) = seen.disruptions
    assert (disruption.pod, disruption.reason) == ("workers-0-0", "PodFailed")
    assert disruption.message == "pod workers-0-0 exited with code 1; 3 of its 3 pods were lost together"
    assert disruption.end_time == at(-8)


def test_a_pod_that_was_lost_and_replaced_is_not_what_a_later_failure_is_blamed_on() -> None:
    lost = pod("workers", 1, ended(143, -300, since=-400), created=-420, deleted=True, gone=True, gone_at=at(-299))
    successor = pod("workers", 1, ended(1, -5, "no data", since=-280), created=-290, name="successor")
    seen = view(failed(), [*OLD, lost, successor])
    assert said(seen) == "pod successor: the container exited with code 1: no data"


def test_of_pods_that_ended_within_one_second_the_one_that_failed_was_the_cause() -> None:
    """The engine ends the others as soon as it sees that, and a deletion without grace ends a pod at once."""
    worker = pod("workers", 0, ended(1, -10), created=-300, deleted=True)
    others = [
        pod(group, index, running(), created=-300, deletion=at(-10), gone=True, gone_at=at(-10))
        for group, index in (("driver", 0), ("workers", 1))
    ]
    second = gang(running(-2), running(-3), running(-1), start=1, created=-5)
    (disruption,) = view(jobset(), [*others, worker, *second]).disruptions
    assert (disruption.reason, disruption.end_time) == ("PodFailed", at(-10))


def test_while_a_pod_of_the_former_start_goes_on_the_restart_is_not_counted() -> None:
    first = gang(running(), ended(1, -10), ended(143, -9), deleted=True, created=-300)
    second = gang(waiting("ContainerCreating"), None, None, start=1, created=-5)
    assert view(jobset(), [*first, *second]).disruptions == ()


def test_a_disruption_is_counted_once_though_its_pods_vanish() -> None:
    first = gang(ended(143, -8), ended(1, -10), ended(143, -9), deleted=True, created=-300)
    second = gang(running(-2), running(-3), running(-1), start=1, created=-5)
    settled = trial(0)
    for visible in (first, first, first[1:], first[2:], first[:1], []):
        settled = settle(SPEC, settled, view(jobset(), [*visible, *second]))
    assert settled.disruptions == 1


def test_pods_that_an_engine_ends_within_the_second_of_a_disruption_on_record_are_no_other_one() -> None:
    """Of what ended within one second, a restart's loss may be known by another pod than the disruption was."""
    first = settle(SPEC, trial(0), view(jobset(), [*OLD, drained()]))
    former: dict[str, Any] = {"created": -420, "scheduled": -410, "gone": True}
    worker = pod("workers", 0, running(-400), **former, deletion=at(-20), gone_at=at(-20))
    driver = pod("driver", 0, running(-400), **former, deletion=at(-18), gone_at=at(-18))
    second = gang(running(-2), running(-3), running(-1), start=1, created=-5)
    seen = view(jobset(), [drained(), worker, driver, *second])
    (disruption,) = seen.disruptions
    assert disruption.pod == worker.name != first.attempts[0].pod
    assert settle(SPEC, first, seen).disruptions == first.disruptions == 1


def test_each_restart_is_a_disruption() -> None:
    first = gang(ended(1, -200, since=-250), ended(143, -198), ended(143, -199), deleted=True, created=-300)
    second = gang(ended(1, -50, since=-150), ended(143, -48), ended(143, -49), start=1, deleted=True, created=-180)
    third = gang(running(-5), running(-5), running(-5), start=2, created=-20)
    seen = view(jobset(), [*third, *first, *second])
    assert [each.end_time for each in seen.disruptions] == [at(-198), at(-48)]


def test_two_workers_on_a_lost_node_are_one_disruption() -> None:
    pods = [OLD[0], drained(), replace(drained(name="other"), labels=OLD[1].labels)]
    (disruption,) = view(jobset(), pods).disruptions
    assert "2 of its 3 pods were lost together" in disruption.message


def test_two_workers_that_are_lost_one_after_the_other_are_two() -> None:
    again = pod("workers", 1, running(-15), created=-18, name="again")
    later = pod("workers", 0, ended(137, -4), created=-420, name="later", deleted=True, disrupted="Preempted")
    seen = view(jobset(), [OLD[0], drained(), again, later])
    assert [each.pod for each in seen.disruptions] == ["workers-1-0", "later"]


def evicted(since: float = -20) -> PodRecord:
    """A worker that was evicted, and had some seconds to end."""
    return drained(disrupted="EvictionByEvictionAPI", disrupted_at=at(since), gone=True, gone_at=at(-18))


def peers(end: float = -19, since: float = -400) -> list[PodRecord]:
    """The others, which have lost it."""
    return gang(ended(1, end, "connection reset", since=since), ended(1, end + 1, since=since), created=-420)


def test_one_that_fails_because_a_pod_was_disrupted_is_made_again_under_the_same_attempt() -> None:
    """Processes that train together do not outlive one of them, and an Indexed Job replaces only that one."""
    pods = [*peers(), evicted(), pod("workers", 1, None, created=-17, scheduled=None, name="late", deleted=True)]
    seen = view(failed("BackoffLimitExceeded"), pods)
    assert (seen.phase, seen.reason, seen.must_stop) == (AttemptPhase.QUEUED, QueuedReason.DISRUPTED, True)
    assert said(seen) == ("its JobSet failed when pod workers-1-0 was lost (EvictionByEvictionAPI), and is made again")
    waits = settle(SPEC, trial(0), seen)
    assert [(each.number, each.reason, each.disrupted) for each in waits.attempts] == [
        (1, "EvictionByEvictionAPI", True)
    ]
    again = [replace(each, name=f"again-{each.name}", uid=f"again-{each.name}") for each in RUNNING]
    again = [replace(each, created=at(-10), containers={"trial": running(-5)}) for each in again]
    gone = [replace(each, gone=True, gone_at=each.gone_at or at(-12)) for each in pods]
    runs = settle(SPEC, waits, view(jobset(created=at(-11)), [*gone, *again]))
    assert (runs.state, runs.disruptions, runs.attempts) == (TrialState.RUNNING, 1, waits.attempts)


def test_pods_that_fail_once_the_lost_one_was_replaced_are_still_the_same_loss() -> None:
    """They may notice only after a timeout, when its successor runs and waits for them."""
    successor = pod("workers", 1, ended(143, -2, since=-15), created=-17, name="successor", deleted=True)
    listed = [*peers(end=-3), evicted(), successor]
    seen = view(failed("BackoffLimitExceeded"), listed)
    assert seen.must_stop
    first = settle(SPEC, trial(0), seen)
    gone = [replace(each, gone=True, gone_at=at(-1)) for each in listed]
    assert settle(SPEC, first, view(jobset(created=at(0)), gone)).disruptions == 1


@pytest.mark.parametrize(
    ("others", "why"),
    [
        (peers(end=-25), "they had failed before it was evicted"),
        (peers(since=-15, end=-5), "they began after that"),
    ],
)
def test_one_that_fails_without_regard_to_a_disruption_has_failed(others: list[PodRecord], why: str) -> None:
    seen = view(failed("BackoffLimitExceeded"), [*others, evicted()])
    assert result(seen) == (Verdict.BROKEN, "NonZeroExitCode"), why
    assert settle(gang_spec(retries=0), trial(0), seen).state is TrialState.FAILED


def test_what_is_on_record_of_a_disruption_counts_when_its_pod_is_gone() -> None:
    """An operator that has started since knows nothing of that pod."""
    told = settle(SPEC, trial(0), view(jobset(), [*peers(), evicted()])).attempts
    record, pods = failed("BackoffLimitExceeded"), peers()

    def again(attempts: Iterable[EndedAttempt]) -> bool:
        return view_of(SPEC.trial, record, pods, NOW, {}, tuple(attempts)).must_stop

    assert again(told)
    assert not again(())
    assert not again(replace(each, number=2) for each in told)
    assert not again(replace(each, disrupted=False) for each in told)
    # Others that fail again and again because one of them does say something about the candidate.
    assert not again(replace(each, reason="PodFailed") for each in told)
    assert not again(replace(each, completion_time=at(-401)) for each in told)


def test_what_followed_a_disruption_on_record_is_not_told_as_another() -> None:
    """Neither by the operator that has made the workload again, nor where its engine replaces each pod that fails."""
    first = settle(SPEC, trial(0), view(jobset(), [*peers(), evicted()]))
    gone = [replace(each, gone=True, gone_at=at(-1)) for each in peers()]
    replaced = pod("workers", 1, None, created=-17, scheduled=None, name="late", gone=True, gone_at=at(-1))
    again = view_of(SPEC.trial, jobset(created=at(0)), [*gone, replaced], NOW, {}, first.attempts)
    assert settle(SPEC, first, again).disruptions == 1
    successors = [replace(each, name=f"s-{each.name}", uid=f"s-{each.name}", created=at(-10)) for each in RUNNING]
    assert view_of(SPEC.trial, jobset(), [*gone, *successors], NOW, {}, first.attempts).disruptions == ()
    # Somebody who deletes the workload later ends what still runs.
    ends = [replace(each, containers={"trial": ended(143, -1, since=-400)}, deletion=at(-1)) for each in gone]
    deleted = view_of(SPEC.trial, jobset(created=at(0)), ends, NOW, {}, first.attempts)
    assert [each.reason for each in deleted.disruptions] == ["WorkloadDeleted"]


def test_a_policy_that_ends_a_workload_for_a_disruption_costs_no_retry() -> None:
    pods = [*gang(ended(143, -4), ended(143, -4), deleted=True), drained(disrupted_at=at(-21))]
    assert view(failed("FailJobSet"), pods).must_stop
    assert result(view(failed("DeadlineExceeded"), pods)) == (Verdict.USELESS, "DeadlineExceeded")


def test_a_workload_that_a_queue_suspends_is_disrupted_once_and_waits() -> None:
    pods = gang(ended(143, -5), ended(143, -6), ended(143, -7), deleted=True)
    waits = view(jobset(suspended=True, queue="team"), pods)
    assert (waits.phase, waits.reason) == (AttemptPhase.QUEUED, QueuedReason.QUEUED)
    assert said(waits) == "waits for admission by queue team"
    assert waits.held_since is None
    (disruption,) = waits.disruptions
    assert (disruption.reason, disruption.end_time) == ("WorkloadSuspended", at(-5))
    again = gang(running(-1), running(-1), running(-1), created=-3, name="again", scheduled=-2)
    again = [replace(each, name=f"again-{position}", uid=f"again-{position}") for position, each in enumerate(again)]
    runs = view(jobset(), [*pods, *again])
    assert runs.phase is AttemptPhase.RUNNING
    assert [each.pod for each in runs.disruptions] == [disruption.pod]
    settled = settle(SPEC, settle(SPEC, trial(0), waits), runs)
    assert (settled.disruptions, settled.state) == (1, TrialState.RUNNING)
    # Two workers with two GPUs each, from being scheduled to their end.
    assert settled.gpu_seconds == 2 * (110 - 6) + 2 * (110 - 7)


def test_a_workload_that_was_deleted_and_made_again_goes_on_with_new_pods() -> None:
    former = gang(ended(143, -35), ended(143, -36), ended(143, -37), gone=True)
    seen = view(jobset(created=at(-30)), [*former, *gang(running(-5), running(-5), running(-5), created=-20, start=0)])
    assert seen.phase is AttemptPhase.RUNNING
    (disruption,) = seen.disruptions
    assert disruption.reason == "WorkloadDeleted"
    assert disruption.message.startswith("somebody deleted its JobSet")


def test_a_pod_that_was_evicted_before_its_workload_was_made_again_is_told_as_evicted() -> None:
    evicted = pod("workers", 1, ended(143, -36), gone=True, disrupted="Preempted")
    former = [*gang(ended(143, -35), ended(143, -35), gone=True), evicted]
    seen = view(jobset(created=at(-30)), [*former, *gang(running(-5), running(-5), running(-5), created=-20)])
    assert [each.reason for each in seen.disruptions] == ["Preempted"]


def test_pods_that_a_slower_clock_dates_before_their_workload_are_its_own() -> None:
    pods = gang(running(-5), running(-5), running(-5), created=-21)
    assert view(jobset(created=at(-20)), pods).phase is AttemptPhase.RUNNING


def test_a_workload_deleted_and_made_again_within_a_second_is_told_from_the_one_before() -> None:
    # The store dates what it is told.
    now = float(round((datetime.now(UTC) - NOW).total_seconds()))
    store = Store()
    store.put_trial(trial_record(trial(0)))
    store.put_workload(jobset(created=at(now)))
    for each in gang(running(now), running(now), running(now), created=now, scheduled=now):
        store.put_pod(each)
        store.drop_pod(replace(each, version=2))
    store.drop_workload(jobset(version=2))
    store.put_workload(jobset(created=at(now), uid="again", version=3))
    for each in gang(running(now), running(now), running(now), created=now, scheduled=now):
        store.put_pod(replace(each, name=f"again-{each.name}", uid=f"again-{each.uid}", version=4))

    def told() -> list[str]:
        children = store.children("u")
        seen = view(children.workloads[0, 1], children.pods[0, 1].values(), now=now + 2)
        return sorted(each.reason for each in seen.disruptions)

    assert told() == ["WorkloadDeleted"]
    # What is lost of the one that is there now is not.
    lost = next(each for each in store.children("u").pods[0, 1].values() if not each.gone)
    store.drop_pod(replace(lost, version=5))
    store.put_pod(replace(lost, name="successor", uid="successor", version=6))
    assert told() == ["PodDeleted", "WorkloadDeleted"]


def test_a_workload_that_a_late_event_brings_back_has_its_own_pods() -> None:
    """What one was like before the operator deleted it may be told after that."""
    now = (datetime.now(UTC) - NOW).total_seconds()
    store = Store()
    store.put_trial(trial_record(trial(0)))
    record = failed(created=at(now - 60))
    store.put_workload(record)
    told: dict[str, Any] = {"disrupted": "Preempted", "disrupted_at": at(now - 5)}
    for each in gang(*(3 * [running(now - 40)]), created=now - 50, scheduled=now - 45):
        lost = replace(each, **told) if each.name == "workers-1-0" else each
        store.put_pod(lost)
        store.drop_pod(replace(lost, version=2))
    children = store.children("u")
    assert view(record, children.pods[0, 1].values(), now=now).must_stop
    store.drop_workload(record)
    store.put_workload(record)
    assert view(record, children.pods[0, 1].values(), now=now).must_stop


def test_a_reporter_that_had_reported_before_its_node_was_drained_has_a_result() -> None:
    told: dict[str, Any] = {"disrupted": "Preempted", "deleted": True}
    pods = [pod("driver", 0, ended(0, message='{"reward": 0.5}'), **told), *RUNNING[1:]]
    seen = view(jobset(), pods)
    assert result(seen)[0] is Verdict.REPORTED
    assert seen.disruptions == ()


def test_pods_that_are_deleted_after_the_workload_is_over_are_no_disruption() -> None:
    pods = gang(ended(1, -5, message="mine"), ended(143, -4), ended(143, -4), deleted=True)
    seen = view(failed(), pods)
    assert seen.disruptions == ()
    assert said(seen).endswith("mine")


def test_a_container_that_is_restarted_in_its_pod_is_waited_for() -> None:
    back_off = replace(waiting("CrashLoopBackOff", "back-off"), last=ended(1, -3))
    seen = view(jobset(), gang(running(-500), running(-500), back_off, scheduled=-510))
    assert (seen.phase, seen.reason) == (AttemptPhase.QUEUED, QueuedReason.CONTAINER_CONFIG)
    assert seen.deadline == at(-3 + START_TIMEOUT)


def test_pods_that_an_engine_deletes_before_it_says_that_the_workload_has_failed_are_no_disruption() -> None:
    """Kubernetes' Job controller does so, and says Failed once they are gone."""
    pods = gang(ended(143, -4), ended(1, -5, message="mine"), running(), deleted=True)
    pods = [pods[0], replace(pods[1], deletion=None), replace(pods[2], gone=True)]
    seen = view(jobset(reason="BackoffLimitExceeded"), pods)
    assert (seen.phase, seen.disruptions) == (AttemptPhase.QUEUED, ())
    settled = settle(SPEC, settle(SPEC, trial(0), seen), view(failed("BackoffLimitExceeded"), pods))
    assert [(each.number, each.reason) for each in settled.attempts] == [(1, "NonZeroExitCode")]
    assert settled.disruptions == 0


# --- what is printed ---


def test_a_result_that_is_printed_is_read_to_its_end_first() -> None:
    pods = gang(ended(0, -400), ended(1, -300), running(-5000), scheduled=-5100)
    unread = view(jobset(), pods, readings={})
    assert (unread.phase, unread.deadline) == (AttemptPhase.RUNNING, None)
    assert view(complete(), pods, readings={"driver-0-0": Reading()}).phase is AttemptPhase.RUNNING
    read = view(jobset(), pods, readings={"driver-0-0": Reading(report=Report(reward=0.4))})
    assert read.ending is not None
    assert read.ending.report == Report(reward=0.4)
    lost = view(jobset(), pods, readings={"driver-0-0": Reading(lost="the log is gone")})
    assert result(lost) == (Verdict.BROKEN, "OutputLost")


def test_what_a_worker_prints_is_no_result() -> None:
    pods = gang(running(), ended(0), running())
    readings = {"workers-0-0": Reading(report=Report(reward=0.4))}
    assert view(jobset(), pods, readings=readings).phase is AttemptPhase.RUNNING


def test_the_clock_is_not_read() -> None:
    later = view(jobset(), RUNNING, now=5)
    assert later.start_time == view(jobset(), RUNNING).start_time
    assert later.deadline == NOW - timedelta(seconds=100) + timedelta(seconds=TIMEOUT)
