"""Nothing is proposed twice, and everything is proposed before the space counts as exhausted."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents import create_agent
from evonas.agents.novelty import scan, walk
from evonas.space import INACTIVE, SearchSpace
from tests.tier import examples

from .support import counting_space, spaces


@given(spaces(max_size=200), st.integers(0, 2**63 - 1), st.integers(0, 1000))
@settings(max_examples=examples(30))
def test_a_scan_meets_every_candidate_once(space: SearchSpace, seed: int, index: int) -> None:
    met = list(scan(space, seed, index))
    assert len(met) == len(set(met)) == space.size


def test_a_scan_begins_anywhere_in_a_space_of_any_size() -> None:
    space = counting_space(30)
    assert space.size > 2**64
    firsts = {next(scan(space, 0, index)) for index in range(20)}
    assert len(firsts) == 20


@given(spaces(), st.integers(0, 1000))
@settings(max_examples=examples(30))
def test_each_step_of_a_walk_changes_one_decision_and_what_depends_on_it(space: SearchSpace, seed: int) -> None:
    before = space.unrank(seed % space.size)
    for after in walk(space, seed, 0, before):
        assert space.to_choices(space.to_candidate(after)) == after
        both = [(a, b) for a, b in zip(before, after, strict=True) if INACTIVE not in (a, b)]
        assert sum(a != b for a, b in both) <= 1
        before = after


def test_a_known_draft_is_replaced_and_counted() -> None:
    """Two values and one decision: the second proposal is the other value, whatever was drawn."""
    space = SearchSpace.parse([{"name": "coin", "values": ["heads", "tails"]}])
    redrawn = []
    for seed in range(40):
        agent = create_agent("Random", space, seed)
        first, second = agent.propose(), agent.propose()
        assert {first.decisions["coin"], second.decisions["coin"]} == {"heads", "tails"}
        assert first.redrawn == 0
        redrawn.append(second.redrawn)
    assert {0, 1} <= set(redrawn)
