"""The ticks of the report's drawings: round numbers, a handful, none outside."""

from __future__ import annotations

import pytest

from evonas.report.figures.frame import Frame, labelled, ticks


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


@pytest.mark.parametrize(
    ("low", "high"),
    [(1e-299, 5e-299), (-1.7e308, 1.7e308), (1e6, 1e6 + 2), (1e16, 1e16 + 4), (1e300, 1.0000001e300), (-1e-12, 1e-12)],
)
def test_labels_tell_ticks_apart_however_small_large_or_close_they_are(low: float, high: float) -> None:
    labels = [label for _, label in labelled(ticks(low, high))]
    assert len(labels) > 1
    assert len({*labels}) == len(labels)


@pytest.mark.parametrize(("low", "high"), [(0, 5e-324), (5e-324, 1e-320), (-1e-310, 1e-310)])
def test_what_is_closer_than_floats_can_tell_has_few_ticks(low: float, high: float) -> None:
    assert ticks(low, high) in ([], [0])


def test_the_largest_floats_are_within_their_frame() -> None:
    frame = Frame.around((1, 3), [-1.7e308, 1.7e308])
    assert frame.point(2, 0) == "305.0,134.0"
    assert frame.point(1, 1.7e308) == "62.0,18.6"
