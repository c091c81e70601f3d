"""What the critic believes, and that it believes the same however it came to know it."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evonas.agents.critic import critic as critic_module
from evonas.agents.critic.critic import Critic
from evonas.agents.critic.gaussian_process import Factor, Posterior, log_evidence, normal_scores
from evonas.agents.critic.memory import BLOCK, Memory
from evonas.agents.critic.similarity import Encoding, Shape, Similarity
from evonas.agents.curves import Curve
from evonas.agents.history import Pending
from evonas.agents.neighbours import Neighbourhood
from evonas.agents.sources import Drawing
from evonas.space import Choices, SearchSpace
from tests.tier import examples

from .support import CONDITIONAL, counting, counting_space, observation, spaces

SHAPE = Shape(length=0.3, pair_share=0.5, decay=2.0)


def some_choices(space: SearchSpace, count: int, seed: int = 0) -> list[Choices]:
    return [space.unrank(rank) for rank in random.Random(seed).sample(range(space.size), count)]


def told(space: SearchSpace, candidates: list[Choices], rewards: list[float | None]) -> Critic:
    critic = Critic(space)
    for index, (choices, reward) in enumerate(zip(candidates, rewards, strict=True)):
        critic.observe(observation(index, choices, (True,) * len(space), reward))
    return critic


def pending(candidates: list[Choices], curve: Curve = ()) -> list[Pending]:
    return [
        Pending(index, choices, (True,) * len(choices), (curve,) if curve else ())
        for index, choices in enumerate(candidates, 1000)
    ]


def grown(matrix: torch.Tensor, first: int, last: int, noise: float = 0.1) -> Factor:
    factor = Factor(matrix[:first, :first], noise)
    for place in range(first, last):
        factor = factor.appended(matrix[place, :place])
    return factor


def covariance(space: SearchSpace, candidates: list[Choices], shape: Shape = SHAPE) -> torch.Tensor:
    encoding = Encoding(space)
    tokens = encoding.tokens(np.array(candidates))
    similarity = Similarity(encoding, shape)
    return similarity.covariance(tokens, similarity.columns(tokens), len(tokens))


@given(
    spaces(max_size=300),
    st.sampled_from([0.1, 1.0]),
    st.sampled_from([0.0, 0.8]),
    st.sampled_from([0.5, 4.0]),
    st.booleans(),
)
@settings(max_examples=examples(25))
def test_similarity_is_a_covariance(
    space: SearchSpace, length: float, pair_share: float, decay: float, neighbours: bool
) -> None:
    assume(len(space) > 1 or not neighbours)
    candidates = [space.unrank(rank) for rank in range(min(space.size, 60))]
    matrix = covariance(space, candidates, Shape(length, pair_share, decay, neighbours))
    assert torch.equal(matrix, matrix.T)
    assert matrix.diagonal().numpy() == pytest.approx(1.0)
    # What single precision leaves: rounded entries move an eigenvalue by up to so much, far below the least noise.
    rounding = torch.finfo(torch.float32).eps * len(matrix)
    assert float(torch.linalg.eigvalsh(matrix.double()).min()) > -rounding


@pytest.mark.parametrize("decay", [0.5, 1.0])
def test_an_ordered_decision_that_may_be_absent_leaves_a_covariance(decay: float) -> None:
    """The factorisation failed in the middle of a search: absence was near to values far from each other."""
    space = SearchSpace.parse(
        [
            {"name": "optimizer", "values": ["sgd", "adam"]},
            {"name": "momentum", "values": [0.0, 0.5, 0.9], "when": {"name": "optimizer", "values": ["sgd"]}},
            *({"name": f"same{k}", "values": ["yes"]} for k in range(10)),
        ]
    )
    matrix = covariance(space, [space.unrank(rank) for rank in range(space.size)], Shape(0.1, 0.0, decay))
    assert float(torch.linalg.eigvalsh(matrix).min()) > 0


def test_similarity_is_what_its_formula_says() -> None:
    space = SearchSpace.parse(
        [
            {"name": "operation", "values": ["conv", "pool", "skip"]},
            {"name": "width", "values": [64, 16, 256]},
            {"name": "wide", "values": [True, False]},
        ]
    )
    one, other = (
        space.to_choices({"operation": "conv", "width": 16, "wide": True}),
        space.to_choices({"operation": "conv", "width": 64, "wide": False}),
    )
    width = math.exp(-((0.5 / 0.3) ** 2) / 2)
    single = (1 + width + 0) / 3
    every = math.exp(2.0 * (math.log(width) - 1) / 3)
    expected = 0.1 * single + 0.5 * single**2 + 0.4 * every
    assert float(covariance(space, [one, other])[0, 1]) == pytest.approx(expected)
    # Of the two pairs of neighbours, the first agrees as far as the widths do.
    expected = 0.1 * single + 0.5 * width / 2 + 0.4 * every
    assert float(covariance(space, [one, other], replace(SHAPE, neighbours=True))[0, 1]) == pytest.approx(expected)


def test_a_decision_that_does_not_exist_agrees_only_with_its_absence() -> None:
    absent = CONDITIONAL.to_choices({"blocks": 2, "activation": "relu", "pool": "max"})
    other_absent = CONDITIONAL.to_choices({"blocks": 3, "activation": "relu", "pool": "max"})
    there = CONDITIONAL.to_choices({"blocks": 4, "activation": "relu", "kernel_4": 3, "pool": "max"})
    matrix = covariance(CONDITIONAL, [absent, other_absent, there])
    assert matrix[0, 1] > matrix[0, 2]


def test_equal_rewards_share_a_score_and_better_ones_have_a_larger() -> None:
    scores = normal_scores(np.array([3.0, -math.inf, 3.0, 100.0, -math.inf, 101.0]))
    assert scores[0] == scores[2] == pytest.approx(0.0)
    assert scores[1] == scores[4] < scores[0] < scores[3] < scores[5]
    assert normal_scores(np.array([7.0])).tolist() == [0.0]


def test_the_posterior_is_that_of_the_textbook() -> None:
    random = np.random.default_rng(1)
    points = torch.from_numpy(random.normal(size=(12, 3)))
    matrix = torch.exp(-torch.cdist(points, points).square())
    targets = torch.from_numpy(random.normal(size=8))
    mean, deviation = Posterior(grown(matrix, 5, 8), targets).predict(matrix[8:, :8])
    inverse = torch.linalg.inv(matrix[:8, :8] + 0.1 * torch.eye(8, dtype=torch.float64))
    scale = float(targets @ inverse @ targets) / 8
    explained = matrix[8:, :8] @ inverse @ matrix[:8, 8:]
    assert mean.numpy() == pytest.approx((matrix[8:, :8] @ inverse @ targets).numpy())
    expected = (scale * (matrix[8:, 8:] - explained).diagonal()).numpy()
    assert deviation.square().numpy() == pytest.approx(expected, rel=1e-5)


def test_single_precision_keeps_the_deviation_next_to_many_known_candidates_and_the_least_noise() -> None:
    space = counting_space(10)
    candidates = some_choices(space, 672)
    # Next to a known candidate nearly everything is explained, and rounding shows most.
    near = [(*choices[:-1], (choices[-1] + 1) % 10) for choices in candidates[:32]]
    matrix = covariance(space, [*candidates, *near])
    factor = grown(matrix, 640, 672, noise=0.001)
    new = matrix[672:, :672]
    exact = 1 - factor.solve(new.T).square().sum(0)
    assert (1 - factor.explained(new)).numpy() == pytest.approx(exact.numpy(), rel=0.005)


def test_the_evidence_is_that_of_the_textbook() -> None:
    random = np.random.default_rng(2)
    points = torch.from_numpy(random.normal(size=(9, 2)))
    targets = torch.from_numpy(random.normal(size=9))
    evidences = {}
    for noise in (0.1, 1.0):
        matrix = torch.exp(-torch.cdist(points, points).square())
        noisy = matrix + noise * torch.eye(9, dtype=torch.float64)
        scale = float(targets @ torch.linalg.inv(noisy) @ targets) / 9
        normal = torch.distributions.MultivariateNormal(torch.zeros(9, dtype=torch.float64), scale * noisy)
        textbook = float(normal.log_prob(targets))  # type: ignore[no-untyped-call]
        evidences[noise] = textbook - log_evidence(matrix, noise, targets)
    assert evidences[0.1] == pytest.approx(evidences[1.0])


def test_a_singular_covariance_has_no_evidence() -> None:
    assert log_evidence(-torch.ones(2, 2, dtype=torch.float64), 0.0, torch.tensor([1.0, 2.0])) == -math.inf


def test_candidates_under_way_leave_the_expectation_and_lessen_the_doubt() -> None:
    space = counting_space(5)
    known, others = some_choices(space, 40), some_choices(space, 60)[40:]
    critic = told(space, known, [counting(space.to_candidate(choices)) for choices in known])
    rows = np.array(others)
    mean, deviation = critic.judge([]).predict(rows)
    mean_after, deviation_after = critic.judge(pending(others[:5])).predict(rows)
    assert mean_after == pytest.approx(mean)
    assert (deviation_after <= deviation + 1e-12).all()
    assert (deviation_after[:5] < 0.9 * deviation[:5]).all()


@given(spaces(max_size=300), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=examples(25))
def test_what_is_expected_of_a_change_is_what_is_expected_of_the_candidate(
    space: SearchSpace, stops: bool, neighbours: bool, seed: int
) -> None:
    candidates = [space.unrank(rank) for rank in np.random.default_rng(seed).permutation(space.size)[:40].tolist()]
    rewards = np.random.default_rng(seed).normal(size=len(candidates)).tolist()
    critic = told_of_stops(space, candidates, rewards, rewards) if stops else told(space, candidates, rewards)
    with pytest.MonkeyPatch.context() as patch:
        shapes = [replace(shape, neighbours=neighbours and len(space) > 1) for shape in Encoding(space).shapes()]
        patch.setattr(Encoding, "shapes", lambda _: shapes)
        judgement = critic.judge(pending(candidates[:3]))
    origin = np.array(candidates[-1])
    parent = Drawing(origin[np.newaxis], np.zeros((1, len(space)), bool), np.zeros((1, len(space))))
    changes, decides = Neighbourhood(space).changes(parent)
    plain = changes.among(~decides)
    choices = plain.take(np.arange(len(plain))).choices
    assert {tuple(row) for row in choices.tolist()} <= {space.unrank(rank) for rank in range(space.size)}
    means, _ = judgement.predict(choices)
    assert judgement.expect(choices) == pytest.approx(means)
    assert judgement.expect(choices, origin) == pytest.approx(means, abs=0.01)
    assert judgement.expect_changed(origin, plain.positions, plain.values) == pytest.approx(means, abs=0.01)


def test_the_critic_learns_to_rank_candidates_that_it_never_saw() -> None:
    space = counting_space(6)
    candidates = some_choices(space, 300)
    rewards = [counting(space.to_candidate(choices)) for choices in candidates]
    mean, _ = told(space, candidates[:200], list(rewards[:200])).judge([]).predict(np.array(candidates[200:]))
    ranks, expected = np.argsort(np.argsort(mean)), np.argsort(np.argsort(rewards[200:]))
    assert np.corrcoef(ranks, expected)[0, 1] > 0.8


def test_the_critic_finds_out_whether_only_neighbours_interact() -> None:
    space = counting_space(8)
    candidates = some_choices(space, 150)
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    near = [-float(np.square(np.diff(choices)).sum()) for choices in candidates]
    far = [-float(np.square(np.diff(np.array(choices)[order])).sum()) for choices in candidates]
    assert told(space, candidates, [*near]).judge([]).similarity.neighbours
    assert not told(space, candidates, [*far]).judge([]).similarity.neighbours


@pytest.mark.parametrize("peak", critic_module.NOISES)
def test_the_noise_with_the_largest_evidence_is_found(peak: float) -> None:
    asked = []

    def evidence(noise: float) -> float:
        asked.append(noise)
        return -abs(math.log(noise / peak))

    assert critic_module._peak(evidence) == (0.0, peak)
    assert len(asked) == 3


def test_a_noise_too_small_for_a_singular_covariance_is_passed_over() -> None:
    assert critic_module._peak(lambda noise: 1.0 if noise == critic_module.NOISES[-1] else -math.inf)[1] == 0.5


def test_infeasible_candidates_are_expected_to_be_worse_than_any_reward() -> None:
    space = counting_space(5)
    candidates = some_choices(space, 200)
    rewards = [None if choices[0] == 4 else 1.0 + choices[1] for choices in candidates]
    mean, _ = told(space, candidates[:150], rewards[:150]).judge([]).predict(np.array(candidates[150:]))
    infeasible = np.array([choices[0] == 4 for choices in candidates[150:]])
    assert mean[infeasible].max() < mean[~infeasible].mean()


def test_equal_rewards_and_a_single_one_are_no_trouble() -> None:
    space = counting_space(4)
    candidates = some_choices(space, 30)
    for count in (1, 2, 30):
        mean, deviation = told(space, candidates[:count], [0.5] * count).judge([]).predict(np.array(candidates))
        assert np.isfinite(mean).all()
        assert (deviation > 0).all()


def told_of_stops(space: SearchSpace, candidates: list[Choices], rewards: list[float], at: list[float]) -> Critic:
    """Return a critic that was told values at a rung, and how every third trial ended."""
    critic = Critic(space)
    for index, (choices, reward, value) in enumerate(zip(candidates, rewards, at, strict=True)):
        stopped, drawn = index % 3 > 0, (True,) * len(space)
        critic.observe(observation(index, choices, drawn, value if stopped else reward, ((1, value),), stopped))
    return critic


def test_the_critic_learns_from_stopped_candidates_what_they_would_have_become() -> None:
    space = counting_space(6)
    candidates = some_choices(space, 300)
    rewards = [counting(space.to_candidate(choices)) for choices in candidates]
    noise = np.random.default_rng(0).normal(0, 0.3 * np.std(rewards), 60)
    critic = told_of_stops(space, candidates[:60], rewards[:60], list(10 + np.array(rewards[:60]) + noise))
    mean, _ = critic.judge([]).predict(np.array(candidates[60:]))
    without = told(space, candidates[:60:3], list(rewards[:60:3])).judge([]).predict(np.array(candidates[60:]))[0]
    ranks = [np.argsort(np.argsort(values)) for values in (rewards[60:], mean, without)]
    assert np.corrcoef(ranks[0], ranks[1])[0, 1] > np.corrcoef(ranks[0], ranks[2])[0, 1] + 0.05


def test_a_value_at_a_rung_is_believed_as_far_as_it_told_the_end_of_others() -> None:
    space = counting_space(5)
    candidates = some_choices(space, 150)
    rewards = [counting(space.to_candidate(choices)) for choices in candidates]
    chance = np.random.default_rng(0).normal(size=150).tolist()
    doubts, spreads = [], []
    for values in (rewards, chance):
        judgement = told_of_stops(space, candidates, rewards, values).judge([])
        means, deviations = judgement.predict(np.array(candidates[1::3]))
        _, trained = judgement.predict(np.array(candidates[::3]))
        doubts.append(deviations.mean() / trained.mean())
        spreads.append(means.std())
    # Of a scale on which all candidates have a standard deviation of 1.
    assert spreads[0] > 0.9
    assert spreads[1] < 0.5
    assert 1 < doubts[0] < 4
    assert doubts[1] > 10


def test_what_a_candidate_under_way_has_reached_is_known_of_its_neighbours() -> None:
    space = counting_space(5)
    candidates = some_choices(space, 90)
    rewards = [counting(space.to_candidate(choices)) for choices in candidates]
    critic = told_of_stops(space, candidates, rewards, rewards)
    new = next(choices for choices in some_choices(space, 200, seed=1) if choices not in candidates)
    near = np.array([(*new[:-1], (new[-1] + 1) % 5)])
    means = [
        critic.judge(pending([new], curve)).predict(near)[0][0]
        for curve in (((1, min(rewards) - 1),), (), ((1, max(rewards) + 1),))
    ]
    assert means[0] < means[1] < means[2]
    diverged, _ = critic.judge(pending([new], ((1, -math.inf),))).predict(near)
    assert diverged[0] <= means[0]


@given(st.randoms(use_true_random=False))
@settings(max_examples=examples(8))
def test_beliefs_after_rungs_do_not_depend_on_when_they_were_asked_for(dice: random.Random) -> None:
    space = counting_space(5)
    dice = random.Random(dice.randrange(1000))
    candidates = some_choices(space, 160, dice.randrange(1000))
    asked, restored = Critic(space), Critic(space)
    for index, choices in enumerate(candidates[:150]):
        curve: Curve = tuple((step, dice.random()) for step in (1, 3, 9)[: dice.randrange(4)])
        stopped = bool(curve) and dice.random() < 0.7
        reward = curve[-1][1] if stopped else None if dice.random() < 0.1 else dice.random()
        for critic in (asked, restored):
            critic.observe(observation(index, choices, (True,) * 5, reward, curve, stopped))
        if dice.random() < 0.3:
            asked.judge(pending(candidates[150 : 150 + dice.randrange(4)], dice.choice([(), ((1, dice.random()),)])))
    rows = np.array(candidates[150:])
    under_way = [*pending(candidates[150:152], ((1, 0.5), (3, 0.4))), *pending(candidates[152:154])]
    for one, other in zip(asked.judge(under_way).predict(rows), restored.judge(under_way).predict(rows), strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("capacity", [40, 512])
@pytest.mark.parametrize("seed", range(examples(3)))
def test_beliefs_after_pauses_do_not_depend_on_when_they_were_asked_for(
    seed: int, capacity: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result is replaced wherever it is in the memory, or after it was forgotten."""
    monkeypatch.setattr(critic_module, "MEMORY", capacity)
    space, dice = counting_space(5), random.Random(seed)
    candidates = some_choices(space, 110, seed)
    asked, restored = Critic(space), Critic(space)
    curves: dict[int, Curve] = {}
    for _ in range(160):
        index = dice.choice(sorted(curves)) if curves and dice.random() < 0.4 else len(curves)
        earlier = curves.setdefault(index, ())
        ends = len(earlier) == 3 or dice.random() < 0.1
        curve = earlier if ends else (*earlier, ((1, 3, 9)[len(earlier)], dice.random()))
        reward = None if dice.random() < 0.1 else dice.random()
        for critic in (asked, restored):
            drawn, again = (True,) * 5, bool(earlier)
            critic.observe(observation(index, candidates[index], drawn, reward, curve, not ends, again))
        curves[index] = curve
        if dice.random() < 0.3:
            asked.judge(pending(candidates[100 : 100 + dice.randrange(4)]))
    rows = np.array(candidates[100:])
    under_way = pending(candidates[100:103])
    for one, other in zip(asked.judge(under_way).predict(rows), restored.judge(under_way).predict(rows), strict=True):
        assert one.tolist() == other.tolist()


