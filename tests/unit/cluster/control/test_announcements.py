"""Which events a change of a search's status is worth."""

from __future__ import annotations

from typing import Any

import pytest

from evonas.cluster.control.announcements import Announcement, find_announcements, has_flipped
from evonas.search.attempt import QueuedReason


def status(*conditions: tuple[str, bool, str], **fields: Any) -> dict[str, Any]:
    bodies = [
        {"type": type, "status": str(holds), "reason": reason, "message": "why"} for type, holds, reason in conditions
    ]
    return {"conditions": bodies, **fields}


RUNNING = status(("Accepted", True, "Accepted"), ("Progressing", True, "TrialsRunning"), ("Complete", False, "X"))


def test_what_has_not_changed_is_not_told_again() -> None:
    assert find_announcements(RUNNING, RUNNING) == []
    full = status(("Progressing", True, "QuotaExceeded"), ("Complete", True, "TargetReached"), reusedTrials=1)
    assert find_announcements(full, {**full, "reusedTrials": 2}) == []


def test_acceptance_and_the_end_are_told_when_they_come() -> None:
    assert find_announcements({}, RUNNING) == [Announcement("Accepted", "Accepted: why")]
    complete = status(("Accepted", True, "Accepted"), ("Complete", True, "TargetReached"))
    assert find_announcements(RUNNING, complete) == [Announcement("SearchComplete", "TargetReached: why")]
    failed = status(("Accepted", True, "Accepted"), ("Failed", True, "TooManyFailedTrials"))
    told = [Announcement("SearchFailed", "TooManyFailedTrials: why", warning=True)]
    assert find_announcements(RUNNING, failed) == told


def test_a_search_that_is_accepted_again_says_so() -> None:
    refused = status(("Accepted", False, "TemplateRefused"), ("Progressing", False, "NotAccepted"))
    assert find_announcements(refused, RUNNING) == [Announcement("Accepted", "Accepted: why")]


def test_a_refusal_of_a_search_that_is_at_work_is_warned_of_once() -> None:
    refused = status(("Accepted", False, "KnowledgeUnusable"), ("Progressing", False, "NotAccepted"))
    assert find_announcements(RUNNING, refused) == [Announcement("KnowledgeUnusable", "why", warning=True)]
    assert find_announcements(refused, refused) == []


def test_what_is_known_from_earlier_searches_is_told_once() -> None:
    known = {**RUNNING, "knowledge": {"digest": "f", "message": "9 results"}}
    assert find_announcements(RUNNING, known) == [Announcement("KnowledgeGathered", "9 results")]
    assert find_announcements(known, known) == []
    unused = {**RUNNING, "knowledge": {"message": "not used"}}
    assert find_announcements(RUNNING, unused) == [Announcement("KnowledgeUnused", "not used", warning=True)]


@pytest.mark.parametrize("reason", QueuedReason)
def test_waiting_for_something_outside_is_warned_of_once(reason: QueuedReason) -> None:
    waiting = status(("Progressing", True, reason.value))
    told = [Announcement(reason.value, "why", warning=True)] if reason.blocks else []
    assert find_announcements(RUNNING, waiting) == told
    assert find_announcements({}, waiting) == told
    assert find_announcements(waiting, waiting) == []


def test_the_first_reused_result_is_told() -> None:
    (told,) = find_announcements(RUNNING, {**RUNNING, "reusedTrials": 1})
    assert (told.reason, told.warning) == ("ResultsReused", False)


def test_a_condition_flips_when_it_comes_goes_or_turns_and_not_for_its_words() -> None:
    assert not has_flipped(
        RUNNING, status(*(("Accepted", True, "Y"), ("Progressing", True, "Z"), ("Complete", False, "W")))
    )
    assert has_flipped({}, RUNNING)
    assert has_flipped(RUNNING, status(("Accepted", True, "Accepted")))
    assert has_flipped(status(("Complete", False, "X")), status(("Complete", True, "X")))
