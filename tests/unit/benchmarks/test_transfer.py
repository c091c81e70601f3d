"""``bench.agents.transfer``: agents know what they are said to, and its table counts the trials that it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.agents.transfer import COLD, _reached, _task, main


def test_a_task_is_told_true_negated_or_shuffled() -> None:
    results: list[tuple[tuple[int, ...], float | None]] = [((place, 0, 0, 0, 0), float(place)) for place in range(5)]
    scores = {}
    for knows in ("true", "misleading", "unrelated"):
        task = _task("counting-5", results, knows, 3)
        scores[knows] = dict(zip((choices[0] for choices in task.candidates), task.scores, strict=True))
    assert [scores["true"][place] for place in range(5)] == sorted(scores["true"].values())
    assert [scores["misleading"][place] for place in range(5)] == pytest.approx([-scores["true"][p] for p in range(5)])
    assert sorted(scores["unrelated"].values()) == pytest.approx(sorted(scores["true"].values()))
    assert scores["unrelated"] != scores["true"]


def test_trials_until_the_quality_of_a_cold_search_are_counted_from_one() -> None:
    cold = np.array([[-3.0, -2.0, -1.0]])
    worth = {(COLD, "a"): cold, ("warm", "a"): np.array([[-1.0, -1.0, -0.5]]), ("never", "a"): cold - 1}
    lines = _reached([COLD, "warm", "never"], ["a"], worth).splitlines()
    assert [line.split("|")[2].strip() for line in lines[2:]] == ["3.0", "1.0", "4.0"]


def test_a_wrong_collection_is_an_error(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["--collections", "nasbench", "--results", str(tmp_path)])
    assert said.exit_code == 2
    assert "unknown nasbench; there are hpobench, hpolib, nasbench201" in said.output
