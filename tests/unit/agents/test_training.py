"""PQT and REINFORCE: that each step goes where its definition says."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evonas.agents import create_agent
from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.neural.objective import Objective
from evonas.agents.neural.pqt import BestQueue, PriorityQueueTraining
from evonas.agents.neural.reinforce import Reinforce
from evonas.agents.neural.training import Descent
from evonas.agents.policy import Observation
from evonas.agents.sources import WholeSamples
from evonas.space import Choices, SearchSpace

from .support import CONDITIONAL, counting_space, observation, play
from .test_network import trained_by_chance

BANDIT = SearchSpace.parse([{"name": "arm", "values": [0, 1]}, {"name": "lever", "values": [0, 1, 2]}])
ARMS: list[Choices] = [BANDIT.unrank(rank) for rank in range(BANDIT.size)]
REWARDS = dict(zip(ARMS, [0.1, -0.4, 0.9, 0.3, 0.2, -1.0], strict=True))


class RecordedDescent(Descent):
    """Keeps the gradient of each step and does not move."""

    def __init__(self, network: PolicyNetwork) -> None:
        super().__init__(network, 0.01)
        self.network = network
        self.gradients: list[torch.Tensor] = []

    def step(self, choices: NDArray[np.int64], objective: Objective) -> None:
        scores = self.network.score(choices)
        gains = torch.from_numpy(objective.of_log_probabilities) * scores.log_probabilities
        gains = gains + torch.from_numpy(objective.of_entropies) * scores.entropies
        self.gradients.append(gradient(self.network, -gains.sum()))


def gradient(network: PolicyNetwork, value: torch.Tensor) -> torch.Tensor:
    (found,) = torch.autograd.grad(value, [network.weights])
    return found


def log_probability(network: PolicyNetwork, choices: Choices) -> float:
    with torch.no_grad():
        return float(network.score(np.array([choices])).log_probabilities.sum())


def aside(choices: Choices, *values: float | None, ends: bool = False) -> Observation:
    """Return what is observed of a trial that was put aside at each of its rungs, or ends after some."""
    curve = tuple((step, -math.inf if value is None else value) for step, value in zip((1, 3, 9), values, strict=False))
    again = len(values) > 1
    return observation(0, choices, (True,) * len(choices), values[-1], curve, stopped=not ends, again=again)


def result(choices: Choices, reward: float | None, drawn: tuple[bool, ...] | None = None) -> Observation:
    return observation(0, choices, (True,) * len(choices) if drawn is None else drawn, reward)


def reinforce_gradient(
    network: PolicyNetwork, choices: Choices, drawn: tuple[bool, ...], entropy_weight: float = 0
) -> torch.Tensor | None:
    """Return the gradient of one step at a baseline of 0.05, None where there was no step."""
    descent = RecordedDescent(network)
    learner = Reinforce(descent, warmup=1, baseline_decay=0.95, entropy_weight=entropy_weight)
    learner.observe(result((0, 0), 0.05, drawn=(False, False)))
    learner.observe(result(choices, REWARDS[choices], drawn))
    return descent.gradients[0] if descent.gradients else None


def test_the_mean_reinforce_step_is_the_gradient_of_the_expected_reward() -> None:
    network = trained_by_chance(BANDIT)
    probabilities = network.score(np.array(ARMS)).log_probabilities.sum(dim=1).exp()
    uphill = gradient(
        network, (probabilities * torch.tensor([REWARDS[arm] for arm in ARMS], dtype=torch.float64)).sum()
    )
    mean = torch.zeros_like(uphill)
    for arm, probability in zip(ARMS, probabilities.detach(), strict=True):
        step = reinforce_gradient(network, arm, (True, True))
        assert step is not None
        mean -= probability * step
    assert mean.numpy() == pytest.approx(uphill.numpy(), abs=1e-12)
    assert uphill.norm() > 0.01


def test_the_mean_reinforce_step_over_mutations_is_the_gradient_of_the_expected_reward_of_children() -> None:
    """The sampler is (1 - p) * copy + p * policy at each decision, and which it was is known."""
    network, parent, p = trained_by_chance(BANDIT), (1, 2), 0.3
    expected, mean = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for mask in product([False, True], repeat=2):
        weight = math.prod(p if redrawn else 1 - p for redrawn in mask)
        children = [arm for arm in ARMS if all(m or a == b for m, a, b in zip(mask, arm, parent, strict=True))]
        for child in children:
            scores = network.score(np.array([child])).log_probabilities[0]
            chance = weight * (scores * torch.tensor(mask)).sum().exp()
            expected = expected + chance * REWARDS[child]
            step = reinforce_gradient(network, child, mask)
            if step is not None:
                mean = mean - chance.detach() * step
    assert mean.numpy() == pytest.approx(gradient(network, expected).numpy(), abs=1e-12)


@pytest.mark.parametrize(
    ("type", "training", "weight"), [("Neural", "PQT", 0.1), ("EvoNAS", "PQT", 0.5), ("Neural", "REINFORCE", 0.005)]
)
def test_how_large_the_entropy_bonus_is_unless_it_is_set(type: str, training: str, weight: float) -> None:
    def entropy_with(**policy: float) -> float | None:
        settings = {"critic": {"model": "None"}, "policy": {"training": training, **policy}}
        agent = create_agent(type, counting_space(5), 0, settings)
        play(agent, 40)
        return agent.entropy

    assert entropy_with() == entropy_with(entropyWeight=weight)
    assert entropy_with() != entropy_with(entropyWeight=2 * weight)


def test_the_entropy_bonus_points_to_more_entropy() -> None:
    network = trained_by_chance(BANDIT)
    with_bonus = reinforce_gradient(network, (0, 1), (True, False), entropy_weight=2.0)
    without = reinforce_gradient(network, (0, 1), (True, False))
    assert with_bonus is not None
    assert without is not None
    bonus = gradient(network, network.score(np.array([(0, 1)])).entropies[0, 0])
    assert (without - with_bonus).numpy() == pytest.approx(2.0 * bonus.numpy(), abs=1e-12)


def test_reinforce_learns_nothing_from_what_the_policy_did_not_draw() -> None:
    assert reinforce_gradient(trained_by_chance(BANDIT), (0, 1), (False, False)) is None


@pytest.mark.parametrize("shift", [0.0, -50.0])
def test_reinforce_finds_the_best_arm(shift: float) -> None:
    network = PolicyNetwork(BANDIT, 0, 8)
    learner = Reinforce(Descent(network, 0.01), warmup=10, baseline_decay=0.95, entropy_weight=0.05)
    source = WholeSamples(BANDIT, network, 0, "policy")
    best = max(REWARDS, key=REWARDS.__getitem__)
    for index in range(400):
        choices: Choices = tuple(source.draw(index).drawing.choices[0].tolist())
        learner.observe(result(choices, REWARDS[choices] + shift))
    assert log_probability(network, best) > np.log(0.8)
    assert learner.entropy < 0.5


def test_reinforce_avoids_infeasible_candidates() -> None:
    network = PolicyNetwork(BANDIT, 0, 8)
    learner = Reinforce(Descent(network, 0.01), warmup=2, baseline_decay=0.95, entropy_weight=0.05)
    learner.observe(result((0, 0), None))
    learner.observe(result((0, 0), 0.2))
    learner.observe(result((0, 1), 0.8))
    before = log_probability(network, (1, 1))
    for _ in range(5):
        learner.observe(result((1, 1), None))
    assert log_probability(network, (1, 1)) < before


@pytest.mark.parametrize("space", [counting_space(5), CONDITIONAL], ids=["counting", "conditional"])
def test_pqt_makes_the_best_candidates_likely(space: SearchSpace) -> None:
    network = PolicyNetwork(space, 0, 32)
    learner = PriorityQueueTraining(Descent(network, 0.01), warmup=1, queue_size=2, entropy_weight=0.1)
    best, second, worst = space.unrank(space.size // 2), space.unrank(space.size - 1), space.unrank(0)
    before = {choices: log_probability(network, choices) for choices in (best, second, worst)}
    learner.observe(result(best, -3.0))
    learner.observe(result(second, -4.0))
    for _ in range(60):
        learner.observe(result(worst, -5.0))
    assert log_probability(network, best) > before[best] + 1
    assert log_probability(network, second) > before[second] + 1
    assert log_probability(network, worst) < before[worst]
    assert learner.entropy < 1


def test_one_pqt_step_goes_up_the_mean_log_probability_and_entropy_of_the_queue() -> None:
    network = trained_by_chance(CONDITIONAL)
    descent = RecordedDescent(network)
    learner = PriorityQueueTraining(descent, warmup=3, queue_size=2, entropy_weight=0.5)
    first, second, third = (CONDITIONAL.unrank(rank) for rank in (1, 8, 20))
    for choices, reward in [(first, 0.1), (second, 0.7), (third, 0.5)]:
        learner.observe(result(choices, reward))
    scores = network.score(np.array([second, third]))
    uphill = gradient(network, (scores.log_probabilities.sum() + 0.5 * scores.entropies.sum()) / 2)
    assert len(descent.gradients) == 1
    assert descent.gradients[0].numpy() == pytest.approx(-uphill.numpy(), abs=1e-12)


def test_pqt_ignores_infeasible_candidates_and_waits_for_the_warm_up() -> None:
    descent = RecordedDescent(trained_by_chance(BANDIT))
    learner = PriorityQueueTraining(descent, warmup=2, queue_size=2, entropy_weight=0.5)
    for reward, steps in [(None, 0), (0.3, 0), (None, 0), (0.1, 1), (None, 1), (0.2, 2)]:
        learner.observe(result((0, 1), reward))
        assert len(descent.gradients) == steps


def test_pqt_counts_a_candidate_that_goes_on_after_a_pause_once_in_the_warm_up() -> None:
    descent = RecordedDescent(trained_by_chance(BANDIT))
    learner = PriorityQueueTraining(descent, warmup=2, queue_size=2, entropy_weight=0.5)
    steps = [(aside((0, 1), 0.1), 0), (aside((0, 1), 0.1, 0.2), 0), (aside((0, 2), 0.1), 1)]
    for each, expected in [*steps, (aside((0, 1), 0.1, 0.2, 0.3), 2)]:
        learner.observe(each)
        assert len(descent.gradients) == expected


def test_pqt_imitates_a_candidate_by_what_it_reached_last() -> None:
    network = trained_by_chance(BANDIT)
    descent = RecordedDescent(network)
    learner = PriorityQueueTraining(descent, warmup=1, queue_size=1, entropy_weight=0.0)
    for each in [aside((0, 1), 0.1), aside((0, 2), 0.3), aside((0, 1), 0.1, 0.2)]:
        learner.observe(each)
    learner.observe(aside((0, 1), 0.1, 0.2, None))
    learner.observe(aside((1, 1), -0.5))
    imitated = [(0, 1), (0, 2), (0, 1), (1, 1)]
    for step, choices in zip(descent.gradients, imitated, strict=True):
        uphill = gradient(network, network.score(np.array([choices])).log_probabilities.sum())
        assert step.numpy() == pytest.approx(-uphill.numpy(), abs=1e-12)


def test_reinforce_learns_again_from_what_a_candidate_reached_after_a_pause() -> None:
    network = trained_by_chance(BANDIT)
    descent = RecordedDescent(network)
    learner = Reinforce(descent, warmup=2, baseline_decay=0.5, entropy_weight=0)
    for each in [aside((0, 1), 0.0), aside((0, 1), 0.0, 1.0)]:
        learner.observe(each)
    assert not descent.gradients
    learner.observe(aside((0, 2), 0.25))
    learner.observe(aside((0, 1), 0.0, 1.0, 2.0, ends=True))
    for step, (choices, advantage) in zip(descent.gradients, [((0, 2), -0.25), ((0, 1), 1.625)], strict=True):
        uphill = gradient(network, network.score(np.array([choices])).log_probabilities.sum())
        assert step.numpy() == pytest.approx(-advantage * uphill.numpy(), abs=1e-12)


def test_a_queue_keeps_the_best_distinct_candidates() -> None:
    queue = BestQueue(3)
    for choices, reward in [((0,), 0.5), ((1,), 0.9), ((0,), 2.0), ((2,), -1.0), ((3,), 0.5), ((4,), 0.5)]:
        queue.add(choices, (reward,))
    assert queue.candidates == [(1,), (0,), (3,)]


def test_stopped_candidates_are_only_imitated_where_too_few_were_trained_to_the_end() -> None:
    queue = BestQueue(4)
    queue.add((0,), (0.9,), stopped_at=1)
    queue.add((1,), (0.5,))
    queue.add((2,), (0.6,), stopped_at=3)
    queue.add((3,), (0.8,), stopped_at=3)
    assert queue.candidates == [(1,), (3,), (2,), (0,)]
    queue.add((4,), (0.1,))
    assert queue.candidates == [(1,), (4,), (3,), (2,)]


def test_a_step_is_bounded_by_the_learning_rate() -> None:
    network = trained_by_chance(BANDIT)
    before = network.weights.detach().clone()
    Descent(network, 0.01).step(np.array([(0, 1)]), Objective(np.full((1, 2), -1e6), np.zeros((1, 2))))
    assert float((network.weights.detach() - before).abs().max()) == pytest.approx(0.01, rel=1e-3)
