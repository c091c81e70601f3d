"""The ticks of the report's drawings: round numbers, a handful, none outside."""

from __future__ import annotations

import pytest

from evonas.report.figures.frame import ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1, 400, [100, 200, 300, 400]),
        (0.905, 0.9312, [0.905, 0.91, 0.915, 0.92, 0.925, 0.93]),
        (-3, 11, [-2.5, 0, 2.5, 5, 7.5, 10]),
        (1e6, 1e6 + 2, [1e6, 1e6 + 0.5, 1e6 + 1, 1e6 + 1.5, 1e6 + 2]),
        (-0.00031, 0.00012, [-0.0003, -0.0002, -0.0001, 0, 0.0001]),
    ],
)
def test_ticks_are_round_numbers_within_the_range(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.5, 1.5, [1]),
        (1, 2, [1, 2]),
        (1, 6, [1, 2, 3, 4, 5, 6]),
        (0, 13, [0, 5, 10]),
        (1, 400, [100, 200, 300, 400]),
        (0, 140, [0, 25, 50, 75, 100, 125]),
    ],
)
def test_nothing_is_counted_in_fractions(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, whole=True) == expected
