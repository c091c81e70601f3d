"""Experience of earlier searches: agents that have it keep every promise, use it, and find out if it misleads."""

from __future__ import annotations

import math
import random
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from evonas.agents import (
    Agent,
    AgentSettings,
    EarlierTask,
    Experience,
    Explaining,
    create_agent,
    uses_experience,
)
from evonas.agents.critic import earlier
from evonas.agents.critic.critic import Critic
from evonas.agents.critic.earlier import EarlierTasks
from evonas.agents.critic.gaussian_process import Factor
from evonas.agents.critic.trend import PSEUDO_RESULTS, Trend
from evonas.agents.curves import outlook
from evonas.agents.testing import AgentContract
from evonas.agents.transfer import find_elites
from evonas.space import INACTIVE, SearchSpace
from tests.tier import examples

from .support import CONDITIONAL, counting, counting_space, observation, play


def task(space: SearchSpace, rewards: dict[tuple[int, ...], float], source: str = "search earlier") -> EarlierTask:
    """Return a task with all decisions of the space."""
    names = tuple(decision.name for decision in space.decisions)
    scores = outlook([()] * len(rewards), np.array([*rewards.values()])).expected
    return EarlierTask(source, names, tuple(rewards), tuple(scores.tolist()))


def counted(space: SearchSpace, sign: int = 1, source: str = "search earlier") -> EarlierTask:
    """Return what a search of the counting problem with 60 random candidates has found, or the opposite of it."""
    dice = random.Random(7)
    tried = {space.unrank(dice.randrange(space.size)): 0.0 for _ in range(60)}
    return task(space, {choices: sign * counting(space.to_candidate(choices)) for choices in tried}, source)


def foreign(space: SearchSpace) -> Experience:
    """Return tasks that share all decisions of a space, or only the first, with arbitrary rewards."""
    dice = random.Random(len(space))
    tried = [*{space.unrank(dice.randrange(space.size)): None for _ in range(20)}]
    first = space.decisions[0]
    some = {(choice,): float(dice.random()) for choice in range(len(first.values))}
    narrow = EarlierTask("search narrow", (first.name,), tuple(some), tuple(some.values()))
    return Experience((task(space, {choices: dice.random() for choices in tried}), narrow))


class Experienced(AgentContract):
    type: ClassVar[str] = "EvoNAS"
    examples = examples(3)
    steps = 60

    def create(self, space: SearchSpace, seed: int) -> Agent:
        config = {"warmup": 5, "evolution": {"population": 8, "tournament": 3}}
        return create_agent(self.type, space, seed, config, foreign(space))


class TestEvoNAS(Experienced):
    pass


class TestNeural(Experienced):
    type = "Neural"


@pytest.mark.parametrize(
    ("type", "config"),
    [
        ("Random", {}),
        ("Evolution", {}),
        ("Neural", {"policy": {"training": "None"}}),
        ("EvoNAS", {"policy": {"training": "None"}, "critic": {"model": "None"}}),
    ],
)
def test_agents_that_do_not_learn_from_it_propose_what_they_would_without_it(type: str, config: dict[str, Any]) -> None:
    space = counting_space(4)
    with_it = create_agent(type, space, 3, config, Experience((counted(space),)))
    assert play(with_it, 20) == play(create_agent(type, space, 3, config), 20)
    assert not uses_experience(type, AgentSettings.parse(config))


def test_an_earlier_search_without_a_better_half_has_an_elite() -> None:
    space = counting_space(3)
    same = EarlierTask("search earlier", ("a1",), ((0,), (1,)), (0.0, 0.0))
    assert create_agent("EvoNAS", space, 1, {}, Experience((same,))).propose().origin == "transfer"


def test_a_search_like_an_earlier_one_begins_where_that_one_ended() -> None:
    space = counting_space(6)
    known = counted(space)
    best = max(counting(space.to_candidate(choices)) for choices in known.candidates)
    begun = play(create_agent("EvoNAS", space, 1, {}, Experience((known,))), 8)
    assert max(counting(proposal.decisions) for proposal in begun) >= best
    assert "transfer" in {proposal.origin for proposal in begun}
    assert "random" not in {proposal.origin for proposal in begun}
    assert all(proposal.parent is None for proposal in begun if proposal.origin == "transfer")


