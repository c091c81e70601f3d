"""A record with a number that is not finite is refused wherever it is read, naming trial, field and cure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evonas.errors import EvonasError
from evonas.local.journal import JOURNAL_FILE
from evonas.search.contradictions import find_contradiction
from evonas.search.trial import Import
from evonas.sources.journal import JournalSource
from tests.unit.local.runs import evonas
from tests.unit.search.simulation import write_run
from tests.unit.search.support import succeeded
from tests.unit.ui.served import API, get, serving_runs

NO_NUMBERS = ["NaN", "Infinity", "-inf", "1e400"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "runs", "odd", count=8)


def spoil(run: Path, index: int, field: str, text: str) -> None:
    """Replace a number of a trial's record."""
    journal = run / JOURNAL_FILE
    lines: list[dict[str, Any]] = [*map(json.loads, journal.read_text().splitlines())]
    for body in lines:
        if body.get("spec", {}).get("index") == index and "status" in body:
            place = body["status"] if field == "reward" else body["status"]["metrics"]
            place[field] = text
    journal.write_text("".join(f"{json.dumps(body)}\n" for body in lines))


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize(("field", "path"), [("reward", "status.reward"), ("accuracy", "status.metrics.accuracy")])
def test_a_number_that_is_not_finite_is_refused_with_trial_field_and_cure(
    run: Path, field: str, path: str, text: str
) -> None:
    spoil(run, 2, field, text)
    said = f"trial 2: {path}: must be a finite number, or absent, got {float(text)}; restore the record from a copy"
    with pytest.raises(EvonasError) as caught:
        JournalSource(run).read()
    assert str(caught.value) == f"{run}: {said}"
    with serving_runs(run.parent, ["odd"]) as client:
        [line] = get(client, "/searches")["searches"]
        assert line["problem"] == f"{run}: {said}"
        answer = client.get(f"{API}/searches/run:odd/analysis")
        assert (answer.status_code, answer.json()["message"]) == (409, line["problem"])


def test_commands_refuse_it_too(run: Path, tmp_path: Path) -> None:
    spoil(run, 2, "reward", "NaN")
    for command in (["explain", str(run), "2"], ["report", str(run)], ["export", str(run)]):
        assert "trial 2: status.reward: must be a finite number" in evonas(tmp_path, *command, code=2)


def test_agents_learn_from_no_such_number() -> None:
    infinite = replace(succeeded(3, 0.5), reward=float("inf"))
    assert str(find_contradiction(infinite)).startswith("status.reward: must be a finite number")
    imported = replace(succeeded(3, 0.5), imported=Import("run", 1, float("nan"), {}, 1, 1))
    assert str(find_contradiction(imported)).startswith("spec.imported.reward: must be a finite number")
