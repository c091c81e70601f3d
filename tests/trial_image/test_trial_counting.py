"""The counting problem against a direct transcription of its formula and the facts known about it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas_trial.counting import cost, learned, score, sequence_of
from harness.waiting import PATIENCE
from tests.trial_image.conftest import RunTrial, StartTrial, tell

SEQUENCES = st.integers(1, 30).flatmap(lambda n: st.lists(st.integers(1, n), min_size=n, max_size=n))


def published(a: Sequence[int]) -> Fraction:
    """(n+1) / (a_1^2 + sum_{k=1}^{n-1} (a_{k+1} - a_k)^2 + (a_n - (n+1))^2), exactly."""
    n = len(a)
    return Fraction(n + 1, a[0] ** 2 + sum((a[k + 1] - a[k]) ** 2 for k in range(n - 1)) + (a[n - 1] - (n + 1)) ** 2)


@given(SEQUENCES)
def test_the_score_is_the_published_formula(sequence: list[int]) -> None:
    assert score(sequence) == float(published(sequence))


@given(SEQUENCES)
def test_costs_have_the_parity_of_the_least(sequence: list[int]) -> None:
    least = len(sequence) + 1
    assert cost(sequence) >= least
    assert (cost(sequence) - least) % 2 == 0


@pytest.mark.parametrize("n", [4, 5, 6])
def test_best_and_second_best(n: int) -> None:
    counts = Counter(map(score, product(range(1, n + 1), repeat=n)))
    best, second, *_ = sorted(counts, reverse=True)
    assert (best, counts[best]) == (1, 1)
    assert score(range(1, n + 1)) == 1
    assert (second, counts[second]) == ((n + 1) / (n + 3), n * (n - 1))


def test_the_mean_of_all_sequences_of_five() -> None:
    scores = [score(sequence) for sequence in product(range(1, 6), repeat=5)]
    assert sum(scores) / len(scores) == pytest.approx(0.197, abs=5e-4)


def test_the_order_of_the_decisions_is_that_of_their_numbers() -> None:
    assert sequence_of({f"a{n}": n for n in (10, 2, 1, 3, 9, 8, 7, 6, 5, 4)}) == list(range(1, 11))


def test_a_trial_reports_score_and_cost(run_trial: RunTrial) -> None:
    ended = run_trial("evonas_trial.counting", {"a1": 1, "a2": 2, "a3": 2})
    assert (ended.exit_code, ended.errors) == (0, "")
    assert ended.report == {"reward": 4 / 6, "metrics": {"cost": 6}}


def test_noise_is_fixed_by_seed_and_candidate(run_trial: RunTrial) -> None:
    def reward(seed: str, *values: int) -> float:
        decisions = {f"a{position}": value for position, value in enumerate(values, 1)}
        ended = run_trial("evonas_trial.counting", decisions, "--noise", "0.1", environment={"EVONAS_SEED": seed})
        assert ended.report is not None
        return float(ended.report["reward"])

    assert reward("0", 1, 2) == reward("0", 1, 2) != 1
    assert reward("0", 1, 2) != reward("1", 1, 2)
    # Both sequences score 3/5, so only their noise tells them apart.
    assert reward("0", 1, 1) != reward("0", 2, 2)


def test_with_rungs_it_seems_to_learn(run_trial: RunTrial) -> None:
    ended = run_trial("evonas_trial.counting", {"a1": 1, "a2": 2, "a3": 2}, environment={"EVONAS_RUNGS": "1,2,4"})
    assert (ended.exit_code, ended.errors) == (0, "")
    assert ended.report == {"reward": 4 / 6, "metrics": {"cost": 6}}
    assert ended.progress is not None
    assert (ended.progress["step"], ended.progress["of"]) == (4, 4)
    assert ended.progress["rungs"] == {
        "1": {"reward": pytest.approx(4 / 6 * 8 / 15), "cost": 6},
        "2": {"reward": pytest.approx(4 / 6 * 12 / 15), "cost": 6},
        "4": {"reward": 4 / 6, "cost": 6},
    }


def test_stopped_between_rungs_it_leaves_at_once_and_says_nothing_more(start_trial: StartTrial, tmp_path: Path) -> None:
    process = start_trial(
        "evonas_trial.counting", {"a1": 1}, "--seconds", "3e6", environment={"EVONAS_RUNGS": "1,1000000"}
    )
    said = (tmp_path / "progress").read_bytes()
    tell(process, signal.SIGTERM)
    assert process.wait(PATIENCE) == 143
    assert (tmp_path / "progress").read_bytes() == said
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("steps", [1, 27, 1_000_000])
def test_the_curve_ends_at_the_score_and_never_falls(steps: int) -> None:
    curve = [learned(step, steps) for step in range(1, min(steps, 100) + 1)]
    assert learned(steps, steps) == 1
    assert curve == sorted(curve)
    assert 0 < curve[0] <= curve[-1] <= 1


@pytest.mark.parametrize(
    ("decisions", "arguments", "words"),
    [
        (None, [], "EVONAS_DECISIONS is not set"),
        ({}, [], "must be a1, a2, … without a gap, got []"),
        ({"a1": 1, "a3": 1}, [], "without a gap, got ['a1', 'a3']"),
        ({"a1": 1, "width": 8}, [], "without a gap, got ['a1', 'width']"),
        ({"a1": 1.5}, [], "decision 'a1' must be a whole number, got 1.5"),
        ({"a1": True}, [], "decision 'a1' must be a whole number, got True"),
        ({"a1": 1}, ["--seconds", "-1"], "--seconds: must be a finite number not below 0, got '-1'"),
        ({"a1": 1}, ["--noise", "much"], "--noise: must be a finite number not below 0, got 'much'"),
    ],
)
def test_mistakes_are_named(
    run_trial: RunTrial, decisions: dict[str, object] | None, arguments: list[str], words: str
) -> None:
    ended = run_trial("evonas_trial.counting", decisions, *arguments)
    assert (ended.exit_code, ended.report) == (2, None)
    assert words in ended.errors


def test_rungs_that_are_none_are_refused_by_name(run_trial: RunTrial) -> None:
    ended = run_trial("evonas_trial.counting", {"a1": 1}, environment={"EVONAS_RUNGS": "9,3"})
    assert (ended.exit_code, ended.report) == (2, None)
    assert "EVONAS_RUNGS must be ascending whole numbers such as 1,3,9, got '9,3'" in ended.errors
