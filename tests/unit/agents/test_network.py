"""The network: its gradients, and that it computes alone."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from evonas.agents import create_agent
from evonas.agents.neural.network import PolicyNetwork
from evonas.agents.neural.recurrent import SMALL
from evonas.agents.randomness import Purpose, uniforms
from evonas.agents.sources import WholeSamples
from evonas.agents.torch_threads import single_threaded
from evonas.space import INACTIVE, SearchSpace

from .support import CONDITIONAL, counting_space, play


def trained_by_chance(space: SearchSpace, hidden_units: int = 8) -> PolicyNetwork:
    """Return a network whose heads are not zero."""
    network = PolicyNetwork(space, 4, hidden_units)
    for weights in (network.parts.head, network.parts.bias):
        weights[:] = uniforms(9, Purpose.WEIGHTS, weights.ndim, weights.shape) * 4 - 2
    return network


@pytest.mark.parametrize("space", [counting_space(4), CONDITIONAL], ids=["counting", "conditional"])
def test_scores_are_the_probabilities_that_the_sampler_draws_with(space: SearchSpace) -> None:
    network = trained_by_chance(space)
    choices = WholeSamples(space, network, 1, "policy").draw(0).drawing.choices
    expected = np.zeros(choices.shape)
    entropies = np.zeros(choices.shape)
    rollout = network.rollout(len(choices))
    for position in range(len(space)):
        active = choices[:, position] != INACTIVE
        logits = rollout.logits(position)
        log_softmax = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        expected[active, position] = log_softmax[active, choices[active, position]]
        entropies[active, position] = -(np.exp(log_softmax) * log_softmax).sum(axis=1)[active]
        rollout.append(position, choices[:, position], active)
    scores = network.score(choices)
    assert scores.log_probabilities.detach().numpy() == pytest.approx(expected, abs=1e-12)
    assert scores.entropies.detach().numpy() == pytest.approx(entropies, abs=1e-12)


def test_probabilities_of_all_candidates_sum_to_one() -> None:
    network = trained_by_chance(CONDITIONAL)
    everything = np.array([CONDITIONAL.unrank(rank) for rank in range(CONDITIONAL.size)])
    probabilities = network.score(everything).log_probabilities.sum(dim=1).exp()
    assert float(probabilities.detach().sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("space", [counting_space(4), CONDITIONAL], ids=["counting", "conditional"])
@pytest.mark.parametrize("quantity", ["log_probabilities", "entropies"])
def test_gradients_agree_with_finite_differences(space: SearchSpace, quantity: str) -> None:
    network = trained_by_chance(space)
    choices = WholeSamples(space, network, 2, "policy").draw(0).drawing.choices[:5]
    total: torch.Tensor = getattr(network.score(choices), quantity).sum()
    total.backward()  # type: ignore[no-untyped-call]
    dice = random.Random(0)

    def at(place: int, shift: float) -> float:
        with torch.no_grad():
            before = float(network.weights[place])
            network.weights[place] = before + shift
            value = float(getattr(network.score(choices), quantity).sum())
            network.weights[place] = before
        return value

    assert network.weights.grad is not None
    moved = 0
    for place in dice.sample(range(network.weights.numel()), 100):
        numeric = (at(place, 1e-5) - at(place, -1e-5)) / 2e-5
        assert float(network.weights.grad[place]) == pytest.approx(numeric, rel=1e-5, abs=1e-8)
        moved += abs(numeric) > 1e-6
    assert moved > 20


def test_the_number_of_threads_is_put_back_and_changes_nothing() -> None:
    space, before = counting_space(5), torch.get_num_threads()
    histories = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            histories.append(play(create_agent("EvoNAS", space, seed=8), 40))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert histories[0] == histories[1]


def test_a_second_thread_waits_until_the_number_of_threads_is_put_back() -> None:
    first_is_in, second_is_in = threading.Event(), threading.Event()

    def second() -> None:
        first_is_in.wait()
        with single_threaded():
            second_is_in.set()

    worker = threading.Thread(target=second)
    worker.start()
    with single_threaded():
        first_is_in.set()
        assert not second_is_in.wait(0.2)
    assert second_is_in.wait(10)
    worker.join()


def test_agents_on_several_threads_do_not_disturb_each_other() -> None:
    space, before = counting_space(5), torch.get_num_threads()
    expected = play(create_agent("EvoNAS", space, seed=1), 30)
    results = []
    workers = [
        threading.Thread(target=lambda: results.append(play(create_agent("EvoNAS", space, seed=1), 30)))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [expected] * 4
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("type", ["Random", "EvoNAS"])
def test_global_generators_are_neither_read_nor_moved(type: str) -> None:
    def states() -> tuple[object, ...]:
        return random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()

    before = states()
    first = play(create_agent(type, counting_space(5), seed=2), 20)
    assert states() == before
    torch.manual_seed(12345)
    assert play(create_agent(type, counting_space(5), seed=2), 20) == first


def test_weights_depend_on_the_seed_alone() -> None:
    one, same, other = (PolicyNetwork(CONDITIONAL, seed, 8) for seed in (1, 1, 2))
    assert torch.equal(one.weights, same.weights)
    assert not np.array_equal(one.parts.embedding, other.parts.embedding)
    assert not np.array_equal(one.parts.from_hidden, other.parts.from_hidden)


def test_a_large_batch_is_computed_on_one_thread_and_as_small_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    network, product, threads = trained_by_chance(CONDITIONAL), torch.mm, set()

    def multiply(*operands: torch.Tensor) -> torch.Tensor:
        threads.add(torch.get_num_threads())
        return product(*operands)

    monkeypatch.setattr(torch, "mm", multiply)
    everything = np.array([CONDITIONAL.unrank(rank) for rank in range(CONDITIONAL.size)])
    batch = np.resize(everything, (2 * SMALL, len(CONDITIONAL)))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert logits(network, batch)[: len(everything)] == pytest.approx(logits(network, everything), abs=1e-12)
    finally:
        torch.set_num_threads(before)
    assert threads == {1}


def logits(network: PolicyNetwork, choices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the logits of every decision, [candidates, all values], each given the decisions before it."""
    rollout, found = network.rollout(len(choices)), []
    for position in range(choices.shape[1]):
        found.append(rollout.logits(position))
        rollout.append(position, choices[:, position], choices[:, position] != INACTIVE)
    return np.concatenate(found, axis=1)


def test_a_rollout_follows_the_weights_when_they_change() -> None:
    network = trained_by_chance(counting_space(2))
    position, everyone = np.zeros(1, np.int64), np.ones(1, bool)

    def logits() -> list[float]:
        rollout = network.rollout(1)
        rollout.append(0, position, everyone)
        found: list[float] = rollout.logits(1)[0].tolist()
        return found

    before = logits()
    with torch.no_grad():
        network.weights.mul_(2)
    assert logits() != before
