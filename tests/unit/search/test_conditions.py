"""Conditions as the API conventions want them: the time of a transition changes with the status and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evonas.search.codec import to_time
from evonas.search.conditions import MAX_MESSAGE, Condition, find_condition, to_conditions
from tests.unit.search.support import NOW


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["One", "Other"]), st.text(max_size=3)), min_size=1))
def test_transition_time_is_that_of_the_latest_change_of_status(changes: list[tuple[bool, str, str]]) -> None:
    conditions: list[dict[str, Any]] = []
    transition = NOW
    for turn, (status, reason, message) in enumerate(changes):
        moment = NOW + timedelta(seconds=turn)
        if turn == 0 or status != changes[turn - 1][0]:
            transition = moment
        wanted = [Condition("Accepted", status, reason, message)]
        conditions = to_conditions(wanted, conditions, generation=turn, now=moment)
        assert conditions == [
            {
                "type": "Accepted",
                "status": str(status),
                "reason": reason,
                "message": message,
                "observedGeneration": turn,
                "lastTransitionTime": to_time(transition),
            }
        ]


def test_conditions_are_compared_by_type() -> None:
    before = to_conditions(
        [Condition("A", status=True, reason="R"), Condition("B", status=False, reason="R")], [], 1, NOW
    )
    later = NOW + timedelta(hours=1)
    after = to_conditions(
        [Condition("B", status=True, reason="R"), Condition("A", status=True, reason="R")], before, 1, later
    )
    assert [(item["type"], item["lastTransitionTime"]) for item in after] == [
        ("B", to_time(later)),
        ("A", to_time(NOW)),
    ]


def test_message_is_cut_to_what_the_crd_takes() -> None:
    (condition,) = to_conditions([Condition("Accepted", status=False, reason="No", message="m" * 5000)], [], 1, NOW)
    assert condition["message"] == "m" * MAX_MESSAGE


def test_condition_is_found_by_its_type() -> None:
    status = {"conditions": to_conditions([Condition("Complete", status=True, reason="R")], [], 1, NOW)}
    found = find_condition(status, "Complete")
    assert found is not None
    assert found["status"] == "True"
    assert find_condition(status, "Failed") is None
    assert find_condition({}, "Complete") is None
