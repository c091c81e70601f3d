"""How the hybrid breeds candidates under its critic, and what it says of them."""

from __future__ import annotations

import numpy as np
import pytest

from evonas.agents import Proposal, create_agent
from evonas.agents.history import History, Pending
from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.policy import Alternating
from evonas.agents.settings import CriticSettings
from evonas.agents.sources import sample

from .support import counting, counting_space, play


def test_proposals_explain_themselves() -> None:
    proposals = play(create_agent("EvoNAS", counting_space(6), seed=1), 40)
    for proposal in proposals[:10]:
        assert (proposal.competitors, proposal.value, proposal.rank, proposal.policy_ratio) == (1, None, None, None)
    for proposal in _new(proposals[10:]):
        # Three generations: 32 children of evaluated parents, and twice all children that differ in one of six values.
        assert proposal.competitors == 32 + 2 * 6 * 5
        assert proposal.rank == proposal.redrawn + 1
        assert proposal.value is not None
        assert proposal.policy_ratio is not None
        assert proposal.policy_ratio > 0


def test_the_critic_expects_more_of_what_it_proposes_than_of_the_median_result() -> None:
    values = [proposal.value for proposal in play(create_agent("EvoNAS", counting_space(8), seed=2), 120)[60:]]
    assert np.mean([value for value in values if value is not None]) > 0.5


def test_without_a_policy_nothing_is_likelier_than_under_a_uniform_one() -> None:
    agent = create_agent("EvoNAS", counting_space(6), seed=1, settings={"policy": {"training": "None"}})
    ratios = {proposal.policy_ratio for proposal in _new(play(agent, 40)[10:])}
    assert ratios == {1.0}


def test_a_learned_policy_shows_in_the_ratio() -> None:
    proposals = play(create_agent("Neural", counting_space(6), seed=1), 150)
    ratios = [proposal.policy_ratio for proposal in proposals[100:] if proposal.policy_ratio is not None]
    assert np.median(ratios) > 2


def test_one_generation_is_bred_from_evaluated_parents_alone() -> None:
    settings = {"critic": {"generations": 1}}
    space = counting_space(6)
    proposals = play(create_agent("EvoNAS", space, seed=4, settings=settings), 60)
    assert all(proposal.competitors == 32 for proposal in _new(proposals[10:]))


@pytest.mark.parametrize(("decisions", "generations"), [(1, 2), (5, 2), (6, 3), (10, 5), (19, 5), (20, 3), (100, 3)])
def test_generations_follow_the_number_of_decisions(decisions: int, generations: int) -> None:
    assert CriticSettings().generations_for(decisions) == generations
    assert CriticSettings(generations=5).generations_for(decisions) == 5


def test_every_other_candidate_is_drawn_uniformly() -> None:
    space = counting_space(3)
    network = PolicyNetwork(space, seed=0, hidden_units=4)
    network.parts.bias[:, 1] = 5.0
    parents, numbers = np.zeros((5, 3), np.int64), np.full((5, 3), 0.9)
    drawing = sample(space, Alternating(network), parents, np.ones((5, 3), bool), numbers)
    # To a uniform policy, 0.9 stands for the last of three values.
    assert drawing.choices.tolist() == [[1] * 3, [2] * 3] * 2 + [[1] * 3]
    assert (drawing.gains > 0).tolist() == [[True] * 3, [False] * 3] * 2 + [[True] * 3]
    assert drawing.drawn.all()


def test_pending_candidates_are_not_proposed_again_and_neighbours_less() -> None:
    agent = create_agent("EvoNAS", counting_space(5), seed=3)
    for proposal in play(agent, 30):
        assert proposal.index < 30
    pending = [agent.propose().decisions for _ in range(16)]
    assert len({tuple(decisions.values()) for decisions in pending}) == 16


def test_the_order_in_which_records_were_folded_does_not_show_in_what_is_pending() -> None:
    """The critic's arithmetic depends on the order by a bit, and with it which candidate is the most promising."""
    history = History()
    for index in (2, 0, 1):
        history.add(Pending(index, (index,), (True,)))
    assert [each.index for each in history.under_way] == [0, 1, 2]


def test_the_critic_solves_what_evolution_alone_does_not() -> None:
    space, seeds = counting_space(8), range(3)
    best = {
        type: [max(counting(p.decisions) for p in play(create_agent(type, space, seed), 200)) for seed in seeds]
        for type in ("Evolution", "EvoNAS")
    }
    assert np.mean(best["EvoNAS"]) > np.mean(best["Evolution"]) + 0.1


def _new(proposals: list[Proposal]) -> list[Proposal]:
    return [proposal for proposal in proposals if proposal.origin != "repeat"]
