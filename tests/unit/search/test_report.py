"""What a trial says is never trusted: only finite numbers come out, and nothing that is said can raise."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.report import MAX_METRICS, parse_annotations, parse_message, read_report

REWARD, METRICS = "evonas.dev/reward", "evonas.dev/metrics"


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_any_text_gives_a_report_with_finite_numbers(text: str) -> None:
    for report in (parse_message(text), parse_annotations({REWARD: text, METRICS: text})):
        numbers = [*report.metrics.values(), *([] if report.reward is None else [report.reward])]
        assert all(math.isfinite(number) for number in numbers)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_reward_comes_through_both_channels_bit_for_bit(reward: float) -> None:
    assert parse_annotations({REWARD: repr(reward)}).reward == reward
    assert parse_message(json.dumps({"reward": reward})).reward == reward


@pytest.mark.parametrize("text", ["NaN", "nan", "inf", "-Infinity", "1e999", "abc", "", "1_0", "0x10", "True", "1,5"])
def test_annotation_that_is_no_number_is_quoted(text: str) -> None:
    report = parse_annotations({REWARD: text})
    assert report.reward is None
    assert report.problem is not None
    assert REWARD in report.problem
    assert repr(text) in report.problem


@pytest.mark.parametrize("message", ["abc", "[1]", "0.5", '{"reward": NaN}', '{"reward": true}', '{"reward": null}'])
def test_message_without_a_number_is_a_problem(message: str) -> None:
    report = parse_message(message)
    assert report.reward is None
    assert report.problem is not None


def test_annotation_comes_before_the_termination_message() -> None:
    assert read_report({REWARD: "0.5"}, '{"reward": 0.25}').reward == 0.5
    assert read_report({}, '{"reward": 0.25}').reward == 0.25
    assert read_report({REWARD: "abc"}, '{"reward": 0.25}').reward is None


def test_metrics_are_bounded_and_a_bad_one_keeps_the_reward() -> None:
    many = json.dumps({f"m{position}": position for position in range(MAX_METRICS + 1)})
    report = parse_annotations({REWARD: "1", METRICS: many})
    assert len(report.metrics) == MAX_METRICS
    assert report.reward == 1
    assert parse_annotations({REWARD: "1", METRICS: '{"a": "x"}'}).reward == 1
