"""The forest behind the importance of decisions: what it finds is there, and what is not there it does not find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evonas.report import forest
from evonas.report.forest import Fit, Floats, Ints, fit

VALUES = 4


def choices(results: int, columns: int = 6, values: int = VALUES) -> Ints:
    return np.random.default_rng(1).integers(values, size=(results, columns))


def noise(results: int) -> Floats:
    return np.random.default_rng(2).normal(size=results)


def shares(found: Fit) -> list[float]:
    positive = np.maximum(found.losses, 0)
    return [float(share) for share in positive / positive.sum()]


def alone(table: Ints) -> Floats:
    return np.array([3.0 * row[0] + row[1] for row in table])


def together(table: Ints) -> Floats:
    return np.array([float((row[0] >= VALUES / 2) != (row[1] >= VALUES / 2)) for row in table])


@pytest.mark.parametrize(
    ("truth", "expected"), [(alone, (0.9, 0.1)), (together, (0.5, 0.5))], ids=["alone", "only together"]
)
def test_columns_that_make_the_reward_share_the_importance(
    truth: Callable[[Ints], Floats], expected: tuple[float, float]
) -> None:
    table = choices(400)
    found = fit(table, truth(table) + 0.1 * noise(400))
    assert shares(found)[:2] == pytest.approx(expected, abs=0.06)
    assert sum(shares(found)[2:]) < 0.02
    assert found.explained > 0.7


def test_rewards_by_chance_are_not_explained_and_no_column_costs_much_to_lose() -> None:
    found = fit(choices(400), noise(400))
    assert found.explained == 0
    assert max(found.losses) < 0.05


def test_the_same_results_have_the_same_importances() -> None:
    table = choices(100)
    once, again = (fit(table, alone(table)) for _ in range(2))
    assert once.explained == again.explained
    assert once.losses.tolist() == again.losses.tolist()


def test_unit_and_origin_of_the_rewards_do_not_matter() -> None:
    table = choices(100)
    plain, moved = (fit(table, rewards) for rewards in (alone(table), 1e6 + 1e-3 * alone(table)))
    assert shares(moved) == pytest.approx(shares(plain), abs=0.02)


def test_a_long_search_costs_no_more_than_its_bounds_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    table = choices(600, values=200)
    rewards = alone(table) / 50
    whole = fit(table, rewards)
    monkeypatch.setattr(forest, "MAX_DRAWS", 150)
    monkeypatch.setattr(forest, "MAX_CELLS", 10_000)
    bounded = fit(table, rewards)
    assert shares(bounded) == pytest.approx(shares(whole), abs=0.05)
    assert 0.6 < bounded.explained < whole.explained
