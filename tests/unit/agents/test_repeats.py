"""The search trains its leaders again where rewards are noisy, and only there."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from evonas.agents import InvalidRecord, Recommending, Record, create_agent
from evonas.agents.interface import Agent, Proposal
from evonas.agents.repeats import FIRST, INTERVAL
from evonas.agents.testing.history import History
from evonas.space import SearchSpace

from .support import counting, counting_space, play

SPACE = SearchSpace.parse([{"name": f"d{position}", "values": list(range(5))} for position in range(3)])


def worth(decisions: dict[str, Any]) -> float:
    return 1 - float(sum((value - 2.2) ** 2 for value in decisions.values())) / 40


def noisy(agent: Agent, trials: int, deviation: float, seed: int = 0) -> list[tuple[Proposal, float]]:
    dice, played = random.Random(seed), []
    for _ in range(trials):
        proposal = agent.propose()
        reward = worth(proposal.decisions) + dice.gauss(0, deviation)
        agent.observe(proposal.index, reward)
        played.append((proposal, reward))
    return played


def repeats_of(proposals: list[Proposal]) -> list[Proposal]:
    return [proposal for proposal in proposals if proposal.origin == "repeat"]


def test_exact_rewards_are_found_out_by_three_repeats_and_never_repeated_again() -> None:
    proposals = play(create_agent("EvoNAS", counting_space(6), seed=1), 200)
    repeats = repeats_of(proposals)
    assert len(repeats) == 3
    assert repeats[0].index >= FIRST
    assert repeats[-1].index < 2 * FIRST


def test_noisy_leaders_are_repeated_now_and_then_and_each_names_its_first_trial() -> None:
    agent = create_agent("EvoNAS", SPACE, seed=2)
    proposals = [proposal for proposal, _ in noisy(agent, 120, 0.1)]
    repeats = repeats_of(proposals)
    assert len(repeats) > 10
    assert all(later.index - earlier.index >= INTERVAL for earlier, later in pairwise(repeats))
    for proposal in repeats:
        assert proposal.parent is not None
        first = proposals[proposal.parent]
        assert first.origin != "repeat"
        assert (first.decisions, first.index) == (proposal.decisions, proposal.parent)
    new = [str(proposal.decisions) for proposal in proposals if proposal.origin != "repeat"]
    assert len({*new}) == len(new)


def test_the_recommended_candidate_is_better_than_the_luckiest() -> None:
    recommended, luckiest = [], []
    for seed in range(20):
        agent = create_agent("EvoNAS", SPACE, seed=seed)
        played = noisy(agent, 120, 0.3, seed)
        assert isinstance(agent, Recommending)
        assert agent.recommendation is not None
        assert agent.recommendation.deviation > 0
        recommended.append(worth(agent.recommendation.decisions))
        luckiest.append(worth(max(played, key=lambda each: each[1])[0].decisions))
    assert sum(recommended) > sum(luckiest)


@pytest.mark.parametrize("type", ["Random", "Evolution", "Neural"])
def test_the_other_agents_try_no_candidate_twice_and_recommend_none(type: str) -> None:
    agent = create_agent(type, SPACE, seed=2)
    assert not repeats_of([proposal for proposal, _ in noisy(agent, 80, 0.1)])
    assert isinstance(agent, Recommending)
    assert agent.recommendation is None


def test_repeats_under_way_are_not_all_of_one_candidate() -> None:
    agent = create_agent("EvoNAS", SPACE, seed=3)
    noisy(agent, 110, 0.1)
    pending = [agent.propose() for _ in range(40)]
    repeats = repeats_of(pending)
    assert len(repeats) > 4
    assert len({str(proposal.decisions) for proposal in repeats}) > 1


def test_a_repeat_that_is_infeasible_or_abandoned_or_stopped_leaves_a_search_that_goes_on() -> None:
    undisturbed = History(create_agent("EvoNAS", SPACE, seed=4), rungs=(1, 3))
    dice, kinds = random.Random(1), 0
    for _ in range(110):
        proposal = undisturbed.propose()
        reward = worth(proposal.decisions) + dice.gauss(0, 0.1)
        if proposal.origin != "repeat":
            undisturbed.observe(proposal.index, reward)
            continue
        kinds += 1
        if kinds % 4 == 1:
            undisturbed.observe(proposal.index, reward)
        elif kinds % 4 == 2:
            undisturbed.observe(proposal.index, None)
        elif kinds % 4 == 3:
            undisturbed.abandon(proposal.index)
        else:
            undisturbed.reach(proposal.index, 1, reward, stops=True)
    assert kinds > 6
    restored = undisturbed.restored(create_agent("EvoNAS", SPACE, seed=4), random.Random(2))
    for _ in range(8):
        assert restored.propose() == undisturbed.propose()
    infeasible = [
        undisturbed.proposals[index]
        for index, (_, reward) in undisturbed.outcomes.items()
        if reward is None and index not in undisturbed.stopped
    ]
    for proposal in infeasible:
        later = repeats_of([each for each in undisturbed.proposals.values() if each.index > proposal.index])
        assert proposal.parent not in {each.parent for each in later}


def test_an_exhausted_space_ends_the_search_however_noisy() -> None:
    space = SearchSpace.parse([{"name": f"d{position}", "values": [0, 1, 2]} for position in range(3)])
    agent = create_agent("EvoNAS", space, seed=1)
    dice, new = random.Random(3), 0
    while new < space.size:
        proposal = agent.propose()
        new += proposal.origin != "repeat"
        agent.observe(proposal.index, dice.random())
    with pytest.raises(Exception, match="all 27 candidates"):
        agent.propose()


def test_a_repeat_of_a_later_trial_or_of_another_candidate_is_refused() -> None:
    decisions = counting_space(3).to_candidate(counting_space(3).unrank(5))
    first = Record(0, decisions, (), 0, 1, counting(decisions))
    again = replace(first, index=1, sequence=2, repeats=0)
    create_agent("EvoNAS", counting_space(3)).restore([first, again])
    with pytest.raises(InvalidRecord, match="not an earlier one"):
        create_agent("EvoNAS", counting_space(3)).restore([first, replace(again, repeats=1)])
    other = counting_space(3).to_candidate(counting_space(3).unrank(6))
    with pytest.raises(InvalidRecord, match="trial 1 repeats trial 0, but has other decisions"):
        create_agent("EvoNAS", counting_space(3)).restore([first, replace(again, decisions=other)])
