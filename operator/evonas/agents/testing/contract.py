"""What callers of any agent rely on, as tests."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents.interface import (
    Agent,
    HasPopulation,
    InvalidRecord,
    LearnsFromRungs,
    Record,
    Reward,
    Rung,
    SpaceExhausted,
)
from evonas.agents.testing.history import RUNGS, History
from evonas.agents.testing.spaces import CONDITIONAL, GRID, ONE_CANDIDATE, spaces
from evonas.space import Choices, SearchSpace

MODES: Sequence[tuple[Sequence[int], bool]] = [((), False), (RUNGS, False), (RUNGS, True)]
"""Rungs, and whether trials are put aside there."""
IN_EVERY_MODE = pytest.mark.parametrize(("rungs", "pauses"), MODES, ids=["full trainings", "rungs", "pauses"])


class AgentContract:
    """What callers of any agent rely on: derive from it and define ``create``."""

    examples = 8
    """How many examples Hypothesis generates for each property; use fewer for slow agents."""
    steps = 90
    """Length of the longest history, in proposals and observations."""
    objectives = 1
    """How many objectives the agents have that ``create`` returns."""

    def create(self, space: SearchSpace, seed: int) -> Agent:
        """Return a new agent. Settings that end its warm-up after few results make these tests stronger."""
        raise NotImplementedError

    @IN_EVERY_MODE
    def test_proposals_are_counted_from_zero_and_tell_what_they_had_seen(
        self, rungs: Sequence[int], pauses: bool
    ) -> None:
        """Indexes are 0, 1, 2, …, no matter what is observed or abandoned in between."""
        history, dice = self._history(self.create(GRID, 0), rungs, pauses), random.Random(0)
        for _ in range(self.steps // 2):
            history.step(dice, parallel=4)
            seen = history.observed
            proposal = history.propose()
            assert proposal.index == len(history.proposals) - 1
            assert proposal.observed_up_to == seen

    def test_proposals_are_a_function_of_seed_and_history(self) -> None:
        """Two agents with the same history propose the same; another seed proposes something else."""
        played = []
        for seed in (1, 1, 2):
            history, dice = self._history(self.create(GRID, seed)), random.Random(1)
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
            agent.observe(proposal.index, self._reward(0.25 * proposal.index))
        assert agent.propose().observed_up_to == 40

    def test_every_candidate_is_new_once(self) -> None:
        """In any space, then SpaceExhausted: an evaluation takes hours, and a search must end."""

        def check(space: SearchSpace, seed: int, dice: random.Random) -> None:
            self._exhaust(space, seed, dice)

        self._run(check, space=spaces(max_size=24), seed=st.integers(0, 2**63 - 1), dice=_DICE)

    @pytest.mark.parametrize("space", [CONDITIONAL, ONE_CANDIDATE], ids=["conditional", "one-candidate"])
    def test_the_last_candidate_is_found(self, space: SearchSpace) -> None:
        """With decisions that depend on others, and with nothing to decide."""
        self._exhaust(space, 1, random.Random(1))

    def test_restored_agents_equal_undisturbed_ones(self) -> None:
        """Whatever the order of the records, with up to 16 pending, some infeasible, some abandoned, some stopped, or
        put aside at rungs, with some that went on.
        """

        def check(dice: random.Random, before: int, parallel: int, mode: tuple[Sequence[int], bool]) -> None:
            undisturbed = self._history(self.create(GRID, 6), *mode)
            for _ in range(before):
                undisturbed.step(dice, parallel)
            restored = undisturbed.restored(self.create(GRID, 6), dice)
            assert restored.agent.entropy == undisturbed.agent.entropy
            for _ in range(12):
                assert restored.propose() == undisturbed.propose()
                seed = dice.random()
                for each in (undisturbed, restored):
                    each.step(random.Random(seed), parallel=0)
            assert restored.agent.entropy == undisturbed.agent.entropy

        before, parallel = st.integers(0, self.steps), st.integers(1, 16)
        self._run(check, dice=_DICE, before=before, parallel=parallel, mode=st.sampled_from(MODES))

    def test_candidates_from_outside_are_learned_from_and_not_proposed_again(self) -> None:
        """Imported, listed and abandoned ones (``Record.foreign``): no draw by the agent led to them."""

        def check(dice: random.Random, before: int, parallel: int) -> None:
            foreign = [replace(each, mutated=(), foreign=True) for each in self._distinct(8)]
            foreign[5] = replace(foreign[5], sequence=None, reward=None, abandoned=True)
            foreign[6:] = [replace(each, sequence=None, reward=None) for each in foreign[6:]]
            undisturbed = History.beginning_with(self.create(GRID, 6), foreign, self.objectives)
            first = undisturbed.propose()
            assert (first.index, first.observed_up_to) == (8, 5)
            for _ in range(before):
                undisturbed.step(dice, parallel)
            restored = self.create(GRID, 6)
            restored.restore(undisturbed.records())
            assert restored.entropy == undisturbed.agent.entropy
            for _ in range(4):
                assert restored.propose() == undisturbed.propose()
            known = [dict(each.decisions) for each in undisturbed.records() if each.repeats is None]
            assert all(known.count(decisions) == 1 for decisions in known)

        self._run(check, dice=_DICE, before=st.integers(0, self.steps // 2), parallel=st.integers(1, 8))

    def test_pinned_results_are_named_where_they_count_and_restored_by_that(self) -> None:
        """Agents with a population: a proposal's ``pinned`` is all that is recorded of what a user pinned."""

        def check(dice: random.Random, before: int, mode: tuple[Sequence[int], bool]) -> None:
            undisturbed = self._history(self.create(GRID, 6), *mode)
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

        self._run(check, dice=_DICE, before=st.integers(0, self.steps), mode=st.sampled_from(MODES))

    @IN_EVERY_MODE
    def test_restoring_at_every_point_of_a_conditional_search_changes_nothing(
        self, rungs: Sequence[int], pauses: bool
    ) -> None:
        """Not even asking twice does."""
        undisturbed, dice = self._history(self.create(CONDITIONAL, 2), rungs, pauses), random.Random(3)
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
        agent.restore([each for each in self._distinct(20) if each.index not in (0, 7, 13)])
        proposal = agent.propose()
        assert proposal.index == 20
        assert proposal.observed_up_to == 17
        agent.observe(20, self._reward(0.5))
        with pytest.raises(ValueError, match="7"):
            agent.observe(7, self._reward(0.5))

    def test_observations_are_folded_by_sequence_then_index(self) -> None:
        """Two operators that once overlapped may assign a number twice, or skip one."""
        records = self._distinct(16)
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
        agent.observe(0, self._reward(1.0))
        with pytest.raises(ValueError, match="1"):
            agent.observe(1, self._reward(1.0))
        with pytest.raises(SpaceExhausted):
            agent.propose()

    def test_one_candidate_under_two_indexes_is_accepted(self) -> None:
        """Only a second operator could cause it, and a search must survive that."""
        agent = self.create(GRID, 0)
        candidate, reward = GRID.to_candidate(GRID.unrank(0)), self._reward(0.5)
        agent.restore([Record(index, candidate, (), 0, index + 1, reward) for index in range(2)])
        assert len({str(agent.propose().decisions) for _ in range(3)}) == 3

    @pytest.mark.parametrize("wrong", list(range(6)))
    def test_records_of_another_search_are_refused(self, wrong: int) -> None:
        """A record that contradicts the space, the others or itself does not belong to this search."""
        good = self._distinct(2)
        bad = [
            replace(good[1], decisions={"a1": 1}),
            replace(good[1], decisions={**good[1].decisions, "a1": 9}),
            replace(good[1], sequence=None),
            replace(good[1], abandoned=True),
            replace(good[1], reward=self._reward(math.nan)),
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
                each.observe(each.propose().index, self._reward(reward))
            each.propose()
            each.abandon(each.propose().index)
        for index in (0, 4, 5, -1):
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe(index, self._reward(0.5))
            with pytest.raises(ValueError, match=r"\w"):
                agent.abandon(index)
        for wrong in (math.nan, math.inf, -math.inf):
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe(3, self._reward(wrong))
        for each in (agent, twin):
            each.observe(3, self._reward(0.5))
        assert agent.propose() == twin.propose()

    def test_rungs_are_observed_of_pending_proposals_only(self) -> None:
        """Agents that learn from rungs: what is settled, unknown or not a number is refused, and changes nothing."""
        agent, twin = (self.create(GRID, 0) for _ in range(2))
        if not (isinstance(agent, LearnsFromRungs) and isinstance(twin, LearnsFromRungs)):
            return
        for each in (agent, twin):
            for _ in range(4):
                each.propose()
            each.observe_rung(0, 1, self._reward(0.1))
            each.stop(0)
            each.observe_rung(1, 1, None)
            each.abandon(1)
        for index in (0, 1, 9):
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe_rung(index, 3, self._reward(0.5))
        for index in (0, 1, 2, 9):
            with pytest.raises(ValueError, match=r"\w"):
                agent.stop(index)
        for wrong in (math.nan, math.inf, -math.inf):
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe_rung(2, 1, self._reward(wrong))
        for each in (agent, twin):
            each.observe_rung(2, 1, self._reward(0.5))
            each.stop(2)
            each.observe(3, self._reward(0.5))
        assert agent.propose() == twin.propose()

    def test_what_was_put_aside_stays_pending_and_may_go_on(self) -> None:
        """Agents that learn from rungs: it is put aside once at a rung, and may reach others, end or be abandoned."""
        agent, twin = (self.create(GRID, 0) for _ in range(2))
        if not (isinstance(agent, LearnsFromRungs) and isinstance(twin, LearnsFromRungs)):
            return
        for each in (agent, twin):
            for _ in range(4):
                each.propose()
            for index in range(3):
                each.observe_rung(index, 1, self._reward(0.1 * index))
                each.pause(index)
        for index in (0, 3, 9):
            with pytest.raises(ValueError, match=r"\w"):
                agent.pause(index)
        for each in (agent, twin):
            each.observe_rung(0, 3, None)
            each.pause(0)
            each.observe(1, self._reward(0.5))
            each.abandon(2)
        for index in (1, 2):
            for wrong in (agent.pause, agent.stop, agent.abandon):
                with pytest.raises(ValueError, match=r"\w"):
                    wrong(index)
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe_rung(index, 9, self._reward(0.5))
        assert agent.propose() == twin.propose()

    @pytest.mark.parametrize("wrong", list(range(5)))
    def test_records_of_impossible_trials_with_rungs_are_refused(self, wrong: int) -> None:
        """Agents that learn from rungs: one that was stopped has a rung and no reward, and was not put aside; rungs
        ascend, and are finite.
        """
        rungs = Rung(1, self._reward(0.1), 1), Rung(3, self._reward(0.2), 2)
        good = replace(self._distinct(1)[0], sequence=2, reward=None, rungs=rungs, stopped=True)
        bad = [
            replace(good, rungs=()),
            replace(good, reward=self._reward(0.5)),
            replace(good, pauses=True),
            replace(good, rungs=good.rungs[::-1]),
            replace(good, rungs=(Rung(1, self._reward(math.nan), 1), good.rungs[1])),
        ][wrong]
        if isinstance(self.create(GRID, 0), LearnsFromRungs):
            self.create(GRID, 0).restore([good])
            with pytest.raises(InvalidRecord):
                self.create(GRID, 0).restore([bad])

    def test_rewards_of_any_size_are_taken(self) -> None:
        """An exploding loss stays finite for a while."""
        agent = self.create(GRID, 0)
        for number in range(self.steps // 4):
            agent.observe(agent.propose().index, self._reward((1e308, -1e308, 0.0, 1e-308)[number % 4]))
        GRID.to_choices(agent.propose().decisions)

    @pytest.mark.parametrize("kind", ["scales", "constant", "equal", "steps"])
    def test_objectives_of_any_kind_are_taken(self, kind: str) -> None:
        """Agents with several: of wildly different scales, one that never changes, all results equal, and values of
        which there are few: an agent goes on, and a restored one does the same.
        """
        if self.objectives == 1:
            return
        dice, scales = random.Random(3), (1e-300, 1e300, 1.0, 1e-9)

        def reward() -> Reward:
            values = [dice.uniform(-1, 1) for _ in range(self.objectives)]
            match kind:
                case "scales":
                    values = [value * scale for value, scale in zip(values, scales, strict=False)]
                case "constant":
                    values[-1] = 0.5
                case "equal":
                    values = [0.5] * self.objectives
                case "steps":
                    values = [float(round(value)) for value in values]
            return tuple(values)

        undisturbed = self._history(self.create(GRID, 4))
        for _ in range(self.steps // 3):
            undisturbed.propose()
            if len(undisturbed.pending) > 2:
                undisturbed.observe(dice.choice(undisturbed.pending), reward())
        restored = undisturbed.restored(self.create(GRID, 4), dice)
        for _ in range(3):
            assert restored.propose() == undisturbed.propose()

    def test_rewards_of_other_numbers_of_objectives_are_refused_and_change_nothing(self) -> None:
        """Agents with several: a tuple of as many finite numbers. Those with one are never told a tuple."""
        if self.objectives == 1:
            return
        agent, twin = (self.create(GRID, 0) for _ in range(2))
        for each in (agent, twin):
            each.propose()
        wrong: list[Reward] = [(0.5,) * (self.objectives + 1), (0.5,) * (self.objectives - 1), (0.5,)]
        wrong += [0.5, (*(0.5,) * (self.objectives - 1), math.nan)]
        for reward in wrong:
            with pytest.raises(ValueError, match=r"\w"):
                agent.observe(0, reward)
            if isinstance(agent, LearnsFromRungs):
                with pytest.raises(ValueError, match=r"\w"):
                    agent.observe_rung(0, 1, reward)
            record = replace(self._distinct(1)[0], reward=reward)
            with pytest.raises(InvalidRecord):
                self.create(GRID, 0).restore([record])
        for each in (agent, twin):
            each.observe(0, self._reward(0.5))
        assert agent.propose() == twin.propose()

    def _history(self, agent: Agent, rungs: Sequence[int] = (), pauses: bool = False) -> History:
        return History(agent, rungs, pauses, objectives=self.objectives)

    def _reward(self, value: float) -> Reward:
        """Return a reward with this value; in further objectives, what is better there is worse, and the reverse."""
        return value if self.objectives == 1 else tuple(value * (-0.5) ** place for place in range(self.objectives))

    def _distinct(self, count: int) -> list[Record]:
        records = []
        for index in range(count):
            decisions = GRID.to_candidate(GRID.unrank(7 * index))
            reward = self._reward(sum(float(value) for value in decisions.values()) / 16)
            records.append(Record(index, decisions, tuple(decisions), 0, index + 1, reward))
        return records

    def _exhaust(self, space: SearchSpace, seed: int, dice: random.Random) -> None:
        history = self._history(self.create(space, seed))
        seen: set[Choices] = set()
        while len(seen) < space.size:
            proposal = history.propose()
            choices = space.to_choices(proposal.decisions)
            assert (choices in seen) == (proposal.origin == "repeat")
            seen.add(choices)
            if dice.random() < 0.7:
                history.observe(
                    dice.choice(history.pending),
                    dice.choice([None, self._reward(0.0), self._reward(dice.uniform(-1, 1))]),
                )
            elif dice.random() < 0.3:
                history.abandon(dice.choice(history.pending))
        for _ in range(2):
            with pytest.raises(SpaceExhausted):
                history.agent.propose()

    def _run(self, check: Callable[..., None], **arguments: st.SearchStrategy[Any]) -> None:
        # Not a decorator of the tests: the derived class sets their number of examples.
        settings(max_examples=self.examples, deadline=None)(given(**arguments)(check))()


_DICE = st.randoms(use_true_random=False)
