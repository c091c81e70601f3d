"""What results are worth to critics of several objectives."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.agents import Proposal, create_agent
from evonas.agents.critic.scores import find_scale

from .support import counting_space

VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(-math.inf), min_size=1, max_size=30)


@given(VALUES, st.randoms(use_true_random=False))
def test_the_scale_does_not_depend_on_the_order_of_results(values: list[float], dice: random.Random) -> None:
    shuffled = dice.sample(values, len(values))
    assert find_scale(np.array(values)) == find_scale(np.array(shuffled))


@given(VALUES)
def test_better_results_are_worth_more_and_infeasible_ones_no_more_than_any(values: list[float]) -> None:
    scale = find_scale(np.array(values))
    if scale is None:
        return
    scores = scale.scores(np.array(sorted(values)))
    assert np.isfinite(scores).all()
    assert (np.diff(scores) >= 0).all()
    assert scores.mean() == pytest.approx(0, abs=1e-6)
    assert scores.std() == pytest.approx(1, abs=1e-6)
    assert (scale.scores(np.array([-math.inf])) <= scores).all()


def test_results_far_below_the_median_do_not_hide_what_the_good_ones_differ_by() -> None:
    good = np.linspace(0.9, 0.95, 20)
    alone, beside = find_scale(good), find_scale(np.append(good, [-1e9, -math.inf]))
    assert alone is not None
    assert beside is not None
    assert np.ptp(beside.scores(good)) > np.ptp(alone.scores(good)) / 2


@pytest.mark.parametrize(
    "values",
    [
        [-math.inf] * 3,
        [5.0],
        [0.0, 7.0, 7.0],
        [-math.inf, 7.0, 7.0],
        [-1.7e308, 0.0, 1.7e308],
        [1.5e308, 1.6e308, 1.7e308, 1.7e308, 1.7e308],
        [1.1e308, 1.2e308, 1.3e308],
        [0.0, 1.0, 1e-320],
    ],
    ids=[
        "all infeasible",
        "one",
        "half are the best",
        "infeasible and equal",
        "too far apart",
        "large",
        "larger",
        "tiny",
    ],
)
def test_values_that_tell_less_than_ranks_have_no_scale_or_a_finite_one(values: list[float]) -> None:
    scale = find_scale(np.array(values))
    beyond = np.array([*values, -math.inf, 1.7e308])
    assert scale is None or np.isfinite(scale.scores(beyond)).all()


def test_units_of_the_objectives_change_no_proposal() -> None:
    space = counting_space(6)

    def proposals(*units: float) -> list[Proposal]:
        agent = create_agent("EvoNAS", space, seed=3, objectives=2, references=(-8 * units[0], -math.inf))
        made = []
        for _ in range(40):
            proposal = agent.propose()
            choices = [int(value) for value in proposal.decisions.values()]
            values = (-float(sum(choices)), float(sum(choice * place for place, choice in enumerate(choices))))
            agent.observe(proposal.index, tuple(value * unit for value, unit in zip(values, units, strict=True)))
            made.append(proposal)
        return made

    assert proposals(1.0, 1.0) == proposals(1024.0, 2.0**-20)
