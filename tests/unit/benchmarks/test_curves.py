"""The problems of ``bench.curves`` are what they say, and its runs and tables count what they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.curves.catalogue import TABLE, problem
from bench.curves.contestants import CONTESTANTS, Contestant, parse_variant
from bench.curves.fashion_mnist import EPOCHS, SEEDS, SPACE, VALIDATION_IMAGES, pack, read
from bench.curves.problem import Curve, Decisions, Problem
from bench.curves.report import lowest, table
from bench.curves.runs import POINTS, Run, Task, load, regrets, run, run_all
from bench.curves.searchers import Foreseeing, Pausing, Ruled
from bench.curves.simulation import Ended, simulate
from bench.curves.synthetic import crossing, lengths
from evonas.errors import EvonasError


def drawn(subject: Problem, count: int) -> list[Decisions]:
    """Return some random candidates."""
    random = np.random.default_rng(0)
    ranks = [int(random.random() * subject.space.size) for _ in range(count)]
    return [subject.space.to_candidate(subject.space.unrank(rank)) for rank in ranks]


def run_of(regret: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Run:
    """Return a run of which only the regret matters."""
    return Run("", regret.tolist(), full=1, stopped=0, diverged=0, milliseconds=1.0)


def test_a_table_comes_back_as_it_was_packed(tmp_path: Path) -> None:
    whole, diverged = [VALIDATION_IMAGES // 2] * EPOCHS, [200, 100]
    pack([(0, 0, whole, 0.5), (1, 0, diverged, 0.25)], tmp_path / "table.npz")
    table = read(tmp_path / "table.npz")
    assert table.accuracy.shape == (SPACE.size, SEEDS, EPOCHS)
    assert table.accuracy[0, 0].tolist() == [0.5] * EPOCHS
    assert table.accuracy[1, 0, :2].tolist() == [0.1, 0.05]
    assert np.isnan(table.accuracy[1, 0, 2:]).all()
    assert Curve(table.accuracy[1, 0], 0.25).steps == 3
    assert table.seconds[:2].tolist() == [[0.5, 0], [0.25, 0]]


def test_the_table_has_every_candidate_and_a_best_one() -> None:
    """Whatever a search proposes was trained, and a trial's curve is one of its candidate's trainings."""
    subject, table = problem(TABLE), read()
    assert (table.seconds[:, 0] > 0).all()
    judged = []
    for rank in range(SPACE.size):
        decisions = SPACE.to_candidate(SPACE.unrank(rank))
        curve = subject.train(decisions, 0, rank)
        assert any(np.array_equal(curve.values, accuracy, equal_nan=True) for accuracy in table.accuracy[rank])
        assert curve.seconds in table.seconds[rank]
        assert curve.seconds > 0
        judged.append(subject.judge(decisions))
    assert max(judged) == 0
    assert np.median(judged) == pytest.approx(subject.unknown)


@pytest.mark.parametrize("subject", [crossing(0), lengths(0)], ids=lambda subject: subject.name)
def test_a_synthetic_curve_is_a_function_of_candidate_run_and_trial(subject: Problem) -> None:
    for decisions in drawn(subject, 20):
        one, again, other = (subject.train(decisions, 3, index) for index in (1, 1, 2))
        assert np.array_equal(one.values, again.values, equal_nan=True)
        assert not np.array_equal(one.values, other.values, equal_nan=True)
        assert len(one.values) in ({27} if subject.name.startswith("crossing") else {9, 27, 81})
        assert subject.judge(decisions) <= 0


def test_synthetic_curves_cross() -> None:
    subject = crossing(3)
    curves = [subject.train(decisions, 0, 0).values for decisions in drawn(subject, 300)]
    whole = np.array([values for values in curves if np.isfinite(values).all()])
    ranks = whole.argsort(axis=0).argsort(axis=0)
    assert 0.2 < np.corrcoef(ranks[:, 0], ranks[:, -1])[0, 1] < 0.8
    assert 0 < len(curves) - len(whole) < 30


def test_the_incumbent_is_the_best_of_the_trainings_that_ended() -> None:
    """A stopped trial is never it, and until a training has ended nothing is known."""
    subject = replace(crossing(0), judge=lambda decisions: float(decisions["worth"]), unknown=-50.0)
    ended = [
        Ended(1.0, {"worth": -1.0}, 1, stopped=True, reward=None),
        Ended(2.0, {"worth": -9.0}, 27, stopped=False, reward=0.5),
        Ended(3.0, {"worth": -2.0}, 27, stopped=False, reward=0.4),
        Ended(4.0, {"worth": -12.0}, 27, stopped=False, reward=0.6),
    ]
    quarter = POINTS // 4
    assert regrets(subject, ended, until=4.0) == [
        *[-50.0] * (2 * quarter - 1),
        *[-9.0] * 2 * quarter,
        -12.0,
    ]


def test_a_rule_compares_with_those_that_were_there_before() -> None:
    subject = crossing(0)
    searcher = CONTESTANTS["random+SuccessiveHalving"].create(subject.space, 0, subject.rungs)
    assert isinstance(searcher, Ruled)
    indexes = [searcher.propose().index for _ in range(5)]
    goes_on = [searcher.reach(index, 1, value) for index, value in zip(indexes, (0.5, 0.4, 0.3, 0.6, 0.2), strict=True)]
    assert goes_on == [True, True, False, True, False]
    searcher.stop(indexes[2])


def test_paused_trials_go_on_from_the_highest_rung_the_best_first() -> None:
    subject = crossing(0)
    searcher = CONTESTANTS["random+SuccessiveHalving+Pause"].create(subject.space, 0, subject.rungs)
    assert isinstance(searcher, Pausing)

    def pause(index: int, step: int, value: float) -> None:
        assert not searcher.reach(index, step, value)
        searcher.stop(index)

    values = (0.5, 0.4, 0.6, 0.3, 0.2, 0.7, 0.1, 0.1, 0.1)
    for value in values[:2]:
        pause(searcher.propose().index, 1, value)
    assert searcher.promote() is None
    for value in values[2:]:
        pause(searcher.propose().index, 1, value)
    assert [searcher.promote(), searcher.promote()] == [5, 2]
    pause(5, 3, 0.7)
    pause(2, 3, 0.8)
    assert searcher.promote() == 0
    pause(0, 3, 0.6)
    assert [searcher.promote(), searcher.promote()] == [2, None]


def test_a_training_that_ends_at_a_rung_is_not_promoted() -> None:
    subject = lengths(0)
    searcher = CONTESTANTS["random+SuccessiveHalving+Pause"].create(subject.space, 0, subject.rungs)
    indexes = [searcher.propose().index for _ in range(3)]
    for index in indexes:
        searcher.reach(index, 9, 0.5)
        searcher.observe(index, 0.5)
    assert isinstance(searcher, Pausing)
    assert searcher.promote() is None


def test_a_trial_goes_on_at_the_step_where_it_paused_after_another_start() -> None:
    subject = replace(crossing(0), rungs=(1, 3))
    searcher = CONTESTANTS["random+Median+Pause"].create(subject.space, 0, (1, 3))
    curves = {index: Curve(np.full(3, 0.9 - index / 10), 1.0) for index in range(9)}
    ended = simulate(searcher, lambda _, index: curves[index], rungs=(1, 3), workers=1, start_up=0.5, until=11.5)
    paused = [(1.5, 1, True), (3.0, 1, True), (4.5, 1, True)]
    assert [(trial.time, trial.steps, trial.stopped) for trial in ended] == [
        *paused,
        (7.0, 3, False),
        (9.5, 3, False),
        (11.0, 1, True),
    ]


def test_with_foresight_only_what_ends_above_all_others_goes_on() -> None:
    subject = crossing(0)
    searcher = CONTESTANTS["evonas+Foresight"].create(subject.space, 0, subject.rungs)
    assert isinstance(searcher, Foreseeing)
    goes_on = []
    for end in (0.5, 0.4, 0.6, 0.6, float("nan")):
        index = searcher.propose().index
        searcher.foresee(index, Curve(np.array([0.1] * 26 + [end]), 1.0))
        goes_on.append(searcher.reach(index, 1, 0.1))
        if not goes_on[-1]:
            searcher.stop(index)
    assert goes_on == [True, False, True, False, False]


INSTALLED = {label: contestant for label, contestant in CONTESTANTS.items() if contestant.is_installed}


@pytest.mark.parametrize("contestant", INSTALLED.values(), ids=INSTALLED)
def test_every_contestant_runs_and_repeats_itself(contestant: Contestant) -> None:
    task = Task(contestant, "crossing-0", 1, trainings=6, workers=2)
    one, other = run(task), run(task)
    assert {**one, "milliseconds": 0} == {**other, "milliseconds": 0}
    assert len(one["regret"]) == POINTS
    # In mode Pause, the first training ends later.
    assert one["full"] > 0 or contestant.label.endswith("+Pause")
    assert one["stopped"] == 0 or not contestant.label.endswith("+full")


def test_what_is_kept_is_not_run_again(tmp_path: Path) -> None:
    tasks = [Task(CONTESTANTS["random+Median"], "crossing-0", seed, trainings=4, workers=1) for seed in range(2)]
    assert [left for left, _ in run_all(tasks, tmp_path, jobs=1)] == [1, 0]
    assert list(run_all(tasks, tmp_path, jobs=1)) == []
    assert load(tasks[0], tmp_path) is not None
    assert load(replace(tasks[0], workers=4), tmp_path) is None
    assert load(replace(tasks[0], contestant=CONTESTANTS["random+full"]), tmp_path) is None


def test_a_table_says_when_the_end_of_full_trainings_is_reached_and_how_far_below_it_one_was() -> None:
    reference = np.tile(np.linspace(-10.0, 0.0, POINTS), (4, 1)) + np.array([[-0.1], [0.0], [0.0], [0.1]])
    sooner = np.minimum(reference + 5.0, 0.0)
    assert lowest(reference - 1.0, reference) < -2 < 0 <= lowest(reference + 1.0, reference)
    runs = {
        label: [run_of(regret) for regret in worth]
        for label, worth in {"evonas+full": reference, "evonas+Median": sooner}.items()
    }
    full, median = table("counting", runs, trainings=100).splitlines()[-2:]
    assert full.split(" | ")[5].startswith("100.0 ")
    assert 45 < float(median.split(" | ")[5].split()[0]) < 55


def test_a_variant_has_settings_and_a_rule() -> None:
    contestant = parse_variant('deep+None={"type": "EvoNAS", "critic": {"generations": 2}}')
    assert contestant.label == "deep+None"
    assert contestant.description["rule"] == "None"
    with pytest.raises(EvonasError, match="the rule one of full, None, Median"):
        parse_variant('deep={"type": "EvoNAS"}')
