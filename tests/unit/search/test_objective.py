"""From report to reward: MnasNet's formula, hard limits, directions, and what is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.objective import evaluate, oriented, reaches_target
from evonas.search.trial_report import Report
from evonas.spec import Constraint, Objective


def objective(metric: str | None = None, *constraints: Constraint, minimize: bool = False) -> Objective:
    return Objective(metric=metric, minimize=minimize, target=None, constraints=constraints)


LATENCY = Constraint("latency", target=8.0, exponent=-0.07)


@given(st.floats(0, 1), st.floats(0.01, 1000))
def test_soft_constraint_is_mnasnets(accuracy: float, latency: float) -> None:
    report = Report(reward=accuracy, metrics={"latency": latency})
    expected = accuracy * (latency / 8.0) ** -0.07
    assert evaluate([objective(None, LATENCY)], report).reward == pytest.approx(expected)
    worse = evaluate([objective(None, LATENCY, minimize=True)], report).reward
    assert worse == pytest.approx(accuracy / (latency / 8.0) ** -0.07)


def test_doubled_latency_is_worth_five_percent() -> None:
    at = [evaluate([objective(None, LATENCY)], Report(1.0, {"latency": latency})).reward for latency in (8.0, 16.0)]
    assert at[0] == 1.0
    assert at[1] == pytest.approx(1 / 1.05, rel=1e-3)


def test_hard_limit_makes_infeasible() -> None:
    limit = objective(None, Constraint("parameters", maximum=100.0))
    assert evaluate([limit], Report(0.5, {"parameters": 100.0})).reward == 0.5
    above = evaluate([limit], Report(0.5, {"parameters": 101.0}))
    assert above.infeasible
    assert "parameters is 101, above its limit of 100" in above.message


@pytest.mark.parametrize(
    ("wanted", "report", "reason", "words"),
    [
        (objective(), Report(), "NoReward", "reported nothing"),
        (objective(), Report(problem="it is abc"), "InvalidReward", "it is abc"),
        (objective("accuracy"), Report(0.5, {"loss": 1.0}), "MetricMissing", "only loss"),
        (objective("accuracy"), Report(0.5), "MetricMissing", "no metric 'accuracy', only a reward; report it as"),
        (objective(), Report(None, {"loss": 1.0}), "NoReward", "metrics, but no reward; report a reward, too, or name"),
        (objective(None, LATENCY), Report(0.5), "MetricMissing", "latency"),
        (objective(None, LATENCY), Report(0.5, problem="'latency' is not a finite number"), "InvalidReward", "latency"),
        (objective(None, LATENCY), Report(-0.5, {"latency": 8.0}), "InvalidReward", "at least 0"),
        (objective(None, LATENCY), Report(0.5, {"latency": 0.0}), "InvalidReward", "above 0"),
    ],
)
def test_what_gives_no_reward_has_a_reason(wanted: Objective, report: Report, reason: str, words: str) -> None:
    evaluation = evaluate([wanted], report)
    assert evaluation.reward is None
    assert not evaluation.infeasible
    assert evaluation.reason == reason
    assert words in evaluation.message


def test_target_is_reached_from_the_goals_side() -> None:
    up = Objective(None, minimize=False, target=0.9, constraints=())
    down = Objective(None, minimize=True, target=0.1, constraints=())
    assert [reaches_target([up], [reward]) for reward in (0.89, 0.9, 1.0)] == [False, True, True]
    assert [reaches_target([down], [reward]) for reward in (0.11, 0.1, 0.0)] == [False, True, True]
    assert oriented(down, 0.25) == -0.25
