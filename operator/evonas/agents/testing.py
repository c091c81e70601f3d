"""The contract of ``Agent`` as a test suite, for this package's agents and for those of other packages.

Needs pytest and Hypothesis; nothing else in this package imports it. Derive a class whose name pytest collects::

    class TestMyAgent(AgentContract):
        def create(self, space: SearchSpace, seed: int) -> Agent:
            return MyAgent(space, seed, {})
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents.interface import Agent, HasPopulation, InvalidRecord, Proposal, Record, SpaceExhausted
from evonas.space import SearchSpace

CONDITIONAL = SearchSpace.parse(
    [
        {"name": "blocks", "values": [2, 3, 4]},
        {"name": "activation", "values": ["relu", "swish"]},
        {"name": "kernel_4", "values": [3, 5, 7], "when": {"name": "blocks", "values": [4]}},
        {"name": "wide_4", "values": [True, False], "when": {"name": "kernel_4", "values": [5, 7]}},
        {"name": "pool", "values": ["max"]},
        {"name": "slope", "values": [0.1, 0.2], "when": {"name": "activation", "values": ["swish"]}},
    ]
)
"""21 candidates, with a chain of conditions and a decision with one value."""

GRID = SearchSpace.parse([{"name": f"a{k}", "values": [1, 2, 3, 4]} for k in range(1, 5)])
"""256 candidates without conditions."""

ONE_CANDIDATE = SearchSpace.parse([{"name": "only", "values": ["x"]}, {"name": "other", "values": [1]}])


@st.composite
def spaces(draw: st.DrawFn, max_size: int = 10**6) -> SearchSpace:
    """Spaces of up to five decisions, including ones with one value and conditional ones."""
    manifest: list[dict[str, Any]] = []
    for position in range(draw(st.integers(1, 5))):
        numbers = list(range(draw(st.integers(1, 4))))
        values: list[Any] = [f"v{number}" for number in numbers] if draw(st.booleans()) else numbers
        item: dict[str, Any] = {"name": f"d{position}", "values": values}
        if position and draw(st.booleans()):
            earlier = manifest[draw(st.integers(0, position - 1))]
            some = draw(st.lists(st.sampled_from(earlier["values"]), min_size=1, unique=True))
            item["when"] = {"name": earlier["name"], "values": some}
        manifest.append(item)
        if SearchSpace.parse(manifest).size > max_size:
            manifest.pop()
            break
    return SearchSpace.parse(manifest)


@dataclass
class History:
    """A search in progress, and the records that a cluster would hold for it."""

    agent: Agent
    proposals: dict[int, Proposal] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    outcomes: dict[int, tuple[int, float | None]] = field(default_factory=dict)
    """By index: the place among the observations, from 1, and the reward."""
    abandoned: set[int] = field(default_factory=set)
    foreign: dict[int, Record] = field(default_factory=dict)
    """By index: candidates that the agent did not propose."""

    @classmethod
    def beginning_with(cls, agent: Agent, foreign: Iterable[Record]) -> History:
        """Return the history of an agent that receives foreign candidates before it proposes."""
        records = {record.index: record for record in foreign}
        agent.restore(records.values())
        return cls(
            agent,
            pending=[index for index, record in records.items() if record.sequence is None and not record.abandoned],
            outcomes={index: (each.sequence, each.reward) for index, each in records.items() if each.sequence},
            abandoned={index for index, record in records.items() if record.abandoned},
            foreign=records,
        )

    def propose(self) -> Proposal:
        """Ask the agent for a candidate, which is then pending."""
        proposal = self.agent.propose()
        self.proposals[proposal.index] = proposal
        self.pending.append(proposal.index)
        return proposal

    def observe(self, index: int, reward: float | None) -> None:
        """Tell the agent a reward, None for infeasible."""
        self.pending.remove(index)
        self.agent.observe(index, reward)
        self.outcomes[index] = (len(self.outcomes) + 1, reward)

    def abandon(self, index: int) -> None:
        """Tell the agent that a proposal will never be observed."""
        self.pending.remove(index)
        self.agent.abandon(index)
        self.abandoned.add(index)

    def step(self, dice: random.Random, parallel: int) -> None:
        """Do one thing that may happen in a search: propose, observe (sometimes infeasible) or abandon."""
        if not self.pending or (len(self.pending) < parallel and dice.random() < 0.5):
            self.propose()
            return
        index = dice.choice(self.pending)
        kind = dice.random()
        if kind < 0.1:
            self.abandon(index)
        else:
            self.observe(index, None if kind < 0.25 else dice.uniform(-1, 1))

    def records(self) -> list[Record]:
        """Return what was recorded, in the order of the proposals."""
        own = [
            Record(each.index, dict(each.decisions), each.mutated, each.observed_up_to, None, None)
            for each in self.proposals.values()
        ]
        return [self._with_outcome(record) for record in (*self.foreign.values(), *own)]

    def _with_outcome(self, record: Record) -> Record:
        sequence, reward = self.outcomes.get(record.index, (None, None))
        return replace(record, sequence=sequence, reward=reward, abandoned=record.index in self.abandoned)


class AgentContract:
    """What callers of any agent rely on: derive from it and define ``create``."""

    examples = 8
    """How many examples Hypothesis generates for each property; use fewer for slow agents."""
    steps = 90
    """Length of the longest history, in proposals and observations."""

    def create(self, space: SearchSpace, seed: int) -> Agent:
        """Return a new agent. Settings that end its warm-up after few results make these tests stronger."""
        raise NotImplementedError

    def test_proposals_are_counted_from_zero_and_tell_what_they_had_seen(self) -> None:
        """Indexes are 0, 1, 2, …, no matter what is observed or abandoned in between."""
        history, dice = History(self.create(GRID, 0)), random.Random(0)
        for _ in range(self.steps // 2):
            history.step(dice, parallel=4)
            seen = len(history.outcomes)
            proposal = history.propose()
            assert proposal.index == len(history.proposals) - 1
            assert proposal.observed_up_to == seen

    def test_proposals_are_a_function_of_seed_and_history(self) -> None:
        """Two agents with the same history propose the same; another seed proposes something else."""
        played = []
        for seed in (1, 1, 2):
            history, dice = History(self.create(GRID, seed)), random.Random(1)
            for _ in range(self.steps // 2):
                history.step(dice, parallel=3)
            played.append(list(history.proposals.values()))
        assert played[0] == played[1]
        assert played[0] != played[2]

    def test_any_number_may_be_pending(self) -> None:
        """They may be observed in any order."""
        agent = self.create(GRID, 0)
        proposals = [agent.propose() for _ in range(40)]
        for proposal in reversed(proposals):
            agent.observe(proposal.index, 0.25 * proposal.index)
        assert agent.propose().observed_up_to == 40

    def test_every_candidate_is_proposed_once(self) -> None:
        """In any space, then SpaceExhausted: an evaluation takes hours, and a search must end."""

        def check(space: SearchSpace, seed: int, dice: random.Random) -> None:
            self._exhaust(space, seed, dice)

        self._run(check, space=spaces(max_size=24), seed=st.integers(0, 2**63 - 1), dice=_DICE)

    @pytest.mark.parametrize("space", [CONDITIONAL, ONE_CANDIDATE], ids=["conditional", "one-candidate"])
    def test_the_last_candidate_is_found(self, space: SearchSpace) -> None:
        """With decisions that depend on others, and with nothing to decide."""
        self._exhaust(space, 1, random.Random(1))

    def test_restored_agents_equal_undisturbed_ones(self) -> None:
        """Whatever the order of the records, with up to 16 pending, some infeasible and some abandoned."""

        def check(dice: random.Random, before: int, parallel: int) -> None:
            undisturbed = History(self.create(GRID, 6))
            for _ in range(before):
                undisturbed.step(dice, parallel)
            records = undisturbed.records()
            dice.shuffle(records)
            restored = self.create(GRID, 6)
            restored.restore(records)
            assert restored.entropy == undisturbed.agent.entropy
            for _ in range(12):
                proposal = undisturbed.propose()
                assert restored.propose() == proposal
                index, reward = dice.choice(undisturbed.pending), dice.uniform(-1, 1)
                undisturbed.observe(index, reward)
                restored.observe(index, reward)
            assert restored.entropy == undisturbed.agent.entropy

        self._run(check, dice=_DICE, before=st.integers(0, self.steps), parallel=st.integers(1, 16))

    def test_candidates_from_outside_are_learned_from_and_not_proposed_again(self) -> None:
        """Imported, listed and abandoned ones (``Record.foreign``): no draw by the agent led to them."""

        def check(dice: random.Random, before: int, parallel: int) -> None:
            foreign = [replace(each, mutated=(), foreign=True) for each in _distinct(8)]
            foreign[5] = replace(foreign[5], sequence=None, reward=None, abandoned=True)
            foreign[6:] = [replace(each, sequence=None, reward=None) for each in foreign[6:]]
            undisturbed = History.beginning_with(self.create(GRID, 6), foreign)
            first = undisturbed.propose()
            assert (first.index, first.observed_up_to) == (8, 5)
            for _ in range(before):
                undisturbed.step(dice, parallel)
            restored = self.create(GRID, 6)
            restored.restore(undisturbed.records())
            assert restored.entropy == undisturbed.agent.entropy
            for _ in range(4):
                assert restored.propose() == undisturbed.propose()
            known = [dict(each.decisions) for each in undisturbed.records()]
            assert all(known.count(decisions) == 1 for decisions in known)

        self._run(check, dice=_DICE, before=st.integers(0, self.steps // 2), parallel=st.integers(1, 8))

    def test_pinned_results_are_named_where_they_count_and_restored_by_that(self) -> None:
        """Agents with a population: a proposal's ``pinned`` is all that is recorded of what a user pinned."""

        def check(dice: random.Random, before: int) -> None:
            undisturbed = History(self.create(GRID, 6))
            agent = undisturbed.agent
            if not isinstance(agent, HasPopulation):
                return
            for _ in range(before):
                undisturbed.step(dice, parallel=4)
            with pytest.raises(ValueError, match="99"):
                agent.pin([Record(99, GRID.to_candidate(GRID.unrank(0)), (), 0, 1, None)])
            records = undisturbed.records()
            rewarded = [record for record in records if record.reward is not None]
            agent.pin(rewarded)
            agent.pin(dice.sample(rewarded, min(3, len(rewarded))))
            restored = self.create(GRID, 6)
            restored.restore(records)
            assert isinstance(restored, HasPopulation)
            for _ in range(3):
                proposal = undisturbed.propose()
                restored.pin([record for record in records if record.index in proposal.pinned])
                assert restored.propose() == proposal
            agent.pin([])
            restored.pin([])
            proposal = undisturbed.propose()
            assert restored.propose() == proposal
            assert proposal.pinned == ()

        self._run(check, dice=_DICE, before=st.integers(0, self.steps))

    def test_restoring_at_every_point_of_a_conditional_search_changes_nothing(self) -> None:
        """Not even asking twice does."""
        undisturbed, dice = History(self.create(CONDITIONAL, 2)), random.Random(3)
        count = min(20, self.steps // 3)
        while len(undisturbed.proposals) < count:
            undisturbed.step(dice, parallel=4)
            following = []
            for _ in range(2):
                restored = self.create(CONDITIONAL, 2)
                restored.restore(undisturbed.records())
                following.append(restored.propose())
            assert following[0] == following[1]
        assert following[0].index == count
        assert undisturbed.propose() == following[0]

    def test_a_deleted_record_leaves_a_gap_that_is_not_filled(self) -> None:
        """An index is never used again."""
        agent = self.create(GRID, 0)
        agent.restore([each for each in _distinct(20) if each.index not in (0, 7, 13)])
        proposal = agent.propose()
        assert proposal.index == 20
        assert proposal.observed_up_to == 17
        agent.observe(20, 0.5)
        with pytest.raises(ValueError, match="7"):
            agent.observe(7, 0.5)

    def test_observations_are_folded_by_sequence_then_index(self) -> None:
        """Two operators that once overlapped may assign a number twice, or skip one."""
        records = _distinct(16)
        tied = [replace(each, sequence=3 * ((15 - each.index) // 2)) for each in records]
        ordered = sorted(tied, key=lambda each: (each.sequence or 0, each.index))
        renumbered = [replace(each, sequence=place) for place, each in enumerate(ordered, 1)]
        proposals = []
        for history in (tied, renumbered, list(reversed(tied))):
            agent = self.create(GRID, 0)
            agent.restore(history)
            proposals.append(([agent.propose() for _ in range(5)], agent.entropy))
        assert proposals[0] == proposals[1] == proposals[2]

    def test_pending_and_abandoned_candidates_stay_known(self) -> None:
        """A restored agent may observe what is pending, and does not propose any candidate of its history."""
        space = SearchSpace.parse([{"name": f"a{k}", "values": [1, 2]} for k in (1, 2)])
        decisions = [space.to_candidate(space.unrank(rank)) for rank in range(4)]
        agent = self.create(space, 0)
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
        with pytest.raises(ValueError, match="1"):
            agent.observe(1, 1.0)
        with pytest.raises(SpaceExhausted):
            agent.propose()

    def test_one_candidate_under_two_indexes_is_accepted(self) -> None:
        """Only a second operator could cause it, and a search must survive that."""
        agent = self.create(GRID, 0)
        agent.restore([Record(index, GRID.to_candidate(GRID.unrank(0)), (), 0, index + 1, 0.5) for index in range(2)])
        assert len({str(agent.propose().decisions) for _ in range(3)}) == 3

    @pytest.mark.parametrize("wrong", list(range(6)))
    def test_records_of_another_search_are_refused(self, wrong: int) -> None:
        """A record that contradicts the space, the others or itself does not belong to this search."""
        good = _distinct(2)
        bad = [
            replace(good[1], decisions={"a1": 1}),
            replace(good[1], decisions={**good[1].decisions, "a1": 9}),
            replace(good[1], sequence=None),
            replace(good[1], abandoned=True),
            replace(good[1], reward=math.nan),
            replace(good[1], index=0),
        ][wrong]
        with pytest.raises(InvalidRecord):
            self.create(GRID, 0).restore([good[0], bad])

    def test_only_a_new_agent_can_be_restored(self) -> None:
        """Its own proposals would not be in any record."""
        agent = self.create(GRID, 0)
        agent.propose()
        with pytest.raises(ValueError, match=r"\w"):
            agent.restore([])

    def test_wrong_calls_are_refused_and_change_nothing(self) -> None:
        """Unknown and settled indexes, and rewards that are not finite numbers."""
        agent, twin = (self.create(GRID, 0) for _ in range(2))
        for each in (agent, twin):
            for reward in (0.1, 0.2, 0.3):
                each.observe(each.propose().index, reward)
            each.propose()
            each.abandon(each.propose().index)
        for index in (0, 4, 5, -1):
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe(index, 0.5)
            with pytest.raises(ValueError, match=r"\w"):
                agent.abandon(index)
        for wrong in (math.nan, math.inf, -math.inf):
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe(3, wrong)
        for each in (agent, twin):
            each.observe(3, 0.5)
        assert agent.propose() == twin.propose()

    def test_rewards_of_any_size_are_taken(self) -> None:
        """An exploding loss stays finite for a while."""
        agent = self.create(GRID, 0)
        for number in range(self.steps // 4):
            agent.observe(agent.propose().index, (1e308, -1e308, 0.0, 1e-308)[number % 4])
        GRID.to_choices(agent.propose().decisions)

    def _exhaust(self, space: SearchSpace, seed: int, dice: random.Random) -> None:
        history = History(self.create(space, seed))
        seen = set()
        for _ in range(space.size):
            seen.add(space.to_choices(history.propose().decisions))
            if dice.random() < 0.7:
                history.observe(dice.choice(history.pending), dice.choice([None, 0.0, dice.uniform(-1, 1)]))
            elif dice.random() < 0.3:
                history.abandon(dice.choice(history.pending))
        assert len(seen) == space.size
        for _ in range(2):
            with pytest.raises(SpaceExhausted):
                history.agent.propose()

    def _run(self, check: Callable[..., None], **arguments: st.SearchStrategy[Any]) -> None:
        # Not a decorator of the tests: the derived class sets their number of examples.
        settings(max_examples=self.examples, deadline=None)(given(**arguments)(check))()


_DICE = st.randoms(use_true_random=False)


def _distinct(count: int) -> list[Record]:
    records = []
    for index in range(count):
        decisions = GRID.to_candidate(GRID.unrank(7 * index))
        reward = sum(float(value) for value in decisions.values()) / 16
        records.append(Record(index, decisions, tuple(decisions), 0, index + 1, reward))
    return records
