"""`evonas plan` without a cluster, and the arithmetic of the worst case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.recorded.forecast import forecast
from tests.unit.commands.conftest import Evonas
from tests.unit.local.test_resume import write_manifest
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
    assert lines[1] == "at most 16 trials, 3 at a time; 32 attempts if each is retried 1 times"
    assert lines[2].startswith("GPU hours at worst: ")
    first = json.loads(evonas("best", str(finished_run), "--trial", "0")[1])
    assert lines[4] == f"trial 0: {json.dumps(first)}"
    assert len(lines) == 7


def test_plan_of_a_bad_manifest(evonas: Evonas, tmp_path: Path) -> None:
    write_manifest(tmp_path, maxTrials=0)
    code, out, err = evonas("plan", "search.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: spec.budget.maxTrials")
