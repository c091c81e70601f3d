"""What candidates would add to a front, measured along directions."""

from __future__ import annotations

import numpy as np
import pytest

from evonas.agents.critic.gain import Gain, find_directions
from evonas.domination import hypervolume


def gain(front: list[list[float]], reference: list[float], directions: int = 4000) -> Gain:
    numbers = np.random.default_rng(0).random((directions, len(reference)))
    return Gain(np.array(front), np.array(reference), numbers)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_it_is_the_share_by_which_the_hypervolume_grows(objectives: int) -> None:
    random = np.random.default_rng(objectives)
    front, points = random.random((6, objectives)), random.random((20, objectives)) * 1.2
    reference = [-0.2] * objectives
    before = hypervolume(front, reference)
    grown = [hypervolume(np.vstack([front, point]), reference) / before - 1 for point in points]
    found = gain(front.tolist(), reference).of(points)
    assert np.maximum(found, 0) == pytest.approx(np.array(grown), abs=0.02)


def test_what_adds_nothing_is_ordered_by_how_much_it_lacks() -> None:
    found = gain([[1.0, 0.0], [0.6, 0.6], [0.0, 1.0]], [-0.5, -0.5]).of(
        np.array([[0.7, 0.7], [0.6, 0.6], [0.5, 0.5], [0.0, 0.2], [-0.4, -0.4]])
    )
    assert found[0] > 0
    assert found[1] == 0
    assert (np.diff(found) < 0).all()


def test_what_is_worse_than_the_reference_adds_nothing_however_good_it_is_in_the_other_objective() -> None:
    assert gain([[0.0, 0.0]], [-1.0, -1.0]).of(np.array([[-1.1, 5.0]])).item() < 0


def test_a_front_of_one_point_and_an_objective_that_never_changes_have_gains() -> None:
    found = gain([[0.0, 0.3]], [0.0, 0.3]).of(np.array([[0.1, 0.3], [0.0, 0.3], [-0.1, 0.3]]))
    assert found[0] > found[1] == 0 > found[2]


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_directions_are_spread_evenly(objectives: int) -> None:
    directions = find_directions(np.random.default_rng(1).random((4000, objectives)))
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(4000))
    assert directions.min() > 0
    # The mean of a component's square is the same for all of them.
    assert np.square(directions).mean(axis=0) == pytest.approx(np.full(objectives, 1 / objectives), abs=0.02)
