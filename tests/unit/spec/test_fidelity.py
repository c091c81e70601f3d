"""Rungs of a manifest."""

from __future__ import annotations

import pytest

from evonas.fidelity import Fidelity, Mode, Rule


@pytest.mark.parametrize(
    ("rungs", "steps"),
    [
        ({"min": 1, "max": 27, "factor": 3}, (1, 3, 9, 27)),
        ({"min": 2, "max": 20, "factor": 3}, (2, 6, 18, 20)),
        ({"min": 5, "max": 27, "factor": 3}, (5, 15, 27)),
        ({"min": 5, "max": 9, "factor": 3}, (5, 9)),
        ({"min": 1, "max": 100, "factor": 10}, (1, 10, 100)),
        ({"steps": [1, 2, 7], "factor": 3}, (1, 2, 7)),
    ],
)
def test_rungs_lead_from_min_to_max_by_the_factor(rungs: dict[str, object], steps: tuple[int, ...]) -> None:
    parsed = Fidelity.parse({"rungs": rungs, "rule": "Median", "mode": "Pause"})
    assert parsed == Fidelity(steps, int(str(rungs["factor"])), Rule.MEDIAN, Mode.PAUSE)
