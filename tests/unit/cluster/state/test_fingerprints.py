"""Which results the store finds, whatever order objects come, change and go in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.cluster.state.records import SearchRecord, TrialRecord
from evonas.cluster.state.store import Store
from evonas.search.trial import TrialState
from tests.tier import examples
from tests.unit.search.support import NOW, succeeded, trial


def search(uid: str, namespace: str = "n") -> SearchRecord:
    return SearchRecord(namespace, f"search-{uid}", uid, 1, 1, False, {}, {})


def record(uid: str, index: int, version: int, fingerprint: str | None, namespace: str = "n") -> TrialRecord:
    ended: Any = {"completion_time": NOW + timedelta(seconds=index), "fingerprint": fingerprint}
    found = succeeded(index, index / 10, **ended) if fingerprint else trial(index, TrialState.RUNNING)
    return TrialRecord(namespace, f"{uid}-{index}", f"{uid}-{index}-{version}", version, uid, NOW, found)


def test_a_result_is_found_in_its_namespace_while_its_search_is_there() -> None:
    store = Store()
    store.put_search(search("a"))
    store.put_trial(record("a", 3, 1, "f"))
    assert store.find_result("elsewhere", "f") is None
    assert store.find_result("n", "other") is None
    found = store.find_result("n", "f")
    assert found is not None
    assert (found.search, found.index, found.reward) == ("search-a", 3, 0.3)
    store.drop_search("a")
    assert store.find_result("n", "f") is None
    # Its trials are deleted after it, and the streams tell of changes of theirs before that.
    store.put_trial(record("a", 3, 2, "f"))
    assert store.find_result("n", "f") is None
    store.drop_trial(record("a", 3, 2, "f"))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "drop", "search", "drop search"]),
        st.sampled_from("ab"),
        st.integers(0, 2),
        st.sampled_from([None, "f", "g"]),
    ),
    max_size=30,
)


@settings(max_examples=examples(200))
@given(STEPS)
def test_the_store_finds_what_looking_at_every_trial_finds(steps: list[tuple[str, str, int, str | None]]) -> None:
    store = Store()
    for version, (step, uid, index, fingerprint) in enumerate(steps, start=1):
        known = store.children(uid).trials.get(index)
        if step == "search":
            store.put_search(replace(search(uid), version=version))
        elif step == "drop search":
            store.drop_search(uid)
        elif step == "drop" and known is not None:
            store.drop_trial(known)
        elif step == "put":
            store.put_trial(record(uid, index, version, fingerprint))
    for wanted in ("f", "g"):
        there = [each for each in store.all_trials() if each.trial.fingerprint == wanted]
        places = [(each.trial.index, each.search_uid) for each in there if each.search_uid in store.searches]
        found = store.find_result("n", wanted)
        assert (None if found is None else (found.index, found.uid)) == min(places, default=None)
