"""Names of workloads, whatever the search is called."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from evonas.search.names import MAX_INDEX, workload_name
from evonas.workloads.interface import NAME_LENGTH, SHORTEST_NAME

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
UIDS = st.uuids().map(str)
INDICES = st.integers(0, MAX_INDEX)
ATTEMPTS = st.integers(1, 999)
LENGTHS = st.integers(SHORTEST_NAME, NAME_LENGTH)


@given(NAMES, UIDS, INDICES, ATTEMPTS, LENGTHS)
def test_name_of_a_workload_is_a_host_name_that_fits(
    search: str, uid: str, index: int, attempt: int, longest: int
) -> None:
    name = workload_name(search, uid, index, attempt, longest)
    assert len(name) <= longest
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)


@given(st.sets(st.tuples(UIDS, INDICES, ATTEMPTS), min_size=2, max_size=5), NAMES, LENGTHS)
def test_no_two_attempts_have_workloads_of_one_name(
    attempts: set[tuple[str, int, int]], search: str, longest: int
) -> None:
    names = {workload_name(search, uid, index, attempt, longest) for uid, index, attempt in attempts}
    assert len(names) == len(attempts)


@given(NAMES, UIDS, INDICES, ATTEMPTS)
def test_as_much_of_the_name_of_its_search_is_kept_as_fits(search: str, uid: str, index: int, attempt: int) -> None:
    name = workload_name(search, uid, index, attempt, NAME_LENGTH)
    assert name.startswith(search if search[0].isalpha() else f"s{search}")
