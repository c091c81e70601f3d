"""The problems with several objectives are what they say, and their runs and tables count what they say."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bench.agents.peers import Suggested
from bench.fronts.__main__ import main
from bench.fronts.catalogue import PROBLEMS, available, problem
from bench.fronts.contestants import CONTESTANTS, Contestant, parse_variant
from bench.fronts.problem import Axis, Problem, Values, span, volume
from bench.fronts.report import compare, lost_in_flight, places, regrets, speedup, table
from bench.fronts.runs import Task, load, run_all, simulate
from bench.fronts.synthetic import concave, disconnected, landscapes, noisy_concave
from evonas.domination import find_front
from evonas.errors import EvonasError
from evonas.space import SearchSpace

PEERS = [label for label, each in CONTESTANTS.items() if not each.is_ours and each.is_installed]


class Ledger:
    """A searcher that goes through the candidates in order, and writes down what it is asked and told."""

    def __init__(self, space: SearchSpace, seed: int, references: Values) -> None:
        self._space = space
        self.calls: list[str] = []

    def propose(self) -> Suggested:
        index = sum(call.startswith("propose") for call in self.calls)
        self.calls.append(f"propose {index}")
        return Suggested(index, self._space.to_candidate(self._space.unrank(index)))

    def observe(self, index: int, values: Values) -> None:
        self.calls.append(f"observe {index}")


def ledger(label: str = "ledger", create: Any = Ledger) -> Contestant:
    return Contestant(label, create, label, ())


def random_points(subject: Problem, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    random = np.random.default_rng(5)
    ranks = [int(random.random() * subject.space.size) for _ in range(count)]
    return np.array([subject.judge(subject.space.to_candidate(subject.space.unrank(rank))) for rank in ranks])


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name in available()])
def test_no_candidate_adds_to_the_best_hypervolume(name: str) -> None:
    subject = problem(name)
    assert subject.name == name
    points = random_points(subject, 200)
    assert points.shape == (200, len(subject.axes))
    assert 0 < subject.worth(points) < subject.best < 1
    # Nothing found at random reaches beyond the true front: with it, the volume is the best one's and no more.
    heights = np.column_stack([axis.heights(column) for axis, column in zip(subject.axes, points.T, strict=True)])
    assert (heights[(heights > 0).all(axis=1)] <= 1 + 1e-9).all()


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name in available()])
def test_a_trial_reports_by_seed_and_index_alone(name: str) -> None:
    subject = problem(name)
    decisions = subject.space.to_candidate(subject.space.unrank(subject.space.size // 3))
    assert subject.evaluate(decisions, 1, 2) == subject.evaluate(decisions, 1, 2)
    assert np.isfinite(subject.evaluate(decisions, 1, 2)).all()
    if subject.report is None:
        assert subject.evaluate(decisions, 1, 2) == subject.judge(decisions)


def test_the_concave_front_is_a_quarter_of_a_circle_and_reached_in_the_middle_alone() -> None:
    subject = concave(6)
    middle = {"x4": 0.5, "x5": 0.5}
    for steps in range(0, 41, 5):
        given = [min(max(steps - 10 * place, 0), 10) / 10 for place in range(4)]
        first, second = subject.judge({**{f"x{place}": value for place, value in enumerate(given)}, **middle})
        assert math.hypot(first, second) == pytest.approx(1)
        assert -second == pytest.approx(math.sin(steps / 40 * math.pi / 2))
    beyond = subject.judge({**dict.fromkeys(("x0", "x1", "x2", "x3"), 0.2), "x4": 0.5, "x5": 0.6})
    assert math.hypot(*beyond) == pytest.approx(1.01)


def test_the_best_hypervolume_of_the_concave_problem_is_that_of_its_front() -> None:
    subject = concave(5)
    names = [decision.name for decision in subject.space.decisions]
    everything = [
        {**dict(zip(names, [min(max(steps - 10 * k, 0), 10) / 10 for k in range(4)], strict=False)), "x4": 0.5}
        for steps in range(41)
    ]
    assert subject.worth(np.array([subject.judge(each) for each in everything])) == pytest.approx(subject.best)


def test_the_disconnected_front_has_five_pieces() -> None:
    subject = disconnected(6)
    base = {decision.name: "v0" for decision in subject.space.decisions}

    def ordered(name: str, place: int) -> list[str]:
        return sorted((f"v{k}" for k in range(11)), key=lambda value: -subject.judge({**base, name: value})[place])

    nearest = {name: ordered(name, 1)[0] for name in ("x4", "x5")}
    labels = [ordered(f"x{place}", 0) for place in range(4)]
    candidates = [
        {**{f"x{k}": labels[k][min(max(steps - 10 * k, 0), 10)] for k in range(4)}, **nearest} for steps in range(41)
    ]
    points = np.array([subject.judge(each) for each in candidates])
    assert -points[:, 0] == pytest.approx(np.arange(41) / 40)
    assert subject.worth(points) == pytest.approx(subject.best)
    on_front = find_front(points)
    assert (np.diff(np.concatenate([[False], on_front])) & on_front).sum() == 5


def test_values_of_the_disconnected_problem_have_no_order() -> None:
    subject = disconnected(20)
    base = {decision.name: "v0" for decision in subject.space.decisions}
    heights = [subject.judge({**base, "x7": f"v{label}"})[1] for label in range(11)]
    assert heights != sorted(heights)
    assert heights != sorted(heights, reverse=True)
    assert len(set(heights)) == 11


def test_landscapes_are_the_same_for_everyone_rugged_and_differ_by_objective() -> None:
    one, other = landscapes(6, 3, 2), landscapes(6, 3, 2)
    points, again = random_points(one, 300), random_points(other, 300)
    assert points.tolist() == again.tolist()
    assert abs(np.corrcoef(points.T)[0, 1]) < 0.5
    assert 1 < find_front(points).sum() < 100


def test_noise_is_in_the_reports_alone() -> None:
    subject = noisy_concave(12, 0.1)
    decisions = subject.space.to_candidate(subject.space.unrank(12345))
    reports = np.array([subject.evaluate(decisions, 0, index) for index in range(400)])
    assert subject.judge(decisions) == concave(12).judge(decisions)
    assert reports.std(axis=0) == pytest.approx([0.1, 0.1], rel=0.15)
    assert reports.mean(axis=0) == pytest.approx(subject.judge(decisions), abs=0.02)


def test_no_objective_outweighs_another_by_its_unit() -> None:
    points = np.array([[0.9, -8.0], [0.8, -2.0], [0.5, -1.0], [0.2, -0.01]])
    axes = span(("accuracy", "ms"), points, (0.5, None))
    assert axes[0] == Axis("accuracy", 0.5, 0.9)
    # From 1 to 8 is the front of what is accurate enough; the reference is a tenth beyond, on the logarithmic scale.
    assert axes[1].best == -1.0
    assert axes[1].reference == pytest.approx(-(8**1.1))
    assert axes[1].heights(np.array([-1.0, -(8**0.55), -(8**1.1)])) == pytest.approx([1, 0.5, 0])
    other_units = points * [100, 1000]
    assert volume(span(("accuracy", "us"), other_units, (50.0, None)), other_units) == pytest.approx(
        volume(axes, points)
    )


def test_the_oldest_of_the_trials_under_way_reports_next() -> None:
    made: list[Ledger] = []

    def create(space: SearchSpace, seed: int, references: Values) -> Ledger:
        assert references == (-math.inf, -math.inf)
        made.append(Ledger(space, seed, references))
        return made[-1]

    simulate(Task(ledger(create=create), "concave-12", 0, trials=4, in_flight=2))
    assert made[0].calls == [
        *("propose 0", "propose 1", "observe 0", "propose 2", "observe 1"),
        *("propose 3", "observe 2", "observe 3"),
    ]


def test_a_front_is_chosen_by_what_was_reported_and_judged_by_what_is_true() -> None:
    subject = problem("noisy-concave-12")
    run = simulate(Task(ledger(), "noisy-concave-12", 3, trials=60, in_flight=1))
    candidates = [subject.space.to_candidate(subject.space.unrank(rank)) for rank in range(60)]
    reported = np.array([subject.evaluate(each, 3, index) for index, each in enumerate(candidates)])
    true = np.array([subject.judge(each) for each in candidates])
    assert run.reported[-1] == pytest.approx(subject.worth(true[find_front(reported)]))
    assert run.tried[-1] == pytest.approx(subject.worth(true))
    assert run.tried == sorted(run.tried)
    exact = simulate(Task(ledger(), "concave-12", 3, trials=60, in_flight=1))
    assert exact.reported == exact.tried


def test_what_is_recorded_is_not_run_again_and_a_longer_run_serves_as_a_shorter_one(tmp_path: Path) -> None:
    task = Task(CONTESTANTS["optuna-nsga2"], "concave-12", 0, trials=20, in_flight=1)
    assert [left for left, _ in run_all([task], tmp_path, jobs=1)] == [0]
    assert list(run_all([task], tmp_path, jobs=1)) == []
    shorter, longer = replace(task, trials=7), replace(task, trials=30)
    recorded, beginning = load(task, tmp_path), load(shorter, tmp_path)
    assert recorded is not None
    assert beginning is not None
    assert beginning.reported == recorded.reported[:7] == simulate(shorter).reported
    assert load(longer, tmp_path) is None
    assert [left for left, _ in run_all([longer], tmp_path, jobs=1)] == [0]
    assert load(task, tmp_path) is not None


@pytest.mark.parametrize("label", [label for label in PEERS if "-gp" not in label])
@pytest.mark.parametrize("in_flight", [1, 8])
def test_a_peer_is_a_function_of_its_seed_and_beats_nothing_it_did_not_try(label: str, in_flight: int) -> None:
    task = Task(CONTESTANTS[label], "landscapes-10-2", 1, trials=45, in_flight=in_flight)
    one, other = simulate(task), simulate(task)
    assert one.reported == other.reported
    assert one.reported == sorted(one.reported)
    assert 0 < one.reported[-1] < problem("landscapes-10-2").best


@pytest.mark.parametrize("label", ["optuna-nsga2-20", "pymoo-nsga2"])
def test_a_peer_that_is_told_the_references_seeks_what_is_above_them(label: str) -> None:
    subject = problem("concave-12")
    shares = {}
    for references in [(-math.inf, -math.inf), (-1.2, -0.8)]:
        searcher = CONTESTANTS[label].create(subject.space, 0, references)
        above = []
        for _ in range(160):
            suggested = searcher.propose()
            assert suggested is not None
            values = subject.judge(suggested.decisions)
            searcher.observe(suggested.index, values)
            above.append(values[0] > -1.2 and values[1] > -0.8)
        shares[references] = np.mean(above[80:])
    blind, told = shares.values()
    assert told > blind


def test_regret_is_relative_to_that_of_random_search_after_as_many_trials() -> None:
    curves = {"random": np.array([[0.2, 0.4], [0.4, 0.6]]), "other": np.array([[0.65, 0.9], [0.65, 1.0]])}
    found = regrets(1.0, curves, 2)
    assert found["random"] == pytest.approx([1.2, 0.8])
    assert found["other"] == pytest.approx([0.2, 0.0])
    assert regrets(1.0, curves, 1)["other"] == pytest.approx([0.5, 0.5])


def test_who_is_behind_the_first_by_no_more_than_a_standard_error_is_level_with_it() -> None:
    spread = np.array([-0.1, 0.1, -0.1, 0.1])
    cells = compare({"a": 0.5 + spread, "b": 0.55 + spread, "c": 0.7 + spread, "d": np.full(4, 0.5)})
    assert [label for label, cell in cells.items() if cell.is_first] == ["a"]
    assert [label for label, cell in cells.items() if cell.is_level] == ["b", "d"]
    assert str(cells["a"]).startswith("**0.500")
    assert str(cells["b"]).endswith("*")
    alone = compare({"a": np.array([0.5]), "b": np.array([0.9, 1.1]), "c": np.array([0.95, 1.05])})
    assert [label for label, cell in alone.items() if cell.is_first or cell.is_level] == ["b", "c"]


def test_the_tables_tell_where_a_contestant_is_behind_and_what_several_in_flight_lose() -> None:
    best = problem("concave-12").best
    noise = 0.001 * np.arange(4)[:, None]
    curves = {
        "random": np.array([[0.3, 0.4]]) * best + noise,
        "evonas": np.array([[0.7, 0.8]]) * best + noise,
        "optuna-tpe": np.array([[0.5, 0.9]]) * best + noise,
    }
    results = {"concave-12": curves}
    assert table(results, 1).splitlines()[0] == "**1 trials**, 4 seeds"
    told = places(results, "evonas", [1, 2])
    assert "in 1 of 2 cells" in told
    assert "concave-12 at 2: behind optuna-tpe" in told
    assert "not reached" in speedup(results, "evonas", ["optuna-tpe"])
    assert "| optuna-tpe | 100%" in speedup(results, "optuna-tpe", ["optuna-tpe"])
    worse = {"concave-12": {**curves, "evonas": curves["evonas"] - 0.1}}
    assert lost_in_flight(results, results, 2).splitlines()[-1].count(": +0.0") == 2
    assert "+0.0" not in lost_in_flight(results, worse, 2).splitlines()[-1].split("|")[2]


def test_a_benchmark_in_seconds_from_the_command_line(tmp_path: Path) -> None:
    options = ["--problems", "concave", "--agents", "random,optuna-nsga2", "--seeds", "2", "--trials", "12"]
    where = ["--results", str(tmp_path / "runs"), "--table", str(tmp_path / "table.md")]
    run = [*options, *where, "--picture", str(tmp_path / "picture.png"), "--in-flight", "3", "--jobs", "1"]
    done = CliRunner().invoke(main, run, catch_exceptions=False)
    assert done.exit_code == 0
    assert "**12 trials**, 2 seeds" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "lost by having several in flight" in done.output
    assert (tmp_path / "picture.png").stat().st_size > 1000
    again = CliRunner().invoke(main, [*options, *where, "--in-flight", "3", "--recorded"], catch_exceptions=False)
    assert again.output == done.stdout


def test_without_random_search_there_is_nothing_to_be_relative_to() -> None:
    with pytest.raises(EvonasError, match=r"--agents: .*add random"):
        CliRunner().invoke(main, ["--agents", "optuna-tpe"], catch_exceptions=False)


def test_a_variant_is_one_of_our_agents_under_other_settings() -> None:
    variant = parse_variant('deep={"type": "EvoNAS", "critic": {"generations": 8}}')
    assert (variant.label, variant.is_ours) == ("deep", True)
    with pytest.raises(EvonasError, match=r"--variant .* write label="):
        parse_variant("deep=[1]")
