"""The proposer and its records: in step while they agree, folded again where they do not, the same proposals always."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents import Agent, create_agent
from evonas.errors import EvonasError
from evonas.search import lessons
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.trial import MAX_ABANDONED, Trial, TrialState
from evonas.spec import SearchSpec
from tests.tier import examples
from tests.unit.search.support import propose, search_spec

SPACE = [{"name": f"a{position}", "values": [1, 2, 3, 4]} for position in (1, 2, 3)]


def spec_of(type: str = "Evolution", goal: str = "Maximize", **agent: Any) -> SearchSpec:
    settings = {"type": type, "seed": 3, "warmup": 3, "evolution": {"population": 8, "tournament": 2}, **agent}
    return search_spec(searchSpace=SPACE, agent=settings, objective={"goal": goal})


class Records:
    """The trials of one search as a cluster or a journal holds them."""

    def __init__(self, dice: random.Random) -> None:
        self.trials: dict[int, Trial] = {}
        self.table = TrialTable()
        self._dice = dice

    def add(self, proposed: list[Trial]) -> None:
        for trial in proposed:
            self.put(trial)

    def put(self, trial: Trial) -> None:
        self.trials[trial.index] = trial
        self.table.put(trial)

    def delete(self, index: int) -> None:
        del self.trials[index]
        self.table.drop(index)

    def ask(self, proposer: Proposer, count: int) -> list[Trial]:
        return proposer.propose(proposer.collect(self.table), count)

    def end_some(self) -> None:
        pending = [trial for trial in self.trials.values() if not trial.state.is_final]
        for trial in self._dice.sample(pending, self._dice.randint(0, len(pending))):
            self.end(trial)

    def end(self, trial: Trial) -> None:
        state = self._dice.choices([TrialState.SUCCEEDED, TrialState.INFEASIBLE, TrialState.FAILED], weights=[6, 1, 1])[
            0
        ]
        sequence = max((item.sequence or 0 for item in self.trials.values()), default=0) + 1
        ended = replace(
            trial,
            state=state,
            reward=self._dice.random() if state is TrialState.SUCCEEDED else None,
            sequence=None if state is TrialState.FAILED else sequence,
        )
        self.put(ended)


class Counter:
    """Counts the agents that are made: each one is a fold of the whole record."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, *arguments: Any, **options: Any) -> Agent:
        self.made += 1
        return create_agent(*arguments, **options)


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter()
    monkeypatch.setattr(lessons, "create_agent", counter)
    return counter


def proposed_by_a_new_one(spec: SearchSpec, records: Records, count: int) -> list[Trial]:
    return propose(Proposer(spec), records.trials.values(), count)


@pytest.mark.parametrize("type", ["Random", "Evolution", "EvoNAS"])
def test_proposer_in_step_keeps_its_agent_and_proposes_what_a_fold_would(type: str, agents: Counter) -> None:
    spec, records = spec_of(type), Records(random.Random(1))
    proposer = Proposer(spec)
    for _ in range(12):
        records.end_some()
        made = agents.made
        proposed = records.ask(proposer, 2)
        assert agents.made - made == (1 if not records.trials else 0)
        assert proposed == proposed_by_a_new_one(spec, records, 2)
        records.add(proposed)
    assert sorted(records.trials) == list(range(24))


@settings(max_examples=examples(60))
@given(seed=st.integers(0, 2**32), disruptions=st.lists(st.sampled_from("wodr"), min_size=12, max_size=12))
def test_whatever_happens_to_the_records_the_proposals_are_those_of_an_undisturbed_proposer(
    seed: int, disruptions: list[str]
) -> None:
    dice = random.Random(seed)
    spec, records = spec_of(), Records(dice)
    proposer = Proposer(spec)
    for disruption in disruptions:
        records.end_some()
        if disruption == "o":  # another process proposed
            records.add(proposed_by_a_new_one(spec, records, 1))
        elif disruption == "d" and records.trials:  # somebody deleted a trial
            records.delete(dice.choice(sorted(records.trials)))
        elif disruption == "r":  # restarted
            proposer = Proposer(spec)
        proposed = records.ask(proposer, 3)
        assert proposed == proposed_by_a_new_one(spec, records, 3)
        # "w": the process failed to write all that was proposed.
        records.add(proposed[:1] if disruption == "w" else proposed)


def test_proposal_that_was_never_recorded_is_made_again(agents: Counter) -> None:
    spec, records = spec_of(), Records(random.Random(2))
    proposer = Proposer(spec)
    lost = records.ask(proposer, 2)
    records.add(lost[:1])
    again = records.ask(proposer, 1)
    assert again == lost[1:]
    assert agents.made == 2


