"""Whatever pods a workload has had: each is current or lost, and their order does not matter."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from evonas.cluster.state.crowd import gather, telling_pods
from evonas.cluster.state.disruptions import disruptions_of
from evonas.cluster.state.records import PodRecord, WorkloadRecord
from evonas.cluster.state.workload_view import view_workload
from evonas.search.attempt import AttemptPhase
from evonas.search.settle import settle
from evonas.search.trial import Trial
from tests.unit.cluster.state.gangs import CREATED, TIMEOUT, at, ended, failed, gang_spec, jobset, pod, running, waiting
from tests.unit.search.support import NOW, trial

SPEC = gang_spec()
PLACES = [("driver", 0), ("workers", 0), ("workers", 1)]
RECORDS = st.sampled_from([jobset(), jobset(suspended=True), failed(), jobset(created=at(-150))])


@st.composite
def pods(draw: st.DrawFn) -> PodRecord:
    """Any pod of the JobSet, or of its predecessor."""
    group, index = draw(st.sampled_from(PLACES))
    created = draw(st.integers(-300, -60))
    since = created + draw(st.integers(0, 20))
    end = since + draw(st.integers(0, 30))
    state = draw(
        st.sampled_from(
            [None, waiting("ContainerCreating"), running(since)]
            + [ended(code, end, since=since) for code in (0, 1, 65, 143)]
        )
    )
    made = pod(
        group,
        index,
        state,
        start=draw(st.integers(0, 2)),
        created=created,
        scheduled=draw(st.sampled_from([None, since])) if state is None else since,
        deleted=draw(st.booleans()),
        gone=draw(st.booleans()),
        disrupted=(disrupted := draw(st.sampled_from([None, "Preempted"]))),
        disrupted_at=at(draw(st.integers(since, end))) if disrupted else None,
    )
    return replace(made, name=f"p{draw(st.integers(0, 10**9))}", uid=str(draw(st.integers(0, 10**9))))


CROWDS = st.lists(pods(), max_size=8, unique_by=lambda each: each.name)


@given(RECORDS, CROWDS)
def test_each_pod_is_current_or_lost(record: WorkloadRecord, listed: list[PodRecord]) -> None:
    crowd = gather(SPEC.trial, record, listed, NOW)
    assert sorted(member.pod.name for member in crowd.members) == sorted(each.name for each in listed)
    places = [(member.place.group, member.place.rank) for member in crowd.current]
    assert len(places) == len({*places})
    assert all(member.is_own and member.place.start == crowd.start for member in crowd.current)
    assert crowd.running <= crowd.expected == 3
    assert crowd.reporter is None or crowd.reporter in (crowd.members if record.is_finished else crowd.current)


@given(RECORDS, CROWDS, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(record: WorkloadRecord, listed: list[PodRecord], random: Random) -> None:
    shuffled = [*listed]
    random.shuffle(shuffled)
    assert gather(SPEC.trial, record, listed, NOW) == gather(SPEC.trial, record, shuffled, NOW)
    assert view_workload(SPEC.trial, record, listed, NOW) == view_workload(SPEC.trial, record, shuffled, NOW)


@given(RECORDS, CROWDS)
def test_each_loss_is_a_disruption_of_its_own(record: WorkloadRecord, listed: list[PodRecord]) -> None:
    crowd = gather(SPEC.trial, record, listed, NOW)
    disruptions = disruptions_of(record, crowd, NOW)
    assert len({each.pod for each in disruptions}) == len(disruptions) <= len(crowd.lost)
    assert [each.end_time for each in disruptions] == sorted(each.end_time for each in disruptions)
    assert all(each.end_time <= NOW for each in disruptions)


@given(RECORDS, CROWDS)
def test_seeing_the_same_again_changes_nothing(record: WorkloadRecord, listed: list[PodRecord]) -> None:
    view = view_workload(SPEC.trial, record, listed, NOW)
    once = settle(SPEC, trial(0), view)
    if view.phase is not AttemptPhase.ENDED:
        assert settle(SPEC, once, view) == once
    forgetful = view_workload(SPEC.trial, record, listed[1:], NOW)
    if forgetful.phase is not AttemptPhase.ENDED:
        again = settle(SPEC, once, forgetful)
        assert again.gpu_seconds >= once.gpu_seconds


@given(CROWDS)
def test_charges_are_what_its_pods_held(listed: list[PodRecord]) -> None:
    seen = view_workload(SPEC.trial, jobset(), listed, NOW)
    if seen.phase is AttemptPhase.ENDED and seen.end_time is not None:
        held = sum(
            (
                one.gpus * max(Fraction(0), Fraction((min(one.until or NOW, NOW) - one.since).total_seconds()))
                for one in seen.holdings
            ),
            Fraction(),
        )
        assert settle(SPEC, trial(0), seen).gpu_seconds <= held + len(seen.disruptions) + 1


STARTS = st.lists(st.integers(-TIMEOUT // 20, 0), min_size=3, max_size=3)


@given(STARTS, st.integers(0, 3 * TIMEOUT))
def test_an_attempt_without_losses_is_never_charged_more_than_its_worst(starts: list[int], now: int) -> None:
    """Seen by the first pass after its deadline, however late."""
    listed = [
        pod(group, index, running(since), created=since - 20, scheduled=since - 20)
        for (group, index), since in zip(PLACES, starts, strict=True)
    ]
    view = view_workload(SPEC.trial, jobset(), listed, at(now))
    if view.phase is AttemptPhase.ENDED:
        assert settle(SPEC, Trial(0, {"a": 0}, trial(0).proposal), view).gpu_seconds <= SPEC.trial.worst_gpu_seconds


def test_pods_of_other_workloads_do_not_count() -> None:
    helper = replace(pod("workers", 0, running()), labels={"team": "vision"})
    other = pod("evaluators", 0, running())
    assert gather(SPEC.trial, jobset(), [helper, other], NOW).members == ()


def test_only_the_pod_at_the_reporters_place_reports() -> None:
    listed = [pod(group, index, running(), created=CREATED + 1) for group, index in PLACES]
    again = pod("driver", 0, running(), start=1)
    assert telling_pods(SPEC.trial, [*listed, again]) == [(listed[0], "trial"), (again, "trial")]


def test_pods_of_a_former_start_are_one_loss_however_late_they_are_seen_to_be_gone() -> None:
    """JobSet deletes them and makes the next ones at once, which may run before the last of the former is gone."""
    worker = pod("workers", 1, ended(137, -50), disrupted="TerminationByKubelet")
    others = [
        pod(group, index, running(), gone=True, gone_at=at(-20)) for group, index in (("driver", 0), ("workers", 0))
    ]
    again = [pod(group, index, running(-40), start=1, created=-45, scheduled=-45) for group, index in PLACES]
    crowd = gather(SPEC.trial, jobset(), [worker, *others, *again], NOW)
    assert [len(loss) for loss in crowd.lost] == [3]
    (disruption,) = disruptions_of(jobset(), crowd, NOW)
    assert (disruption.pod, disruption.end_time) == (worker.name, at(-20))
