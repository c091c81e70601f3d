"""The problems of the benchmark are what they say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bench.agents.catalogue import PROBLEMS, available, problem
from bench.agents.supernetwork import supernetwork
from bench.agents.synthetic import MIXED, chain, counting, landscape, mixed, noisy_counting


def test_counting_is_solved_by_counting_alone() -> None:
    subject = counting(4)
    rewards = {
        values: subject.judge(dict(zip(("a1", "a2", "a3", "a4"), values, strict=True)))
        for values in product(range(1, 5), repeat=4)
    }
    assert [values for values, reward in rewards.items() if reward == 1.0] == [(1, 2, 3, 4)]
    assert sorted(set(rewards.values()))[-2] == pytest.approx(5 / 7)


def test_counting_to_less_than_there_are_decisions_is_solved_by_whoever_never_falls_nor_skips() -> None:
    subject = counting(4, 2)
    rewards = {
        values: subject.judge(dict(zip(("a1", "a2", "a3", "a4"), values, strict=True)))
        for values in product((1, 2), repeat=4)
    }
    assert {values for values, reward in rewards.items() if reward == 1.0} == {
        (1, 1, 1, 2), (1, 1, 2, 2), (1, 2, 2, 2)
    }  # fmt: skip


def test_a_chain_has_one_best_candidate_which_holds_all_links() -> None:
    subject = chain(6, 3)
    names = [decision.name for decision in subject.space.decisions]
    candidates = (dict(zip(names, values, strict=True)) for values in product(("v0", "v1", "v2"), repeat=6))
    assert sum(subject.judge(candidate) == 1.0 for candidate in candidates) == 1


def test_a_changed_decision_breaks_links_of_a_chain_that_are_no_neighbours() -> None:
    """Neither additive nor between neighbours: what a value is worth depends on two decisions elsewhere."""
    subject = chain(12, 4)
    random = np.random.default_rng(0)
    gains = set()
    for _ in range(200):
        decisions = {decision.name: str(random.choice(decision.values)) for decision in subject.space.decisions}
        gains.add(round(12 * (subject.judge({**decisions, "d3": "v0"}) - subject.judge({**decisions, "d3": "v1"}))))
    assert {-1, 0, 1} <= gains


def test_a_landscape_is_the_same_for_everyone_and_rugged() -> None:
    one, other = landscape(8, 3, 2), landscape(8, 3, 2)
    candidates = [one.space.to_candidate(one.space.unrank(rank)) for rank in range(0, one.space.size, 97)]
    values = [one.judge(candidate) for candidate in candidates]
    assert values == [other.judge(candidate) for candidate in candidates]
    assert len(set(values)) == len(values)


def test_the_mixed_space_has_infeasible_candidates_and_a_best_one() -> None:
    subject = mixed()
    reports = [subject.evaluate(MIXED.to_candidate(MIXED.unrank(rank)), 0, 0) for rank in range(0, MIXED.size, 37)]
    infeasible = sum(report is None for report in reports) / len(reports)
    assert 0.02 < infeasible < 0.5
    best = max(subject.judge(MIXED.to_candidate(MIXED.unrank(rank))) for rank in range(MIXED.size))
    assert best == 1.0


@pytest.mark.parametrize(("stages", "deepest"), [(1, 2), (2, 1)])
def test_the_best_supernetwork_is_judged_1_and_the_worst_0(stages: int, deepest: int) -> None:
    subject = supernetwork(stages, deepest)
    worths = [
        subject.judge(subject.space.to_candidate(subject.space.unrank(rank))) for rank in range(subject.space.size)
    ]
    assert [min(worths), max(worths)] == pytest.approx([0, 1])


def test_noise_depends_on_the_seed_and_the_trial_alone() -> None:
    subject = noisy_counting(5, 0.05)
    decisions = {f"a{k}": k for k in range(1, 6)}
    assert subject.evaluate(decisions, 1, 2) == subject.evaluate(decisions, 1, 2)
    reports = np.array([subject.evaluate(decisions, 1, index) for index in range(400)], dtype=float)
    assert reports.std() == pytest.approx(0.05, rel=0.15)
    assert subject.judge(decisions) == 1.0


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name in available()])
def test_every_problem_judges_and_reports_any_candidate(name: str) -> None:
    subject = problem(name)
    assert subject.name == name
    random = np.random.default_rng(3)
    for _ in range(5):
        choices = subject.space.unrank(int(random.random() * subject.space.size))
        decisions = subject.space.to_candidate(choices)
        worth = subject.judge(decisions)
        assert np.isfinite(worth)
        assert subject.optimum is None or worth <= subject.optimum + 1e-9
        report = subject.evaluate(decisions, 0, 0)
        assert report is None or np.isfinite(report)


@pytest.mark.parametrize("name", [name for name in ("nasbench201-cifar10", "hpobench-car") if name in available()])
def test_the_luckiest_of_all_candidates_is_a_good_one_but_not_the_best(name: str) -> None:
    floor = problem(name).floor
    assert floor is not None
    assert -0.2 < floor() < 0
