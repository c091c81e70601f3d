"""Progress reports: what is read of them, whatever a trial writes."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.trial_progress import parse_progress

STEPS = (1, 3, 9)


def at_rungs(report: object) -> dict[int, object]:
    progress = parse_progress(json.dumps(report))
    assert progress is not None
    return dict(progress.at_rungs(STEPS))


def test_report_repeats_the_values_at_all_rungs_passed() -> None:
    report = {"step": 4, "of": 9, "accuracy": 0.8, "rungs": {"1": {"accuracy": 0.5}, "3": {"accuracy": 0.7}}}
    assert at_rungs(report) == {1: {"accuracy": 0.5}, 3: {"accuracy": 0.7}}


def test_report_of_a_program_without_the_helper_counts_for_the_last_rung_it_has_reached() -> None:
    assert at_rungs({"step": 3, "accuracy": 0.7}) == {3: {"accuracy": 0.7}}
    assert at_rungs({"step": 4, "accuracy": 0.8}) == {3: {"accuracy": 0.8}}
    assert at_rungs({"step": 9, "accuracy": 0.9}) == {9: {"accuracy": 0.9}}
    assert at_rungs({"step": 0, "accuracy": 0.1}) == {}


def test_number_that_is_not_finite_is_read_as_such() -> None:
    (metrics,) = at_rungs({"step": 1, "rungs": {"1": {"loss": "nan", "other": 1}}}).values()
    assert isinstance(metrics, dict)
    assert math.isnan(metrics["loss"])
    assert metrics["other"] == 1
    progress = parse_progress('{"step": 1, "loss": NaN, "more": Infinity}')
    assert progress is not None
    assert all(math.isnan(value) for value in progress.metrics.values())


@pytest.mark.parametrize("step", ["3", "3.0", '"3"'])
def test_whole_number_may_be_written_in_any_way(step: str) -> None:
    progress = parse_progress(f'{{"step": {step}}}')
    assert progress is not None
    assert progress.step == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"step": 3.5}',
        '{"step": null}',
        " " * 20_000 + '{"step": 3}',
        '{"step": true}',
        '{"step": -1}',
        '{"of": 3}',
        "3",
    ],
)
def test_what_is_no_report_is_none(text: str) -> None:
    assert parse_progress(text) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_nothing_that_a_trial_writes_raises(content: object) -> None:
    for text in (json.dumps(content), json.dumps({"step": 3, "accuracy": content, "rungs": content})):
        progress = parse_progress(text)
        assert progress is None or progress.at_rungs(STEPS) is not None


def test_numbers_of_thousands_of_digits_are_no_rungs() -> None:
    for text in (f'{{"step": {"1" * 5000}}}', f'{{"step": 1, "rungs": {{"{"1" * 5000}": {{}}}}}}'):
        progress = parse_progress(text)
        assert progress is None or progress.rungs == {}
