"""A restored agent goes on exactly where an undisturbed one would."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents import InvalidRecord, Record, SpaceExhausted, create_agent

from .support import AGENT_TYPES, CONDITIONAL, VARIANTS, History, counting, counting_space


@pytest.mark.parametrize(("type", "config"), VARIANTS)
@given(dice=st.randoms(use_true_random=False), before=st.integers(0, 90), parallel=st.integers(1, 16))
@settings(max_examples=8, deadline=None)
def test_restored_agents_equal_undisturbed_ones(
    type: str, config: dict[str, Any], dice: random.Random, before: int, parallel: int
) -> None:
    space = counting_space(4)
    config = {**config, "warmup": 5, "evolution": {"population": 8, "tournament": 3}}
    undisturbed = History(create_agent(type, space, 6, config))
    for _ in range(before):
        undisturbed.step(dice, parallel)
    records = undisturbed.records()
    dice.shuffle(records)
    restored = create_agent(type, space, 6, config)
    restored.restore(records)
    assert restored.entropy == undisturbed.agent.entropy
    for _ in range(12):
        proposal = undisturbed.propose()
        assert restored.propose() == proposal
        index = dice.choice(undisturbed.pending)
        reward = dice.uniform(-1, 1)
        undisturbed.observe(index, reward)
        restored.observe(index, reward)
    assert restored.entropy == undisturbed.agent.entropy


@pytest.mark.parametrize(("type", "config"), VARIANTS)
def test_restoring_at_every_point_of_a_conditional_search_changes_nothing(type: str, config: dict[str, Any]) -> None:
    config, dice = {**config, "warmup": 4}, random.Random(3)
    undisturbed = History(create_agent(type, CONDITIONAL, 2, config))
    while len(undisturbed.proposals) < 20:
        undisturbed.step(dice, parallel=4)
        restored = create_agent(type, CONDITIONAL, 2, config)
        restored.restore(undisturbed.records())
        following = restored.propose()
        again = create_agent(type, CONDITIONAL, 2, config)
        again.restore(undisturbed.records())
        assert again.propose() == following
    assert following.index == 20
    assert undisturbed.propose() == following


def record(index: int, sequence: int | None, reward: float | None, **changes: Any) -> Record:
    decisions = {f"a{k}": 1 + (index // 4**k) % 4 for k in range(1, 5)}
    return replace(Record(index, decisions, (), 0, sequence, reward), **changes)


def distinct(count: int) -> list[Record]:
    space, records = counting_space(4), []
    for index in range(count):
        decisions = space.to_candidate(space.unrank(7 * index))
        records.append(Record(index, decisions, tuple(decisions), 0, index + 1, counting(decisions)))
    return records


@pytest.mark.parametrize("type", AGENT_TYPES)
def test_a_deleted_record_leaves_a_gap_that_is_not_filled(type: str) -> None:
    agent = create_agent(type, counting_space(4))
    agent.restore([each for each in distinct(20) if each.index not in (0, 7, 13)])
    proposal = agent.propose()
    assert proposal.index == 20
    assert proposal.observed_up_to == 17
    agent.observe(20, 0.5)
    with pytest.raises(ValueError, match="proposal 7 is unknown"):
        agent.observe(7, 0.5)


@pytest.mark.parametrize("type", AGENT_TYPES)
def test_observations_are_folded_by_sequence_then_index(type: str) -> None:
    """Two operators that overlapped once may give one number twice, or leave one out."""
    records = distinct(16)
    tied = [replace(each, sequence=3 * ((15 - each.index) // 2)) for each in records]
    ordered = sorted(tied, key=lambda each: (each.sequence or 0, each.index))
    renumbered = [replace(each, sequence=place) for place, each in enumerate(ordered, 1)]
    proposals = []
    for history in (tied, renumbered, list(reversed(tied))):
        agent = create_agent(type, counting_space(4), settings={"evolution": {"population": 3, "tournament": 2}})
        agent.restore(history)
        proposals.append([agent.propose() for _ in range(5)])
        proposals[-1].append(agent.entropy)  # type: ignore[arg-type]
    assert proposals[0] == proposals[1] == proposals[2]


def test_pending_and_abandoned_candidates_stay_known() -> None:
    space = counting_space(2)
    decisions = [space.to_candidate(space.unrank(rank)) for rank in range(4)]
    agent = create_agent("Random", space)
    agent.restore(
        [
            Record(0, decisions[0], (), 0, None, None),
            Record(1, decisions[1], (), 0, None, None, abandoned=True),
            Record(2, decisions[2], (), 0, 1, None),
        ]
    )
    proposal = agent.propose()
    assert proposal.decisions == decisions[3]
    assert proposal.observed_up_to == 1
    agent.observe(0, 1.0)
    with pytest.raises(ValueError, match="already observed or abandoned"):
        agent.observe(1, 1.0)
    with pytest.raises(SpaceExhausted):
        agent.propose()


def test_one_candidate_under_two_indexes_is_accepted() -> None:
    """Nothing but a second operator could cause it, and a search must survive that."""
    space = counting_space(2)
    same = space.to_candidate(space.unrank(0))
    for type in AGENT_TYPES:
        agent = create_agent(type, space)
        agent.restore([Record(index, same, (), 0, index + 1, 0.5) for index in range(2)])
        assert len({str(agent.propose().decisions) for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([record(0, 1, 0.5, decisions={"a1": 1})], "trial 0 cannot be of this search: decision 'a2' is missing"),
        ([record(3, 1, 0.5, decisions={"a1": 9, "a2": 1, "a3": 1, "a4": 1})], "trial 3 .* has no value 9"),
        ([record(0, None, 0.5)], "a reward but no place"),
        ([record(0, 1, 0.5, abandoned=True)], "both observed and abandoned"),
        ([record(0, 1, float("nan"))], "must be a finite number, got nan"),
        ([record(-1, 1, 0.5)], "its index is negative"),
        ([record(4, 1, 0.5), record(4, 2, 0.5)], "index 4 occurs twice"),
    ],
)
def test_records_of_another_search_are_refused(records: list[Record], problem: str) -> None:
    with pytest.raises(InvalidRecord, match=problem):
        create_agent("Random", counting_space(4)).restore(records)


def test_only_a_new_agent_can_be_restored() -> None:
    agent = create_agent("Random", counting_space(4))
    agent.propose()
    with pytest.raises(ValueError, match="only a new agent"):
        agent.restore([])
