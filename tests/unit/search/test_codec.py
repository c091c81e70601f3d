"""Trials to objects and back: nothing is lost on the way through JSON, and a reward keeps its bits."""

from __future__ import annotations

import copy
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.search.codec import SearchIdentity, from_object, to_decimal, to_object, to_status
from evonas.search.trial import EndedAttempt, ProposalRecord, Reuse, RungResult, Trial, TrialState
from tests.unit.search.support import IDENTITY, NOW, succeeded, trial

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.one_of(st.integers(-(2**53), 2**53), NUMBERS, st.booleans(), st.text(max_size=10))
MOMENTS = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
PROPOSALS = st.builds(
    ProposalRecord,
    origin=st.sampled_from(["random", "mutation", "policy"]),
    parent=st.none() | st.integers(0, 99_999),
    mutated=st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple),
    observed_up_to=st.integers(0, 99_999),
    redrawn=st.integers(0, 32),
)
ATTEMPTS = st.builds(
    EndedAttempt,
    number=st.integers(1, 10),
    reason=st.text(max_size=5),
    message=st.text(max_size=5),
    node=st.none() | st.text(min_size=1, max_size=5),
    start_time=MOMENTS,
    completion_time=MOMENTS,
)
REUSES = st.builds(
    Reuse,
    search=st.text(min_size=1, max_size=5),
    uid=st.text(min_size=1, max_size=5),
    index=st.integers(0, 99_999),
    fingerprint=st.text(min_size=1, max_size=5),
    state=st.sampled_from([TrialState.SUCCEEDED, TrialState.INFEASIBLE]),
    reward=st.none() | NUMBERS,
    metrics=st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3),
)
DECISIONS = st.dictionaries(st.text(min_size=1, max_size=5), VALUES, min_size=1, max_size=4)


PLACES = {"step": st.integers(1, 999), "sequence": st.integers(1, 99_999)}
OTHERS = st.lists(NUMBERS, max_size=3).map(tuple)
RUNGS = st.lists(
    st.builds(RungResult, value=st.none(), **PLACES) | st.builds(RungResult, value=NUMBERS, others=OTHERS, **PLACES),
    max_size=3,
)


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    proposed = Trial(draw(st.integers(0, 99_999)), draw(DECISIONS), draw(PROPOSALS))
    state = draw(st.sampled_from(TrialState))
    if state is TrialState.PENDING:
        return proposed
    return Trial(
        index=proposed.index,
        decisions=proposed.decisions,
        proposal=proposed.proposal,
        state=state,
        reason=draw(st.text(max_size=5)),
        message=draw(st.text(max_size=5)),
        reward=draw(st.none() | NUMBERS),
        metrics=draw(st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3)),
        sequence=draw(st.none() | st.integers(1, 99_999)),
        rungs=tuple(draw(RUNGS)),
        attempts=tuple(draw(st.lists(ATTEMPTS, max_size=3))),
        start_time=draw(MOMENTS),
        completion_time=draw(MOMENTS),
        gpu_seconds=draw(st.integers(0, 10**9)),
        reused=draw(st.none() | REUSES),
        fingerprint=draw(st.none() | st.text(min_size=1, max_size=5)),
    )


def through_json(item: Trial, search: SearchIdentity = IDENTITY) -> Trial:
    return from_object(json.loads(json.dumps(to_object(search, item))))


@given(trials())
def test_trial_comes_back_from_its_object(item: Trial) -> None:
    back = through_json(item)
    assert back == item
    assert [type(value) for value in back.decisions.values()] == [type(value) for value in item.decisions.values()]
    assert to_object(IDENTITY, back) == to_object(IDENTITY, item)


@given(NUMBERS)
def test_reward_and_metrics_keep_their_bits(value: float) -> None:
    back = through_json(succeeded(0, value, metrics={"loss": value}))
    assert back.reward is not None
    assert [struct.pack("d", number) for number in (back.reward, back.metrics["loss"])] == [struct.pack("d", value)] * 2


def test_reward_is_a_decimal_string() -> None:
    assert to_status(succeeded(0, 0.1 + 0.2))["reward"] == "0.30000000000000004"
    assert to_decimal(1) == "1.0"


def test_pending_trial_has_no_status_and_others_only_fields_with_a_value() -> None:
    assert "status" not in to_object(IDENTITY, trial(0))
    assert to_status(trial(0, TrialState.RUNNING, start_time=NOW)) == {
        "state": "Running",
        "startTime": "2026-01-01T12:00:00Z",
        "gpuSeconds": 0,
    }


def test_parent_zero_is_a_parent() -> None:
    child = Trial(1, {"a": 1}, ProposalRecord("mutation", 0, ("a",), 0))
    assert to_object(IDENTITY, child)["spec"]["proposal"]["parent"] == 0
    assert through_json(child).proposal.parent == 0


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (TrialState.QUEUED, None),
        (TrialState.RUNNING, None),
        (TrialState.SUCCEEDED, "Complete"),
        (TrialState.INFEASIBLE, "Complete"),
        (TrialState.FAILED, "Failed"),
    ],
)
def test_final_state_is_a_condition_that_can_be_waited_for(state: TrialState, expected: str | None) -> None:
    conditions = to_status(trial(0, state, completion_time=NOW)).get("conditions", [])
    assert [(item["type"], item["status"]) for item in conditions] == ([] if expected is None else [(expected, "True")])


def test_owner_and_labels_lead_to_the_search() -> None:
    metadata = to_object(IDENTITY, trial(7))["metadata"]
    assert metadata["name"] == IDENTITY.trial_name(7)
    assert metadata["namespace"] == "default"
    assert metadata["labels"]["evonas.dev/search-uid"] == "0f0e"
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"], owner["controller"]) == (
        "ArchitectureSearch",
        "search",
        "0f0e",
        True,
    )
    assert "namespace" not in to_object(SearchIdentity("search", "0f0e"), trial(7))["metadata"]


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        (("spec", "index"), None, KeyError),
        (("spec", "decisions"), None, KeyError),
        (("spec", "proposal", "origin"), None, KeyError),
        (("status", "state"), "Lost", ValueError),
        (("status", "reward"), "much", ValueError),
        (("status", "completionTime"), "yesterday", ValueError),
        (("status", "rungs"), [{"step": 1, "sequence": 1, "value": "0.5", "others": ["much"]}], ValueError),
        (("status", "rungs"), [{"step": 1, "sequence": 1, "value": "0.5", "others": ["inf"]}], ValueError),
        (("status", "rungs"), [{"step": 1, "sequence": 1, "others": ["4.0"]}], ValueError),
    ],
)
def test_object_that_is_no_trial_is_refused(path: tuple[str, ...], value: Any, error: type[Exception]) -> None:
    body = copy.deepcopy(to_object(IDENTITY, succeeded(0, 0.5, completion_time=NOW)))
    place = body
    for name in path[:-1]:
        place = place[name]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    with pytest.raises(error):
        from_object(body)
