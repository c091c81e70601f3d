"""What trials of several pods are charged: each pod's GPUs for as long as it held them, whatever is lost meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from evonas.search.attempt import AttemptPhase, AttemptView, Disruption, Ending, Holding, Verdict
from evonas.search.settle import settle
from evonas.search.trial import Trial
from evonas.search.trial_report import Report
from tests.unit.search.support import NOW, search_spec, trial

SPEC = search_spec(gpus=1)
SHARES = st.sampled_from([Fraction(0), Fraction(1), Fraction(8), Fraction(3, 7)])
SECONDS = st.integers(0, 100_000)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def lost(pod: str, end: float) -> Disruption:
    return Disruption(pod, "Preempted", "", None, NOW, NOW, at(end))


def running(holdings: tuple[Holding, ...], *disruptions: Disruption) -> AttemptView:
    return AttemptView(1, AttemptPhase.RUNNING, held_since=NOW, holdings=holdings, disruptions=disruptions)


def ended(view: AttemptView, end: float) -> AttemptView:
    ending = Ending(Verdict.REPORTED, report=Report(reward=1.0))
    return replace(view, phase=AttemptPhase.ENDED, end_time=at(end), ending=ending)


def charged(*views: AttemptView) -> Trial:
    settled = trial(0)
    for view in views:
        settled = settle(SPEC, settled, view)
    return settled


@st.composite
def holdings(draw: st.DrawFn) -> Holding:
    since = draw(SECONDS)
    until = draw(st.none() | st.integers(since, 100_000))
    return Holding(draw(SHARES), at(since), None if until is None else at(until))


@given(st.lists(holdings(), min_size=1, max_size=6), st.lists(SECONDS, max_size=4, unique=True), st.data())
def test_the_sum_is_exact_however_often_pods_are_lost(
    held: list[Holding], ends: list[int], data: st.DataObject
) -> None:
    view = running(tuple(held), *(lost(f"p{end}", end) for end in sorted(ends)))
    seen = [replace(view, disruptions=view.disruptions[:count]) for count in range(len(ends) + 1)]
    # Passes may miss some, and see each of them more than once.
    chosen = data.draw(st.lists(st.sampled_from(seen), max_size=6).map(lambda views: sorted(views, key=_losses)))
    over = max([100_000, *ends])
    total = charged(*chosen, ended(view, over))
    exact = sum((one.gpus * Fraction(_seconds(one, over)) for one in held), Fraction())
    assert exact <= total.gpu_seconds < exact + len(ends) + 1
    assert total.disruptions == len(ends)


def _losses(view: AttemptView) -> int:
    return len(view.disruptions)


def _seconds(holding: Holding, over: int) -> int:
    return int((min(holding.until or at(over), at(over)) - holding.since).total_seconds())


@given(st.lists(SECONDS, min_size=1, max_size=5, unique=True), st.integers(0, 5))
def test_one_that_is_lost_leaves_no_more_than_a_whole_attempt_to_be_charged(ends: list[int], gpus: int) -> None:
    assume(gpus > 0)
    survivors = tuple(Holding(Fraction(gpus), NOW) for _ in range(3))
    view = running(survivors, *(lost(f"p{end}", end) for end in sorted(ends)))
    before, last = charged(view), max(ends)
    after = settle(SPEC, before, ended(view, last + 60))
    assert after.gpu_seconds - before.gpu_seconds == 3 * gpus * 60


def test_pods_lost_together_are_one_disruption_even_if_its_first_is_no_longer_seen() -> None:
    held = (Holding(Fraction(1), NOW),)
    seen = charged(running(held, lost("a", 10)), running(held, lost("b", 10)), running(held, lost("b", 10.5)))
    assert (seen.disruptions, seen.gpu_seconds) == (1, 10)
