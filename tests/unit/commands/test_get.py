"""The words of kubectl on local runs: `evonas get` with -o, -l and -w, `evonas logs` with --tail and -p."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from evonas.agents import EarlierTask, Experience
from evonas.local.journal import open_journal
from evonas.recorded.knowledge_record import Knowledge
from harness.waiting import PATIENCE, wait_for
from tests.unit.commands.conftest import TRIALS, Evonas
from tests.unit.local.test_resume import finish, interruptible, write_manifest
from tests.unit.search.simulation import write_run

__all__ = ["interruptible"]


def begin(folder: Path, name: str, **labels: str) -> None:
    """Record a search of which nothing was run yet."""
    body = yaml.safe_load(write_manifest(folder).read_text())
    body["metadata"] |= {"name": name, "labels": labels}
    open_journal(folder / "runs" / name, body).close()


def test_wide_shows_how_a_search_and_its_trials_ended(evonas: Evonas, tmp_path: Path, finished_run: Path) -> None:
    listed, *_ = evonas("get", "--runs", str(finished_run.parent))[1:]
    wide, *_ = evonas("get", "--runs", str(finished_run.parent), "-o", "wide")[1:]
    assert "infeasible" not in listed
    (line,) = (line.split() for line in wide.splitlines() if "here" in line)
    assert line[9:16] == [str(TRIALS), *"00000", "reward"]
    script = "echo attempt $EVONAS_ATTEMPT >&2; exit 3"
    manifest = write_manifest(tmp_path, ["sh", "-c", script], maxTrials=1, parallelTrials=1)
    finish(manifest, 1)
    _, out, _ = evonas("get", "runs/here", "-o", "wide")
    assert "the container exited with code 3" in out


def test_names_are_what_other_commands_take(evonas: Evonas, tmp_path: Path) -> None:
    write_run(tmp_path / "runs", "one", count=4)
    write_run(tmp_path / "runs", "two", count=4)
    assert evonas("get", "-o", "name") == (0, "runs/one\nruns/two\n", "")
    assert evonas("get", "runs/two", "-o", "name") == (0, "runs/two\n", "")
    assert evonas("best", "runs/two")[0] == 0


def test_what_an_agent_has_learned_from_is_one_line_wherever_a_search_is_shown(evonas: Evonas, tmp_path: Path) -> None:
    known = EarlierTask("runs/earlier", ("blocks",), ((0,), (2,)), (1.0, -1.0))
    write_run(tmp_path / "runs", "one", agent="EvoNAS", count=4, knowledge=Knowledge(Experience((known,))))
    write_run(tmp_path / "runs", "two", agent="EvoNAS", count=4)
    line = "2 results of runs/earlier are known from the start"
    assert f"runs/one: {line}\n" in evonas("get", "runs/one", "runs/two")[1]
    assert f"\n{line}" in evonas("watch", "runs/one")[1]
    evonas("report", "runs/one", "--to", "one.html")
    assert f"; {line}</p>" in (tmp_path / "one.html").read_text()
    evonas("report", "runs/two", "--to", "two.html")
    assert "from the start" not in (tmp_path / "two.html").read_text() + evonas("get", "runs/two")[1]


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_objects_of_all_that_is_listed_are_printed_without_their_trials(
    evonas: Evonas, tmp_path: Path, output: str
) -> None:
    for name in ("one", "two"):
        write_run(tmp_path / "runs", name, count=4)
    code, out, _ = evonas("get", "-o", output)
    items = (json.loads(out) if output == "json" else yaml.safe_load(out))["items"]
    assert (code, [(item["kind"], item["metadata"]["name"]) for item in items]) == (
        0,
        [("ArchitectureSearch", "one"), ("ArchitectureSearch", "two")],
    )


def test_labels_select_local_runs(evonas: Evonas, tmp_path: Path) -> None:
    begin(tmp_path, "one", team="vision")
    begin(tmp_path, "two", team="speech")
    begin(tmp_path, "three")
    assert evonas("get", "-o", "name", "-l", "team=vision")[1] == "runs/one\n"
    assert evonas("get", "-o", "name", "--selector", "team!=vision")[1] == "runs/three\nruns/two\n"
    code, _, err = evonas("get", "-l", "team=a=b")
    assert (code, err.startswith("error: -l team=a=b: not a label selector")) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["one", "-A"], "-A and -l list searches: leave out SEARCH"),
        (["one", "-l", "a=b"], "-A and -l list searches: leave out SEARCH"),
        (["-w", "-o", "json"], "-w shows a table: leave out -o json"),
    ],
)
def test_words_that_exclude_each_other(evonas: Evonas, words: list[str], said: str) -> None:
    code, out, err = evonas("get", *words)
    assert (code, out, err.startswith(f"error: {said} (see ")) == (2, "", True)


def test_watch_prints_what_is_new_or_has_changed_until_it_is_interrupted(tmp_path: Path) -> None:
    begin(tmp_path, "one")
    command = [sys.executable, "-m", "evonas", "get", "-w", "--runs", str(tmp_path / "runs")]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(iter(watching.stdout.readline, "")))  # type: ignore[union-attr]
    reader.start()
    try:
        wait_for("the search", lambda: any("one" in line for line in lines))
        write_run(tmp_path / "runs", "two", count=4)
        wait_for("the new search", lambda: any("two" in line for line in lines))
    finally:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(PATIENCE) == 130
        reader.join(PATIENCE)
    assert [word for line in lines for word in line.split() if word in ("name", "one", "two")] == ["name", "one", "two"]


def test_logs_begin_with_the_last_lines_and_show_the_attempt_before(tmp_path: Path) -> None:
    script = 'for line in 1 2 3; do echo "$EVONAS_ATTEMPT: $line"; done; exit 3'
    finish(write_manifest(tmp_path, ["sh", "-c", script], maxTrials=1, parallelTrials=1), 1)
    folder = str(tmp_path / "runs" / "here")

    def logs(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "evonas", "logs", folder, "0", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    assert logs("--tail", "2") == (0, "2: 2\n2: 3\n")
    assert logs("-p", "--tail", "1", "--follow") == (0, "1: 3\n")
    assert logs("--tail", "0") == (0, "")
    code, said = logs("-p", "--attempt", "1")
    assert (code, said.startswith("error: give either --attempt or --previous")) == (2, True)
