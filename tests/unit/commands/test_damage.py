"""Files of a run that were cut: the commands answer from what is there, and say on standard error what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evonas.local.journal import JOURNAL_FILE
from evonas.local.requests.enqueued import ENQUEUED_FILE
from evonas.local.requests.pinned import PINNED_FILE
from evonas.local.requests.vetoed import VETOED_FILE
from tests.unit.commands.conftest import TRIALS, Evonas
from tests.unit.local.test_resume import COUNTING, write_manifest


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to damage."""
    return Path(shutil.copytree(finished_run, tmp_path / "runs" / "here"))


def cut_in_half(journal: Path) -> int:
    """Cut a journal inside a line, and return how many trials its whole lines tell of."""
    content = journal.read_bytes()
    content = content[: len(content) // 2]
    if content.endswith(b"\n"):
        content = content[:-1]
    journal.write_bytes(content)
    lines = [json.loads(line) for line in content.split(b"\n")[:-1]]
    return len({line["spec"]["index"] for line in lines if line["kind"] == "ArchitectureTrial"})


@pytest.mark.parametrize("words", [["best"], ["get"], ["report", "--output", "report.html"], ["export"], ["watch"]])
def test_a_journal_cut_in_half_is_answered_from_with_a_warning(evonas: Evonas, run: Path, words: list[str]) -> None:
    there = cut_in_half(run / JOURNAL_FILE)
    _, out, err = evonas(*words, "runs/here")
    assert out
    assert (
        f"warning: runs/here/{JOURNAL_FILE}: the last line is torn;"
        f" at least {TRIALS - there} trials are missing, the first of which is trial {there}\n" in err
    )


def test_a_list_of_runs_warns_of_a_cut_journal(evonas: Evonas, run: Path) -> None:
    cut_in_half(run / JOURNAL_FILE)
    code, out, err = evonas("get")
    assert (code, "here" in out) == (0, True)
    assert "the last line is torn" in err


def test_a_journal_cut_between_two_lines_is_known_by_the_trials_that_were_started(evonas: Evonas, run: Path) -> None:
    there = cut_in_half(run / JOURNAL_FILE)
    whole = (run / JOURNAL_FILE).read_bytes().rpartition(b"\n")[0] + b"\n"
    (run / JOURNAL_FILE).write_bytes(whole)
    err = evonas("best", "runs/here")[2]
    assert (
        f"the end is missing; at least {TRIALS - there} trials are missing, the first of which is trial {there}" in err
    )


def test_a_cut_journal_without_its_trials_tells_of_the_one_in_its_last_line(evonas: Evonas, run: Path) -> None:
    shutil.rmtree(run / "trials")
    lines = (run / JOURNAL_FILE).read_bytes().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if b'"index": 12' in line)
    (run / JOURNAL_FILE).write_bytes(b"".join(lines[:first]) + lines[first][:-20])
    assert "torn; at least trial 12 is missing" in evonas("best", "runs/here")[2]
    (run / JOURNAL_FILE).write_bytes(b"".join(lines)[:-20])
    index = json.loads(lines[-1])["spec"]["index"]
    assert f"torn; at least one record of trial {index} is missing" in evonas("best", "runs/here")[2]


def test_a_run_that_goes_on_from_a_cut_journal_says_so(evonas: Evonas, run: Path, tmp_path: Path) -> None:
    there = cut_in_half(run / JOURNAL_FILE)
    write_manifest(tmp_path, COUNTING[:-2], maxTrials=TRIALS)
    code, _, err = evonas("run", "search.yaml")
    assert code == 0
    assert f"the last line is torn; at least {TRIALS - there} trials are missing" in err


@pytest.mark.parametrize("name", [ENQUEUED_FILE, PINNED_FILE, VETOED_FILE])
def test_a_torn_line_of_what_was_asked_for_by_hand_is_told(evonas: Evonas, run: Path, name: str) -> None:
    assert evonas("best", "runs/here")[2].count("\n") == 1
    (run / name).write_text('{"trial": 1')
    err = evonas("best", "runs/here")[2]
    assert f"warning: runs/here/{name}: the last line is torn and does not count; give that command again\n" in err
