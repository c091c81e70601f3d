"""The Event that is posted about a search."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from evonas.cluster.control.events import MAX_MESSAGE, build_event
from evonas.cluster.state.records import SearchRecord

SEARCH = SearchRecord("team", "cnn", "0f0e", 7, 1, deleting=False, manifest={}, status={})
NOW = datetime(2026, 1, 1, 12, 0, 3, tzinfo=UTC)


def test_an_event_names_its_search_as_kubectl_describe_looks_for_it() -> None:
    event = build_event(SEARCH, "TrialFailed", "trial 3", warning=True, now=NOW, token="a1")
    assert event["metadata"] == {"name": "cnn.a1", "namespace": "team"}
    about = {"apiVersion": "evonas.dev/v1alpha1", "kind": "ArchitectureSearch", "namespace": "team", "name": "cnn"}
    assert event["involvedObject"] == {**about, "uid": "0f0e"}
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "TrialFailed", "trial 3")
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T12:00:03Z"
    assert build_event(SEARCH, "Accepted", "", warning=False, now=NOW, token="a2")["type"] == "Normal"


def test_a_message_fits_into_an_event_and_is_never_empty() -> None:
    long = build_event(SEARCH, "SearchFailed", "x" * 5000, warning=True, now=NOW, token="a")
    assert long["message"] == "x" * MAX_MESSAGE
    assert build_event(SEARCH, "Accepted", "", warning=False, now=NOW, token="a")["message"] == "Accepted"


def test_a_search_with_the_longest_name_has_events_too() -> None:
    event = build_event(replace(SEARCH, name="n" * 63), "Accepted", "", warning=False, now=NOW, token="f" * 16)
    assert len(event["metadata"]["name"]) <= 253
