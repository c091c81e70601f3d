"""What a search in a cluster may learn from: those that it names, then those that it selects, the latest first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from evonas.cluster.state.knowledge import find_sources
from evonas.cluster.state.objects import read_search
from evonas.cluster.state.records import SearchRecord
from evonas.cluster.state.store import Store
from evonas.recorded.knowledge_record import UnusableKnowledge
from evonas.search.trial import TrialState
from evonas.spec import EarlierSearches
from tests.unit.cluster.objects import trial_record
from tests.unit.search.support import trial

NO_API = cast(Any, None)


def search(name: str, *, namespace: str = "n", labels: dict[str, str] | None = None, day: int = 1) -> SearchRecord:
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid of {namespace}/{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": f"2026-11-{day:02d}T10:00:00Z",
        "labels": labels or {},
    }
    return read_search({"metadata": metadata, "spec": {}})


MINE = search("mine", labels={"team": "a"}, day=9)


def store_of(*searches: SearchRecord) -> Store:
    store = Store()
    for record in (MINE, *searches):
        store.put_search(record)
    return store


async def names(store: Store, **knowledge: Any) -> list[str]:
    sources = await find_sources(NO_API, store, MINE, EarlierSearches(**knowledge))
    return [source.identity.name for source in sources]


async def test_those_named_come_first_and_of_those_selected_the_latest_without_itself() -> None:
    labelled = [search(name, labels={"team": "a", "x": "y"}, day=day) for day, name in enumerate("cab", 1)]
    store = store_of(*labelled, search("other", labels={"team": "b"}), search("plain"))
    assert await names(store, searches=("plain", "other"), labels={"team": "a"}) == ["plain", "other", "b", "a", "c"]
    assert await names(store, labels={"team": "a", "x": "z"}) == []
    assert await names(store) == []


async def test_another_namespaces_searches_are_neither_named_nor_selected() -> None:
    theirs = search("theirs", namespace="elsewhere", labels={"team": "a"})
    store = store_of(theirs)
    assert await names(store, labels={"team": "a"}) == []
    with pytest.raises(UnusableKnowledge, match=r"spec\.knowledge\.searches: there is no search theirs in namespace n"):
        await names(store, searches=("theirs",))
    with pytest.raises(UnusableKnowledge, match="there is no search elsewhere/theirs in namespace n"):
        await names(store, searches=("elsewhere/theirs",))


async def test_a_source_is_taken_as_it_is_now_whatever_its_phase() -> None:
    source = search("first")
    store = store_of(source)
    for index in (1, 0):
        store.put_trial(replace(trial_record(trial(index)), search_uid=source.uid))
    (found,) = await find_sources(NO_API, store, MINE, EarlierSearches(searches=("first",)))
    assert (found.source, [known.index for known in found.trials]) == ("search first", [0, 1])


async def test_a_record_that_contradicts_itself_stops_those_who_name_it_and_is_left_out_by_a_selector() -> None:
    damaged, good = search("damaged", labels={"team": "a"}), search("good", labels={"team": "a"})
    store = store_of(damaged, good)
    store.put_trial(replace(trial_record(trial(0, TrialState.STOPPED)), search_uid=damaged.uid))
    assert await names(store, labels={"team": "a"}) == ["good"]
    with pytest.raises(UnusableKnowledge, match=r"spec\.knowledge\.searches: .*damaged.*status\.rungs"):
        await names(store, searches=("damaged",))
