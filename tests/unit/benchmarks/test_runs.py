"""A benchmark goes on where it was, runs again what is stale, and keeps the order of trials under way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.agents.catalogue import problem
from bench.agents.contestants import CONTESTANTS, Contestant, parse_variant
from bench.agents.peers import LocalSearch, RegularisedEvolution, Suggested
from bench.agents.runs import Task, load, run_all, simulate
from bench.agents.synthetic import MIXED
from evonas.errors import EvonasError
from evonas.space import Choices, SearchSpace

RANDOM = CONTESTANTS["random"]


class Ledger:
    """A searcher that writes down what it is asked and told."""

    calls: list[str]

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self.calls = []

    def propose(self) -> Suggested:
        index = sum(call.startswith("propose") for call in self.calls)
        self.calls.append(f"propose {index}")
        return Suggested(index, self._space.to_candidate(self._space.unrank(index)))

    def observe(self, index: int, reward: float | None) -> None:
        self.calls.append(f"observe {index}")


def test_the_oldest_of_the_trials_under_way_reports_next() -> None:
    ledgers: list[Ledger] = []

    def create(space: SearchSpace, seed: int) -> Ledger:
        ledgers.append(Ledger(space, seed))
        return ledgers[-1]

    simulate(Task(Contestant("ledger", create), "counting-5", 0, trials=4, in_flight=2))
    assert ledgers[0].calls == [
        *("propose 0", "propose 1", "observe 0", "propose 2", "observe 1"),
        *("propose 3", "observe 2", "observe 3"),
    ]


def test_a_run_ends_early_when_nothing_better_can_come() -> None:
    run = simulate(Task(CONTESTANTS["evonas"], "counting-5", 0, trials=300, in_flight=1))
    assert len(run.worth) == 300
    assert run.worth[-1] == 1.0
    assert len(run.rewards) < 300
    assert run.worth == sorted(run.worth)


def test_what_is_recorded_is_not_run_again_and_what_is_stale_is(tmp_path: Path) -> None:
    tasks = [Task(RANDOM, "counting-5", seed, trials=20, in_flight=1) for seed in range(2)]
    assert [left for left, _ in run_all(tasks, tmp_path, jobs=1)] == [1, 0]
    assert list(run_all(tasks, tmp_path, jobs=1)) == []
    recorded = load(tasks[0], tmp_path)
    assert recorded is not None
    assert recorded.rewards == simulate(tasks[0]).rewards
    longer = replace(tasks[0], trials=30)
    assert load(longer, tmp_path) is None
    other = replace(tasks[0], contestant=replace(RANDOM, description={"type": "Random", "warmup": 3}))
    assert load(other, tmp_path) is None


def test_a_run_is_a_function_of_its_task() -> None:
    task = Task(RANDOM, "noisy-counting-10", 3, trials=15, in_flight=4)
    one, other = simulate(task), simulate(task)
    assert (one.rewards, one.worth) == (other.rewards, other.worth)


def test_regularised_evolution_changes_one_decision_and_what_depends_on_it() -> None:
    searcher = RegularisedEvolution(MIXED, seed=1)
    known: list[Choices] = []
    for step in range(160):
        suggested = searcher.propose()
        choices = MIXED.to_choices(suggested.decisions)
        if step >= RegularisedEvolution.POPULATION:
            free = [position for position in range(len(MIXED)) if MIXED.decisions[position].when is None]
            assert any(sum(choices[p] != parent[p] for p in free) <= 1 and choices != parent for parent in known)
        known.append(choices)
        searcher.observe(suggested.index, float(-step))


def test_local_search_tries_the_neighbours_of_its_best_and_starts_again_where_none_is_better() -> None:
    subject = problem("counting-5")
    searcher = LocalSearch(subject.space, seed=1)
    best: tuple[float, Choices] | None = None
    around: set[Choices] = set()
    climbs = 0
    for step in range(400):
        suggested = searcher.propose()
        choices = subject.space.to_choices(suggested.decisions)
        if step >= LocalSearch.BEGINNING and best is not None:
            if sum(mine != other for mine, other in zip(choices, best[1], strict=True)) == 1 and choices not in around:
                around.add(choices)
            else:
                # Every neighbour was tried: five decisions with four other values.
                assert len(around) == 20
                best, around, climbs = None, set(), climbs + 1
        reward = subject.judge(suggested.decisions)
        searcher.observe(suggested.index, reward)
        if best is None or reward > best[0]:
            best, around = (reward, choices), set()
    assert climbs > 1


def test_a_variant_is_one_of_our_agents_under_other_settings() -> None:
    variant = parse_variant('deep={"type": "EvoNAS", "critic": {"generations": 8}}')
    assert variant.label == "deep"
    assert variant.description == {"type": "EvoNAS", "critic": {"generations": 8}}


@pytest.mark.parametrize("text", ["deep", "deep={}", "deep=[1]", "deep={"])
def test_a_variant_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(EvonasError, match=r"--variant .* write label="):
        parse_variant(text)
