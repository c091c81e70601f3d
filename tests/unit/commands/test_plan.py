"""`evonas plan` without a cluster, and the arithmetic of the worst case."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.recorded.forecast import forecast, forecast_steps
from evonas.spec import Confirm, SearchSpec
from tests.corpus import good
from tests.unit.commands.conftest import Evonas
from tests.unit.local.test_resume import write_manifest
from tests.unit.search.climbing import Climb, climbing_body
from tests.unit.search.support import search_spec


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({}, (20, 60, 120, 120, 30)),
        ({"maxGPUHours": 50}, (20, 60, 50, 120, 30)),
        ({"maxTrials": 1000}, (100, 300, 600, 600, 150)),
        ({"maxSeconds": 7200}, (20, 60, 120, 120, 8)),
        ({"parallelTrials": 20}, (20, 60, 120, 120, 6)),
    ],
)
def test_worst_case(budget: dict[str, Any], expected: tuple[float, ...]) -> None:
    spec = search_spec(budget=budget, trial={"retries": 2, "timeoutSeconds": 7200}, gpus=1)
    found = forecast(spec)
    assert (found.trials, found.attempts, found.gpu_hours, found.uncapped_gpu_hours, found.hours) == expected


def test_confirmations_are_part_of_the_worst_case() -> None:
    trial = {"retries": 2, "timeoutSeconds": 7200}
    found = forecast(search_spec(trial=trial, gpus=1, confirm={"top": 3, "repeats": 3}))
    assert (found.trials, found.attempts, found.gpu_hours, found.hours) == (20, 87, 174, 48)


@pytest.mark.parametrize(
    ("resource", "budget", "says"),
    [
        ("nvidia.com/gpu", {}, "32.00 (spec"),
        ("nvidia.com/gpu.shared", {"devicesPerGPU": {"nvidia.com/gpu.shared": 4}}, "8.00, at 1/4 GPU a trial (spec"),
        ("nvidia.com/mig-3g.40gb", {}, "13.72, at 3/7 GPU a trial (spec"),
    ],
)
def test_plan_says_what_share_of_a_gpu_a_trial_takes(
    evonas: Evonas, tmp_path: Path, resource: str, budget: dict[str, Any], says: str
) -> None:
    path = write_manifest(tmp_path, **budget)
    body = yaml.safe_load(path.read_text())
    body["spec"]["trial"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {resource: 1}}
    body["spec"]["trial"]["timeoutSeconds"] = 3600
    path.write_text(yaml.safe_dump(body))
    assert evonas("plan", "search.yaml", "--no-cluster")[1].splitlines()[2].startswith(f"GPU hours at worst: {says}")


@pytest.mark.parametrize(
    ("rule", "most", "least"),
    [
        ("None", 600, 600),
        # The first two have nobody to be compared with.
        ("SuccessiveHalving", 600, 2 * 30 + 18 * 1),
        ("Median", 600, 2 * 30 + 18 * 1),
    ],
)
def test_steps_of_a_search_with_rungs(rule: str, most: int, least: int) -> None:
    spec = search_spec(fidelity={"rungs": {"steps": [1, 3, 10, 30]}, "rule": rule})
    assert spec.fidelity is not None
    found = forecast_steps(spec, spec.fidelity)
    assert (found.most, found.least) == (most, least)
    assert found.least <= found.likely <= found.most
    assert found == forecast_steps(spec, spec.fidelity)
    confirmed = forecast_steps(replace(spec, confirm=Confirm(top=2, repeats=2)), spec.fidelity)
    assert (confirmed.most, confirmed.least, confirmed.likely) == (most + 120, least + 120, found.likely + 120)


def test_halving_trains_less_than_the_median_rule_and_less_still_with_a_larger_factor() -> None:
    likely = []
    for rule, factor in (("None", 3), ("Median", 3), ("SuccessiveHalving", 2), ("SuccessiveHalving", 4)):
        fidelity = {"rungs": {"steps": [1, 3, 10, 30], "factor": factor}, "rule": rule}
        spec = search_spec(budget={"maxTrials": 100}, fidelity=fidelity)
        assert spec.fidelity is not None
        likely.append(forecast_steps(spec, spec.fidelity).likely)
    assert likely == sorted(likely, reverse=True)
    assert len(set(likely)) == 4


def test_steps_of_a_huge_search_are_known_at_once() -> None:
    space = [{"name": "a", "values": list(range(250))}, {"name": "b", "values": list(range(250))}]
    huge, large = (
        search_spec(searchSpace=space, budget={"maxTrials": count}, fidelity={"rungs": {"min": 1, "max": 27}})
        for count in (50_000, 5_000)
    )
    assert huge.fidelity is not None
    ten_times = 10 * forecast_steps(large, huge.fidelity).likely
    assert forecast_steps(huge, huge.fidelity).likely == pytest.approx(ten_times, abs=10)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "SuccessiveHalving",
            "rungs at 1, 3 of 9 steps, SuccessiveHalving: 32 to 144 steps of training, about 55 (38 %) if good and bad"
            " candidates come in random order",
        ),
        ("None", "rungs at 1, 3 of 9 steps, where results are only recorded: 144 steps of training"),
    ],
)
def test_plan_says_what_rungs_save(evonas: Evonas, tmp_path: Path, rule: str, said: str) -> None:
    path = write_manifest(tmp_path)
    body = yaml.safe_load(path.read_text())
    body["spec"]["fidelity"] = {"rungs": {"min": 1, "max": 9}, "rule": rule}
    path.write_text(yaml.safe_dump(body))
    assert evonas("plan", "search.yaml", "--no-cluster")[1].splitlines()[4] == said


@pytest.mark.parametrize("count", [3, 20, 40])
@pytest.mark.parametrize("rule", ["Median", "SuccessiveHalving"])
def test_forecast_of_pauses_is_what_the_plan_lets_go_on(rule: str, count: int) -> None:
    spec = pausing(count, rule)
    assert spec.fidelity is not None
    found = forecast_steps(spec, spec.fidelity)
    assert found.least <= found.likely <= found.most <= count * 9
    for order, expected in (([1] * count, found.most), (range(count, 0, -1), found.least)):
        assert trained(spec, order) == expected


def test_attempt_after_each_pause_is_part_of_the_worst_case() -> None:
    spec = replace(pausing(20), confirm=Confirm(top=2, repeats=2))
    assert forecast(spec).attempts == 20 * (3 + spec.trial.retries) + 4 * (1 + spec.trial.retries)


def pausing(count: int, rule: str = "SuccessiveHalving") -> SearchSpec:
    fidelity = {"rungs": {"min": 1, "max": 9}, "rule": rule, "mode": "Pause"}
    budget = {"maxTrials": count, "parallelTrials": 1}
    return SearchSpec.parse(climbing_body("Random", count, fidelity=fidelity, budget=budget))


def trained(spec: SearchSpec, qualities: Iterable[float]) -> int:
    """Return how many steps are trained if candidates of these qualities come one at a time."""
    values = [*qualities]
    climb = Climb(spec, lambda trial, step: 0.001 * values[trial.index])
    for _ in climb.run():
        pass
    assert spec.fidelity is not None
    steps = (0, *spec.fidelity.steps)
    return sum(steps[len(trial.rungs) + (trial.reward is not None)] for trial in climb.trials)


def test_plan_says_that_trials_pause(evonas: Evonas, tmp_path: Path) -> None:
    path = write_manifest(tmp_path)
    body = yaml.safe_load(path.read_text())
    body["spec"]["fidelity"] = {"rungs": {"min": 1, "max": 9}, "mode": "Pause"}
    path.write_text(yaml.safe_dump(body))
    lines = evonas("plan", "search.yaml", "--no-cluster")[1].splitlines()
    assert lines[1].endswith("; 64 attempts if each goes on from 2 pauses and is retried 1 time")
    assert lines[4].startswith("rungs at 1, 3 of 9 steps, SuccessiveHalving in mode Pause: ")


def test_plan_shows_size_cost_and_the_candidates_that_the_run_will_have(
    evonas: Evonas, tmp_path: Path, finished_run: Path
) -> None:
    path = write_manifest(tmp_path)
    body = yaml.safe_load(path.read_text())
    body["spec"]["trial"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": 2}}
    path.write_text(yaml.safe_dump(body))
    code, out, err = evonas("plan", "search.yaml", "--no-cluster")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "here: 4 decisions, 256 candidates, agent Evolution"
    assert lines[1] == "at most 16 trials, 3 at a time; 32 attempts if each is retried 1 time"
    assert lines[2].startswith("GPU hours at worst: ")
    first = json.loads(evonas("best", str(finished_run), "--trial", "0")[1])
    assert lines[4] == f"trial 0: {json.dumps(first)}"
    assert len(lines) == 7


def test_plan_of_a_bad_manifest(evonas: Evonas, tmp_path: Path) -> None:
    write_manifest(tmp_path, maxTrials=0)
    code, out, err = evonas("plan", "search.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: spec.budget.maxTrials")


@pytest.mark.parametrize("name", ["EVONAS_SEED", "EVONAS_RUNGS"])
def test_plan_refuses_a_template_that_sets_what_trials_are_given_as_the_run_does(
    evonas: Evonas, tmp_path: Path, name: str
) -> None:
    path = write_manifest(tmp_path)
    body = yaml.safe_load(path.read_text())
    body["spec"]["trial"]["template"]["spec"]["containers"][0]["env"] = [{"name": name, "value": "1"}]
    path.write_text(yaml.safe_dump(body))
    planned = evonas("plan", "search.yaml", "--no-cluster")
    assert planned[:2] == (2, "")
    assert f"every trial is given its own {name} by the search" in planned[2]
    assert planned == evonas("run", "search.yaml")


@pytest.mark.parametrize(
    ("agent", "says", "candidates"),
    [
        ("EvoNAS", "the first candidates follow from what the agent learns from earlier searches (spec.knowledge)", 0),
        ("Random", "spec.knowledge is not used: of the agents, only EvoNAS and Neural learn from earlier searches", 3),
    ],
)
def test_plan_shows_no_candidates_that_another_searchs_results_decide_on(
    evonas: Evonas, tmp_path: Path, agent: str, says: str, candidates: int
) -> None:
    path = write_manifest(tmp_path)
    body = yaml.safe_load(path.read_text())
    body["spec"] |= {"agent": {"type": agent}, "knowledge": {"searches": ["earlier"]}}
    path.write_text(yaml.safe_dump(body))
    lines = evonas("plan", "search.yaml", "--no-cluster")[1].splitlines()
    assert says in lines
    assert sum(line.startswith("trial ") for line in lines) == candidates


def test_placeholder_of_another_tool_is_one_warning(evonas: Evonas, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, ["python", "train.py", "--width={a1}"])
    code, _, errors = evonas("plan", str(manifest), "--no-cluster")
    assert code == 0
    assert errors.count("warning: ") == 1
    assert errors.startswith("warning: spec.trial.template.spec.containers[0].command[2]: {a1} reaches the program")


@pytest.mark.parametrize(
    ("name", "pods", "cost"),
    [
        ("jobset.yaml", "a trial is a JobSet with 5 pods (workers: 4, driver: 1), of which driver reports", 16),
        ("indexed-job.yaml", "a trial is a Job with 4 pods", 8),
    ],
)
def test_plan_says_what_a_trial_of_several_pods_is_and_costs(
    evonas: Evonas, tmp_path: Path, name: str, pods: str, cost: int
) -> None:
    manifest = good(name)
    manifest["spec"]["agent"] = {"type": "Random"}
    manifest["spec"]["budget"] = {"maxTrials": 1}
    manifest["spec"]["trial"] |= {"retries": 0, "timeoutSeconds": 3000, "startTimeoutSeconds": 600}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(manifest))
    code, said, _ = evonas("plan", "search.yaml", "--no-cluster")
    assert code == 0
    assert pods in said.splitlines()
    assert f"GPU hours at worst: {cost:.2f} " in said