def test_result_that_was_recorded_late_is_put_in_its_place(agents: Counter) -> None:
    spec, records = spec_of(warmup=2), Records(random.Random(3))
    proposer = Proposer(spec)
    records.add(records.ask(proposer, 3))
    for index, sequence in ((0, 1), (2, 3)):
        records.put(replace(records.trials[index], state=TrialState.SUCCEEDED, reward=0.5, sequence=sequence))
    records.add(records.ask(proposer, 1))
    records.put(replace(records.trials[1], state=TrialState.SUCCEEDED, reward=0.9, sequence=2))
    made = agents.made
    proposed = records.ask(proposer, 2)
    assert agents.made == made + 1
    assert proposed == proposed_by_a_new_one(spec, records, 2)


def test_proposals_go_on_after_the_highest_index_where_trials_were_deleted() -> None:
    spec, records = spec_of(), Records(random.Random(4))
    records.add(propose(Proposer(spec), [], 4))
    records.delete(1)
    assert [trial.index for trial in proposed_by_a_new_one(spec, records, 2)] == [4, 5]


def test_each_failed_trial_is_named_by_the_first_proposal_that_is_made_after_it() -> None:
    spec, records = spec_of(), Records(random.Random(5))
    proposer = Proposer(spec)
    records.add(records.ask(proposer, 4))
    for index in (3, 1):
        records.put(replace(records.trials[index], state=TrialState.FAILED))
    for asked in (proposer, Proposer(spec)):
        assert [trial.proposal.abandoned for trial in records.ask(asked, 2)] == [(1, 3), ()]
    records.add(proposed_by_a_new_one(spec, records, 1))
    records.put(replace(records.trials[0], state=TrialState.CANCELLED))
    assert [trial.proposal.abandoned for trial in records.ask(proposer, 2)] == [(0,), ()]


def test_more_failed_trials_than_a_proposal_may_name_are_left_to_be_guessed() -> None:
    space = [{"name": name, "values": list(range(40))} for name in "ab"]
    spec = search_spec(searchSpace=space, agent={"type": "Random"})
    records = Records(random.Random(6))
    records.add(propose(Proposer(spec), [], 1002))
    for index in range(MAX_ABANDONED):
        # By an operator of old.
        records.put(replace(records.trials[index], state=TrialState.FAILED))
    (named,) = proposed_by_a_new_one(spec, records, 1)
    assert named.proposal.abandoned == tuple(range(MAX_ABANDONED))
    records.put(replace(records.trials[MAX_ABANDONED], state=TrialState.FAILED))
    (unnamed,) = proposed_by_a_new_one(spec, records, 1)
    assert unnamed.proposal.abandoned is None


def test_exhausted_space_gives_fewer_proposals() -> None:
    spec = search_spec(searchSpace=[{"name": "a", "values": [1, 2, 3]}], agent={"type": "Random"})
    proposer = Proposer(spec)
    first = propose(proposer, [], 2)
    last = propose(proposer, first, 5)
    assert sorted(trial.decisions["a"] for trial in [*first, *last]) == [1, 2, 3]
    assert propose(proposer, [*first, *last], 5) == []


def test_agent_learns_upwards_whatever_the_goal() -> None:
    for goal, sign in (("Maximize", 1), ("Minimize", -1)):
        spec = spec_of(goal=goal, evolution={"population": 8, "tournament": 8})
        proposer = Proposer(spec)
        proposed = propose(proposer, [], 8)
        rewards = [sign * reward for reward in (0.1, 0.2, 0.9, 0.3, 0.4, 0.5, 0.6, 0.7)]
        records = [
            replace(trial, state=TrialState.SUCCEEDED, reward=reward, sequence=trial.index + 1)
            for trial, reward in zip(proposed, rewards, strict=True)
        ]
        assert [trial.proposal.parent for trial in propose(proposer, records, 3)] == [2, 2, 2]


def test_records_of_another_search_are_refused() -> None:
    foreign = Trial(0, {"b": 1}, propose(Proposer(spec_of()), [], 1)[0].proposal)
    with pytest.raises(EvonasError):
        propose(Proposer(spec_of()), [foreign], 1)


def test_entropy_is_that_of_the_agent_once_there_is_one() -> None:
    proposer = Proposer(spec_of("EvoNAS"))
    assert proposer.entropy is None
    propose(proposer, [], 1)
    assert proposer.entropy == 1
    silent = Proposer(spec_of("Random"))
    propose(silent, [], 1)
    assert silent.entropy is None


def test_candidate_that_another_operator_recorded_first_replaces_ones_own() -> None:
    table, proposer, other = TrialTable(), Proposer(spec_of()), Proposer(spec_of(seed=4))
    (mine,) = proposer.propose(proposer.collect(table), 1)
    (theirs,) = other.propose(other.collect(table), 1)
    assert (mine.index, mine.decisions) != (theirs.index, theirs.decisions)
    table.put(mine)
    assert proposer.collect(table).history is None
    table.put(theirs)
    assert proposer.collect(table).history == [theirs]