def test_what_a_candidate_reached_after_a_pause_replaces_what_was_believed_of_it() -> None:
    space = counting_space(5)
    candidates = some_choices(space, 40)
    rewards = [counting(space.to_candidate(choices)) for choices in candidates]
    near = np.array([(*candidates[7][:-1], (candidates[7][-1] + 1) % 5)])
    means = {}
    for last in (min(rewards) - 1, max(rewards) + 1):
        critic, drawn = Critic(space), (True,) * 5
        for index, (choices, reward) in enumerate(zip(candidates, rewards, strict=True)):
            critic.observe(observation(index, choices, drawn, reward, ((1, reward),), stopped=True))
        critic.judge([])
        for index in (7, *range(10)):
            reward = last if index == 7 else rewards[index]
            curve: Curve = ((1, rewards[index]), (3, reward))
            critic.observe(observation(index, candidates[index], drawn, reward, curve, stopped=True, again=True))
        assert len(critic._memory) == 40
        means[last] = critic.judge([]).predict(near)[0][0]
    assert means[min(means)] < means[max(means)]


@given(st.randoms(use_true_random=False))
@settings(max_examples=examples(8))
def test_beliefs_do_not_depend_on_when_they_were_asked_for(dice: random.Random) -> None:
    space = counting_space(5)
    candidates = some_choices(space, 60, dice.randrange(1000))
    asked, restored = Critic(space), Critic(space)
    for index, choices in enumerate(candidates[:50]):
        reward = None if dice.random() < 0.2 else dice.random()
        for critic in (asked, restored):
            critic.observe(observation(index, choices, (True,) * 5, reward))
        if dice.random() < 0.5:
            asked.judge(pending(candidates[50 : 50 + dice.randrange(4)]))
    rows = np.array(candidates[50:])
    for one, other in zip(asked.judge([]).predict(rows), restored.judge([]).predict(rows), strict=True):
        assert one.tolist() == other.tolist()


