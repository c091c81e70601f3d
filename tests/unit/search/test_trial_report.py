"""What a trial says is never trusted: only finite numbers come out, and nothing that is said can raise."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.trial_report import (
    MAX_METRICS,
    kept_message,
    message_limit,
    parse_annotations,
    parse_message,
    read_report,
)

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


def test_message_that_was_cut_says_so_and_how_to_mend_it() -> None:
    long = json.dumps({"reward": 0.5, "metrics": {f"metric_{position}": 0.1 for position in range(500)}})
    assert len(long) > 9000
    for containers, limit in ((1, "4,096"), (3, "4,096"), (4, "3,072"), (12, "1,024")):
        pod: dict[str, Any] = {"containers": [{}], "initContainers": [{}] * (containers - 1)}
        kept = kept_message(long.encode(), message_limit(pod))
        problem = parse_message(kept, message_limit(pod)).problem
        assert problem is not None
        assert f"was cut to {limit} bytes" in problem
        assert f"report fewer metrics, or by the annotation {REWARD}" in problem
        # The cure.
        assert read_report({REWARD: "0.5"}, kept, message_limit(pod)).reward == 0.5


def test_message_that_just_fits_is_whole() -> None:
    text = '{"reward": 0.5}'.ljust(4096)
    assert parse_message(kept_message(text.encode(), 4096)).reward == 0.5
    assert parse_message(kept_message(f" {text}".encode(), 4096)).reward == 0.5


@given(st.binary(max_size=9000), st.integers(1, 4096))
def test_any_file_that_was_cut_gives_a_report_or_a_problem(written: bytes, limit: int) -> None:
    kept = kept_message(written, limit)
    report = parse_message(kept, limit)
    if len(written) > limit and kept.strip() and report.reward is None and report.infeasible is None:
        assert report.problem is not None


@pytest.mark.parametrize("message", ['{"accuracy": 0.5}', '{"rewrd": 0.5}'])
def test_report_of_other_names_is_quoted(message: str) -> None:
    problem = parse_message(message).problem
    assert problem is not None
    assert next(iter(json.loads(message))) in problem


def test_sentence_in_place_of_the_reward_is_said_whole() -> None:
    reason = "train returned None and reported nothing: return the reward, or a dict of metrics, as the search needs it"
    assert parse_message(json.dumps({"reward": reason})).problem == f"no reward, since {reason}"


def test_half_a_surrogate_pair_does_not_come_through() -> None:
    report = parse_message('{"infeasible": "too large \\ud83e", "metrics": {"size\\udde0": 1}}')
    assert (report.infeasible, report.metrics) == ("too large ?", {"size?": 1})


def test_metrics_alone_may_come_by_either_channel() -> None:
    assert read_report({METRICS: '{"accuracy": 0.5}'}, "").metrics == {"accuracy": 0.5}
    assert read_report({}, '{"metrics": {"accuracy": 0.5}}').metrics == {"accuracy": 0.5}
    assert read_report({METRICS: '{"accuracy": 0.5}'}, '{"reward": 0.25}').reward == 0.25


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
