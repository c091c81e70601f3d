"""Learning curves are bounded, ascending, and end where the trial has come to."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from evonas.search.trial import RungResult, TrialState
from evonas.search.trial_progress import Progress
from evonas.sources.live.kept_curves import MAX_METRICS, MAX_POINTS, KeptCurve, KeptCurves
from tests.unit.search.support import trial

REPORTS = st.builds(
    Progress,
    st.integers(0, 10_000),
    st.dictionaries(st.sampled_from([f"m{place}" for place in range(20)]), st.floats(), max_size=4),
    st.dictionaries(st.integers(0, 10_000), st.dictionaries(st.just("m0"), st.floats()), max_size=3),
)


@given(st.lists(st.tuples(st.integers(1, 3), REPORTS), max_size=60))
def test_curves_ascend_are_bounded_and_end_with_the_last_report(reports: list[tuple[int, Progress]]) -> None:
    curve, latest = KeptCurve(), None
    for attempt, report in reports:
        if attempt >= curve.attempt:
            latest = (attempt, report)
        curve.see(attempt, report)
        assert list(curve.steps) == sorted(set(curve.steps))
        assert len(curve.steps) <= MAX_POINTS
        assert len(curve.metrics) <= MAX_METRICS
        assert all(len(values) == len(curve.steps) for values in curve.metrics.values())
    if latest is not None:
        assert (curve.attempt, curve.steps[-1]) == (latest[0], latest[1].step)


def test_a_long_training_leaves_evenly_spread_points() -> None:
    curve = KeptCurve()
    for step in range(1, 10_001):
        assert curve.see(1, Progress(step, {"accuracy": step / 10_000}))
        assert curve.steps[-1] == step
    gaps = [later - earlier for earlier, later in zip(curve.steps, curve.steps[1:], strict=False)]
    assert MAX_POINTS / 3 < len(curve.steps) <= MAX_POINTS
    assert max(gaps[:-1]) <= 2 * min(gaps[:-1])
    assert curve.values("accuracy")[10_000] == 1.0


def test_an_attempt_that_goes_on_from_a_checkpoint_continues_its_curve() -> None:
    curve = KeptCurve()
    for step in (1, 2, 3, 4):
        curve.see(1, Progress(step, {"loss": 1 / step}))
    curve.see(2, Progress(3, {"loss": 0.1}))
    assert (curve.attempt, list(curve.steps)) == (2, [1, 2, 3])
    assert curve.values("loss") == {1: 1.0, 2: 0.5, 3: 0.1}
    assert not curve.see(1, Progress(9, {"loss": 0.0}))


def test_the_same_report_is_no_news_and_a_number_that_is_none_is_not_shown() -> None:
    curve = KeptCurve()
    assert curve.see(1, Progress(1, {"loss": math.nan}))
    assert not curve.see(1, Progress(1, {"loss": math.nan}))
    assert curve.see(1, Progress(1, {"loss": 0.5}))
    curve.see(1, Progress(2, {"accuracy": 0.1}))
    assert curve.values("loss") == {1: 0.5, 2: None}


def test_rungs_that_a_report_repeats_are_points_too() -> None:
    curve = KeptCurve()
    curve.see(1, Progress(3, {"loss": 0.5}, {1: {"accuracy": 0.2}, 3: {"accuracy": 0.4}, 9: {"accuracy": 0.9}}))
    assert list(curve.steps) == [1, 3]
    assert curve.values("accuracy") == {1: 0.2, 3: 0.4}
    assert curve.values("loss") == {1: None, 3: 0.5}


def test_recorded_rungs_are_told_with_what_was_seen() -> None:
    curves = KeptCurves()
    running = trial(0, TrialState.RUNNING, rungs=(RungResult(1, 0.3, 1), RungResult(3, 0.5, 2)))
    old = trial(1, TrialState.STOPPED, rungs=(RungResult(1, None, 3),))
    bare = trial(2, TrialState.RUNNING)
    curves.see("run:a", 0, 1, Progress(2, {"accuracy": 0.4, "loss": 1.0}))
    told = curves.told("run:a", [running, old, bare], {0, 2}, ["accuracy"])
    assert [curve.index for curve in told] == [0, 1]
    assert list(told[0].steps) == [1, 2, 3]
    assert told[0].metrics == {"accuracy": [0.3, 0.4, 0.5], "loss": [None, 1.0, None]}
    assert told[0].running
    assert told[1].metrics == {"accuracy": [None]}
    curves.see("run:a", 0, 1, Progress(4, {"accuracy": 0.6}))
    assert list(curves.told("run:a", [running], {0}, ["accuracy"])[0].steps) == [1, 2, 3, 4]
    curves.forget("run:a")
    assert list(curves.one("run:a", running, ["accuracy"], running=True).steps) == [1, 3]


def test_rungs_of_several_objectives_are_points_of_each_curve() -> None:
    climbing = trial(0, TrialState.RUNNING, rungs=(RungResult(1, 0.3, 1, others=(4.0,)), RungResult(3, None, 2)))
    told = KeptCurves().one("run:a", climbing, ["accuracy", "latency_ms"], running=True)
    assert list(told.steps) == [1, 3]
    assert told.metrics == {"accuracy": [0.3, None], "latency_ms": [4.0, None]}


def test_curves_seen_least_recently_make_room() -> None:
    curves = KeptCurves(most=2)
    for index in range(3):
        curves.see("run:a", index, 1, Progress(1, {"accuracy": 0.1}))
    told = curves.told("run:a", [trial(index) for index in range(3)], (), ["accuracy"])
    assert [curve.index for curve in told] == [2, 1]