def test_a_network_has_learned_from_it_before_the_first_proposal() -> None:
    space = counting_space(6)
    cold = create_agent("Neural", space, 1)
    warm = create_agent("Neural", space, 1, {}, Experience((counted(space),)))
    assert cold.entropy == 1.0
    assert warm.entropy is not None
    assert warm.entropy < 0.98
    means = [np.mean([counting(agent.propose().decisions) for _ in range(10)]) for agent in (cold, warm)]
    assert means[1] > means[0]


@pytest.mark.parametrize(("sign", "low", "high"), [(1, 0.5, 3.0), (-1, -3.0, 0.0)], ids=["alike", "misleading"])
def test_results_show_how_much_an_earlier_search_says(sign: int, low: float, high: float) -> None:
    space = counting_space(5)
    critic = Critic(space, Experience((counted(space, sign),)))
    dice = random.Random(1)
    for index in range(30):
        choices = space.unrank(dice.randrange(space.size))
        reward = counting(space.to_candidate(choices))
        critic.observe(observation(index, choices, (True,) * len(space), reward))
    posterior = critic.judge([]).posterior
    assert isinstance(posterior, Trend)
    assert low < float(posterior.coefficients[1]) < high


def test_what_a_proposal_owes_is_told_by_the_search_it_owes_it_to() -> None:
    space = counting_space(5)
    noise = random.Random(3)
    unrelated = task(space, {space.unrank(noise.randrange(space.size)): noise.random() for _ in range(40)})
    agent = create_agent("EvoNAS", space, 1, {}, Experience((counted(space), unrelated)))
    play(agent, 30)
    assert isinstance(agent, Explaining)
    shares = np.array([alternative.owed for alternative in agent.alternatives()])
    assert shares.shape[1] == 2
    assert shares[:, 0].mean() > abs(shares[:, 1].mean())
    cold = create_agent("EvoNAS", space, 1)
    play(cold, 12)
    assert isinstance(cold, Explaining)
    assert all(alternative.owed is None for alternative in cold.alternatives())


def test_an_elite_has_what_an_earlier_search_had_and_the_best_come_first_and_the_worse_never() -> None:
    known = EarlierTask("search earlier", ("blocks", "pool"), ((2, 0), (1, 1), (0, 0)), (0.4, 1.2, -1.0))
    elites = find_elites(CONDITIONAL, Experience((known, known)))
    names = [decision.name for decision in CONDITIONAL.decisions]
    assert elites[:, names.index("blocks")].tolist() == [1, 2]
    assert elites[:, names.index("pool")].tolist() == [1, 0]
    others = [place for place, name in enumerate(names) if name not in ("blocks", "pool")]
    assert (elites[:, others] == INACTIVE).all()


