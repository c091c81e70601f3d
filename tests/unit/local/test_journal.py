"""The journal: a cut line is dropped, damage is named, what is immutable stays."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.errors import EvonasError, InvalidManifest
from evonas.local.journal import JOURNAL_FILE, open_journal, read_journal
from evonas.search.trial import ProposalRecord, Trial, TrialState
from tests.unit.local.test_resume import write_manifest


@pytest.fixture
def manifest(tmp_path: Path) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(write_manifest(tmp_path).read_text())
    return body


def _trial(index: int) -> Trial:
    return Trial(
        index=index,
        decisions={"a1": 1, "a2": 2, "a3": 3, "a4": 4},
        proposal=ProposalRecord("random", None, (), 0),
        state=TrialState.SUCCEEDED,
        reward=0.1 + 0.2,
        sequence=index + 1,
    )


def test_every_cut_of_the_last_line_is_recovered(tmp_path: Path, manifest: dict[str, Any]) -> None:
    journal = open_journal(tmp_path, manifest)
    journal.write(_trial(0))
    journal.write(_trial(1))
    journal.close()
    whole = (tmp_path / JOURNAL_FILE).read_bytes()
    last = whole[:-1].rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        (tmp_path / JOURNAL_FILE).write_bytes(whole[:cut])
        again = open_journal(tmp_path, manifest)
        assert again.trials == {0: _trial(0)}
        again.write(_trial(1))
        again.close()
        assert (tmp_path / JOURNAL_FILE).read_bytes() == whole


def test_damage_in_the_middle_names_file_and_line(tmp_path: Path, manifest: dict[str, Any]) -> None:
    journal = open_journal(tmp_path, manifest)
    journal.write(_trial(0))
    journal.write(_trial(1))
    journal.close()
    path = tmp_path / JOURNAL_FILE
    lines = path.read_text().splitlines()
    lines[1] = lines[1][:40]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(EvonasError, match=r"journal\.jsonl, line 2 is damaged"):
        read_journal(path)


@pytest.mark.parametrize(
    ("field", "said", "change"),
    [
        ("spec.searchSpace", "and [0].", lambda spec: spec["searchSpace"].reverse()),
        ("spec.searchSpace", "it was a list of", lambda spec: spec["searchSpace"].pop()),
        ("spec.agent", 'is now "Random"', lambda spec: spec.update(agent={"type": "Random"})),
        ("spec.objective", 'and goal was "Maximize" and', lambda spec: spec.update(objective={"goal": "Minimize"})),
        (
            "spec.fidelity",
            "it was not set and is now",
            lambda spec: spec.update(fidelity={"rungs": {"min": 1, "max": 3}}),
        ),
        ("spec.budget.maxTrials", "may only grow", lambda spec: spec["budget"].update(maxTrials=15)),
    ],
)
def test_what_may_not_change_is_refused_by_its_field(
    tmp_path: Path, manifest: dict[str, Any], field: str, said: str, change: Any
) -> None:
    open_journal(tmp_path, manifest).close()
    changed = copy.deepcopy(manifest)
    change(changed["spec"])
    with pytest.raises(InvalidManifest) as caught:
        open_journal(tmp_path, changed)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert said in problem.problem
    open_journal(tmp_path, manifest).close()
