"""What an agent knew comes out of its ConfigMap as it went in, fits into it whatever it is, and shows every change."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.agents import EarlierTask, Experience
from evonas.agents.experience import MAX_KEPT
from evonas.cluster.state.knowledge_map import (
    MAX_PLAIN,
    PACKED_KEY,
    PLAIN_KEY,
    KnowledgeMap,
    check_digest,
    from_config_map,
    to_config_map,
)
from evonas.recorded.knowledge import MAX_TASKS, Gathered
from evonas.recorded.knowledge_record import Knowledge, UnusableKnowledge
from evonas.search.codec import SearchIdentity
from evonas.space import INACTIVE

IDENTITY = SearchIdentity("search", "0f0e", "team")
MEBIBYTE = 1024 * 1024
TASK = EarlierTask("search first", ("a", "b"), ((0, 1), (2, INACTIVE)), (1.5, -0.25))
SMALL = Gathered(Knowledge(Experience((TASK,))), "2 results of search first")

tasks = st.integers(1, 4).flatmap(
    lambda width: st.builds(
        lambda source, results: EarlierTask(
            source,
            tuple(f"d{place}" for place in range(width)),
            tuple(tuple(choices) for choices, _ in results),
            tuple(score for _, score in results),
        ),
        st.text(max_size=20),
        st.lists(
            st.tuples(
                st.lists(st.integers(-1, 255), min_size=width, max_size=width),
                st.floats(allow_nan=False, allow_infinity=False),
            ),
            max_size=8,
        ),
    )
)


def largest() -> Gathered:
    """Return the most that can be gathered, without any order that could be compressed."""
    dice = random.Random(1)
    decisions = tuple(f"d{place:03d}{'x' * 44}" for place in range(128))
    found = tuple(
        EarlierTask(
            f"ConfigMap {'c' * 253}, {'k' * 253}",
            decisions,
            tuple(tuple(dice.randrange(256) for _ in decisions) for _ in range(MAX_KEPT)),
            tuple(dice.gauss(0, 1) for _ in range(MAX_KEPT)),
        )
        for _ in range(MAX_TASKS)
    )
    return Gathered(Knowledge(Experience(found)), "much")


@given(st.lists(tasks, max_size=3), st.text(max_size=30))
def test_it_comes_out_as_it_went_in(found: list[EarlierTask], note: str) -> None:
    gathered = Gathered(Knowledge(Experience(tuple(found))), note)
    body = json.loads(json.dumps(to_config_map(IDENTITY, gathered)))
    assert from_config_map(body) == KnowledgeMap(body["metadata"]["name"], gathered.knowledge, note)


def test_it_is_immutable_and_goes_with_its_search() -> None:
    body = to_config_map(IDENTITY, SMALL)
    assert body["immutable"] is True
    assert body["metadata"]["name"] == "search-7c289707-knowledge"
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ArchitectureSearch", "0f0e", True)
    assert body["metadata"]["labels"]["evonas.dev/search-uid"] == "0f0e"


def test_the_most_that_can_be_known_fits_into_a_config_map() -> None:
    gathered = largest()
    body = to_config_map(IDENTITY, gathered)
    size = sum(map(len, body["data"].values())) + len(base64.b64decode(body["binaryData"][PACKED_KEY]))
    assert MAX_PLAIN < size < 0.8 * MEBIBYTE
    assert from_config_map(body).knowledge == gathered.knowledge


@pytest.mark.parametrize("packed", [False, True])
def test_what_an_export_has_of_it_may_be_put_back_by_hand(packed: bool) -> None:
    line = json.dumps(SMALL.knowledge.to_object()) + "\n"
    metadata: dict[str, Any] = {"name": "search-7c289707-knowledge"}
    if packed:
        content = {"binaryData": {PACKED_KEY: base64.b64encode(gzip.compress(line.encode())).decode()}}
    else:
        content = {"data": {PLAIN_KEY: line}}
    assert from_config_map({"metadata": metadata, **content}).knowledge == SMALL.knowledge


def _changed(body: dict[str, Any], change: str) -> dict[str, Any]:
    body = copy.deepcopy(body)
    if change == "empty":
        del body["data"][PLAIN_KEY]
    elif change == "cut off":
        body["data"][PLAIN_KEY] = body["data"][PLAIN_KEY][:-20]
    elif change == "a list":
        body["data"][PLAIN_KEY] = "[]"
    elif change == "a score":
        body["data"][PLAIN_KEY] = body["data"][PLAIN_KEY].replace("1.5", "1.25")
    else:
        packed = gzip.compress(body["data"].pop(PLAIN_KEY).encode())
        content = {"not packed": b"{}", "packed and cut off": packed[:-9], "damaged": packed[:30] + b"?" + packed[31:]}
        body["binaryData"] = {PACKED_KEY: base64.b64encode(content[change]).decode()}
    return body


@pytest.mark.parametrize(
    "change", ["empty", "cut off", "a list", "a score", "not packed", "packed and cut off", "damaged"]
)
def test_a_change_is_noticed_and_named_with_its_cure(change: str) -> None:
    body = _changed(to_config_map(IDENTITY, SMALL), change)
    with pytest.raises(UnusableKnowledge, match=r"ConfigMap search-7c289707-knowledge .*restore it from a copy"):
        from_config_map(body)


def test_another_searchs_knowledge_is_not_taken_for_its_own() -> None:
    other = Knowledge(Experience())
    known = KnowledgeMap("search-7c289707-knowledge", SMALL.knowledge)
    check_digest(known, {})
    check_digest(known, {"knowledge": {"digest": SMALL.knowledge.digest}})
    with pytest.raises(UnusableKnowledge, match=r"has other contents .*status\.knowledge; delete it and restore it"):
        check_digest(known, {"knowledge": {"digest": other.digest}})
