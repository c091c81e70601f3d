"""What a policy would decide: against all candidates of a space counted one by one, and asking changes nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from evonas.agents import HasPolicy, create_agent
from evonas.agents.marginals import find_marginals
from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.policy import UniformPolicy
from evonas.space import INACTIVE

from .support import CONDITIONAL, VARIANTS, History, counting_space, play

LEARNING = [
    (type, config)
    for type, config in VARIANTS
    if type in ("Neural", "EvoNAS") and config.get("policy", {}).get("training") != "None"
]


def test_marginals_are_those_of_all_candidates_weighted_by_the_policy() -> None:
    network = PolicyNetwork(CONDITIONAL, 3, 16)
    network.parts.head[:] = np.random.default_rng(1).normal(0, 2, network.parts.head.shape)
    candidates = np.array([CONDITIONAL.unrank(rank) for rank in range(CONDITIONAL.size)])
    with torch.no_grad():
        weights = network.score(candidates).log_probabilities.sum(1).exp().numpy()
    assert weights.sum() == pytest.approx(1)
    for position, decision in enumerate(CONDITIONAL.decisions):
        marginal = find_marginals(CONDITIONAL, network, seed=1)[decision.name]
        exists = weights[candidates[:, position] != INACTIVE].sum()
        assert marginal.exists == pytest.approx(exists, abs=0.04)
        assert marginal.values is not None
        assert sum(marginal.values) == pytest.approx(1)
        expected = [weights[candidates[:, position] == value].sum() / exists for value in range(len(decision.values))]
        assert marginal.values == pytest.approx(expected, abs=0.04)


def test_uniform_policy_has_uniform_marginals_given_that_a_decision_exists() -> None:
    found = find_marginals(CONDITIONAL, UniformPolicy(CONDITIONAL), seed=1)
    assert found["kernel_4"].values == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert found["kernel_4"].exists == pytest.approx(1 / 3, abs=0.04)
    assert found["blocks"].exists == 1


@pytest.mark.parametrize(("type", "config"), LEARNING)
def test_asking_changes_no_proposal(type: str, config: dict[str, Any]) -> None:
    played = []
    for asking in (True, False):
        history, dice = History(create_agent(type, CONDITIONAL, 4, {"warmup": 3, **config})), random.Random(2)
        while len(history.proposals) < 14:
            history.step(dice, parallel=3)
            # Twice, so that the second answer would show what the first one changed.
            if asking and len(history.pending) == 3:
                assert isinstance(history.agent, HasPolicy)
                assert history.agent.policy_marginals() == history.agent.policy_marginals()
        played.append(list(history.proposals.values()))
    assert played[0] == played[1]


@pytest.mark.parametrize(("type", "config"), LEARNING)
def test_policy_leans_to_what_was_rewarded(type: str, config: dict[str, Any]) -> None:
    agent = create_agent(type, counting_space(4), 0, {"warmup": 5, **config})
    assert isinstance(agent, HasPolicy)
    before = agent.policy_marginals()
    play(agent, 60)
    after = agent.policy_marginals()
    assert before is not None
    assert after is not None
    assert before["a4"].values == pytest.approx((1 / 4,) * 4)
    assert after["a4"].values is not None
    # The best candidate counts 1, 2, 3, 4; one that ends with 3 can be nearly as good.
    assert sum(after["a4"].values[2:]) > 0.6
    if (type, config) != ("EvoNAS", {"policy": {"training": "REINFORCE"}}):
        # REINFORCE learns only from what was drawn, and children of the best have their 4 from it.
        assert after["a4"].values[3] == max(after["a4"].values)
        assert after["a4"].values[3] > 0.35


def test_agents_without_a_policy_have_none_and_need_no_torch() -> None:
    asked = (
        "import sys; from evonas.agents import HasPolicy, create_agent; from evonas.space import SearchSpace;"
        "space = SearchSpace.parse([{'name': 'a', 'values': [1, 2]}]);"
        "agents = [create_agent(type, space) for type in ('Random', 'Evolution')];"
        "assert all(isinstance(agent, HasPolicy) and agent.policy_marginals() is None for agent in agents);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)
