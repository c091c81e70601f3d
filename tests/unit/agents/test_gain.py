"""What candidates would add to a front, measured along directions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evonas.agents.critic.gain import NUMBERS, Gain, find_directions
from evonas.domination import hypervolume

UNKNOWN = -math.inf


def gain(front: list[list[float]], references: list[float]) -> Gain:
    numbers = np.random.default_rng(0).random((NUMBERS, len(references)))
    return Gain(np.array(front), numbers, np.array(references))


def certain(found: Gain, points: list[list[float]]) -> list[float]:
    """Return the gains of points that are known."""
    gains: list[float] = found.of(np.array(points), np.zeros(len(points[0]))).tolist()
    return gains


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_it_is_the_share_by_which_the_hypervolume_grows(objectives: int) -> None:
    random = np.random.default_rng(objectives)
    front, points = random.random((6, objectives)), random.random((20, objectives)) * 1.2
    references = [-0.2] * objectives
    before = hypervolume(front, references)
    grown = [hypervolume(np.vstack([front, point]), references) / before - 1 for point in points]
    # Measured along 64 directions.
    found = np.maximum(certain(gain(front.tolist(), references), points.tolist()), 0)
    assert np.corrcoef(found, grown)[0, 1] > 0.9
    assert found.sum() == pytest.approx(sum(grown), rel=0.4)


def test_what_cannot_add_anything_is_ordered_by_how_much_it_lacks() -> None:
    front = [[1.0, 0.0], [0.6, 0.6], [0.0, 1.0]]
    found = certain(gain(front, [-0.5, -0.5]), [[0.7, 0.7], [0.6, 0.6], [0.5, 0.5], [0.0, 0.2], [-0.4, -0.4]])
    assert found[0] > 0
    assert found[1] == pytest.approx(0, abs=1e-12)
    assert sorted(found, reverse=True) == found


def test_what_is_beyond_a_reference_adds_nothing_however_good_it_is_in_the_other_objective() -> None:
    (found,) = certain(gain([[0.0, 0.0]], [-1.0, UNKNOWN]), [[-1.1, 5.0]])
    assert found < 0


def test_before_anything_is_within_the_references_what_lacks_less_comes_first() -> None:
    found = certain(gain([[-2.0, 0.0], [-1.0, -1.0]], [1.0, 1.0]), [[0.0, 0.0], [-0.5, -0.5], [1.5, 1.5]])
    assert found[2] > 0 > found[0] > found[1]


def test_what_would_extend_the_front_beyond_its_worst_values_adds_something() -> None:
    (found,) = certain(gain([[1.0, 0.0], [0.0, 1.0]], [UNKNOWN, UNKNOWN]), [[1.5, -0.3]])
    assert found > 0


def test_a_front_of_one_point_and_an_objective_that_never_changes_have_gains() -> None:
    better, same, worse = certain(gain([[0.0, 0.3]], [UNKNOWN, UNKNOWN]), [[0.1, 0.3], [0.0, 0.3], [-0.1, 0.3]])
    assert better > 0 > worse
    assert same == pytest.approx(0, abs=1e-9)


def test_the_less_is_known_of_a_candidate_the_more_it_may_add() -> None:
    found = gain([[1.0, 0.0], [0.6, 0.6], [0.0, 1.0]], [UNKNOWN, UNKNOWN])
    points, deviations = np.array([[0.5, 0.5]] * 3), np.array([[0.01, 0.01], [0.2, 0.2], [1.0, 1.0]])
    gains = found.of(points, deviations)
    assert (np.diff(gains) > 0).all()
    assert gains[0] < 0 < gains[1]


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_directions_are_spread_evenly(objectives: int) -> None:
    directions = find_directions(np.random.default_rng(1).random((4000, objectives)))
    assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(4000))
    assert directions.min() > 0
    # The mean of a component's square is the same for all of them.
    assert np.square(directions).mean(axis=0) == pytest.approx(np.full(objectives, 1 / objectives), abs=0.02)