def test_nothing_descends_from_candidates_that_have_no_decision_of_this_search() -> None:
    absent = EarlierTask("search earlier", ("kernel_4",), ((INACTIVE,),), (1.0,))
    assert len(find_elites(CONDITIONAL, Experience((absent,)))) == 0
    for type in ("EvoNAS", "Neural"):
        proposal = create_agent(type, CONDITIONAL, 1, {}, Experience((absent,))).propose()
        assert proposal.origin in ("random", "policy")


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40), st.integers(2, 20))
def test_of_too_many_candidates_the_best_half_and_an_even_selection_stay(scores: list[int], most: int) -> None:
    names, results = ("a",), [((place,), float(score)) for place, score in enumerate(scores)]
    task = EarlierTask.of("search earlier", names, results)
    reduced = task.reduced(most)
    assert len(reduced.candidates) == len(set(reduced.candidates)) == min(most, len(scores))
    assert list(reduced.scores) == sorted(reduced.scores, reverse=True)
    assert reduced.candidates[: most // 2] == task.candidates[: most // 2]
    assert all(
        scores[candidate[0]] == score for candidate, score in zip(reduced.candidates, reduced.scores, strict=True)
    )


def test_in_a_very_large_space_fewer_results_are_predicted_from(monkeypatch: pytest.MonkeyPatch) -> None:
    space = counting_space(5)
    known = counted(space)
    monkeypatch.setattr(earlier, "MAX_CELLS", 25 * 8)
    few = EarlierTasks(space, Experience((known,))).functions(np.array(known.candidates))
    monkeypatch.undo()
    expected = EarlierTasks(space, Experience((known.reduced(8),))).functions(np.array(known.candidates))
    assert few.tolist() == expected.tolist()


def test_a_task_that_lacks_a_decision_says_the_same_whatever_its_value() -> None:
    space = counting_space(3)
    known = EarlierTask("search earlier", ("a1", "a3"), tuple((i, j) for i in range(3) for j in range(3)), (0.0,) * 9)
    known = EarlierTask(
        known.source, known.decisions, known.candidates, tuple(float(i - j) for i, j in known.candidates)
    )
    said = EarlierTasks(space, Experience((known,))).functions(np.array([[2, k, 0] for k in range(3)]))
    assert said[:, 1].tolist() == [said[0, 1].item()] * 3
    assert said[0, 1] > 0.5


def test_tasks_are_told_in_their_order_whatever_decisions_they_share() -> None:
    space = counting_space(3)
    whole, opposite = counted(space), counted(space, sign=-1)
    narrow = EarlierTask("search narrow", ("a2",), ((0,), (1,), (2,)), (-1.0, 0.0, 1.0))
    candidates = np.array(whole.candidates)
    together = EarlierTasks(space, Experience((whole, narrow, opposite))).functions(candidates)
    alone = EarlierTasks(space, Experience((narrow,))).functions(candidates)
    assert together[:, 2].numpy() == pytest.approx(alone[:, 1].numpy())
    assert np.corrcoef(together[:, 1], together[:, 3])[0, 1] < -0.9


@settings(max_examples=examples(30))
@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(1, 4))
def test_a_trend_is_that_of_the_textbook(seed: int, known: int, count: int) -> None:
    numbers = np.random.default_rng(seed)
    points = torch.from_numpy(numbers.normal(size=(known + 3, 3)))
    matrix = torch.exp(-torch.cdist(points, points).square())
    functions = torch.from_numpy(numbers.normal(size=(known + 3, count)))
    means, variances = torch.from_numpy(numbers.normal(size=count)), torch.from_numpy(0.1 + numbers.random(count))
    targets = torch.from_numpy(numbers.normal(size=known))
    factor = Factor(matrix[:0, :0], 0.1)
    for place in range(known):
        factor = factor.appended(matrix[place, :place])
    trend = Trend(factor, targets, functions[:known], means, variances)
    mean, deviation = trend.predict(matrix[known:, :known], functions[known:])
    whole = matrix + functions * variances @ functions.T
    noisy = whole[:known, :known] + 0.1 * torch.eye(known, dtype=torch.float64)
    inverse, residual = torch.linalg.inv(noisy), targets - functions[:known] @ means
    expected = functions[known:] @ means + whole[known:, :known] @ inverse @ residual
    assert mean.numpy() == pytest.approx(expected.numpy(), abs=1e-8)
    scale = (float(residual @ inverse @ residual) + PSEUDO_RESULTS) / (known + PSEUDO_RESULTS)
    variance = scale * (whole[known:, known:] - whole[known:, :known] @ inverse @ whole[:known, known:]).diagonal()
    assert deviation.square().numpy() == pytest.approx(variance.numpy(), rel=1e-3, abs=1e-5)
    evidence = -(known + PSEUDO_RESULTS) / 2 * math.log(scale) - float(torch.logdet(noisy)) / 2
    assert trend.log_evidence == pytest.approx(evidence, abs=1e-6)
