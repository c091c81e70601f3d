"""The page's charts compute in the browser what the report computes here; their tests compare with these numbers."""

from __future__ import annotations

import json

from tests.unit.report.chart_numbers import FILE, compute


def test_the_numbers_that_the_charts_are_compared_with_are_current() -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(compute()))
    # Sums of the same numbers may end in other digits in another version of Python.
    assert approximate(kept) == approximate(now), "run python -m tests.unit.report.chart_numbers"


def approximate(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, list):
        return [approximate(each) for each in value]
    if isinstance(value, dict):
        return {key: approximate(each) for key, each in value.items()}
    return value