@given(st.integers(1, 12), st.integers(0, 8), st.integers(0, 8), st.floats(0.01, 1.0))
def test_a_factor_that_grew_is_that_of_all_its_points(first: int, singly: int, together: int, noise: float) -> None:
    more = singly + together
    random = np.random.default_rng(first + more)
    points = torch.from_numpy(random.normal(size=(first + more, 3)))
    matrix = torch.exp(-torch.cdist(points, points).square())
    factor = grown(matrix, first, first + singly, noise)
    if together:
        factor = factor.extended(matrix[first + singly :])
    right = torch.from_numpy(random.normal(size=(first + more, 2)))
    lower = torch.linalg.cholesky(matrix + noise * torch.eye(first + more, dtype=torch.float64))
    assert len(factor) == first + more
    assert factor.solve(right).numpy() == pytest.approx(torch.linalg.solve(lower, right).numpy())
    assert factor.solve_transposed(right).numpy() == pytest.approx(torch.linalg.solve(lower.T, right).numpy())


@given(st.lists(st.integers(0, 60), max_size=200), st.integers(2, 40))
def test_a_memory_has_one_result_of_a_candidate_that_goes_on_after_pauses(indexes: list[int], capacity: int) -> None:
    """The latest one, among the latest of all."""
    memory, latest, seen = Memory(capacity, 1), dict[int, int](), set[int]()
    for age, index in enumerate(indexes):
        version, settled = memory.version, memory.finals()[: memory.settled].tolist()
        memory.add(index, (index,), (float(age),), again=index in seen)
        seen.add(index)
        latest[index] = age
        if memory.version == version:
            assert memory.finals()[: len(settled)].tolist() == settled
        assert len(memory) < capacity + BLOCK
    finals = memory.finals().tolist()
    assert [latest[int(choices[0])] for choices in memory.choices()] == finals == sorted(finals)
    assert finals[-min(capacity // 2, len(latest)) :] == sorted(latest.values())[-min(capacity // 2, len(latest)) :]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=160), st.integers(2, 40))
def test_a_memory_keeps_the_best_half_and_the_latest(rewards: list[int], capacity: int) -> None:
    memory = Memory(capacity, 1)
    for age, reward in enumerate(rewards):
        memory.add(age, (age,), (float(reward),))
    kept = {int(choices[0]) for choices in memory.choices()}
    assert min(capacity, len(rewards)) <= len(kept) < capacity + BLOCK
    assert memory.choices()[:, 0].tolist() == sorted(kept)
    best = sorted(range(len(rewards)), key=lambda age: -rewards[age])[: capacity // 2]
    worst_of_best = rewards[best[-1]]
    assert all(age in kept for age in range(len(rewards)) if rewards[age] > worst_of_best)


def test_a_memory_of_several_objectives_keeps_the_front() -> None:
    """However old it is."""
    dice = random.Random(5)
    memory = Memory(40, 1, objectives=2)
    points = [(float(age), float(5 - age)) for age in range(6)]
    points += [(dice.uniform(-9, -1), dice.uniform(-9, -1)) for _ in range(200)]
    for age, values in enumerate(points):
        memory.add(age, (age,), values)
    kept = memory.choices()[:, 0].tolist()
    assert kept[:6] == [*range(6)]
    assert kept == sorted(kept)
    assert 40 <= len(kept) < 40 + BLOCK
    assert kept[-1] == 205
    assert memory.finals(1).tolist() == [points[age][1] for age in kept]
