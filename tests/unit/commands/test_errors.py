"""What the command line says to a user who made a mistake: one clear line for each, no traceback, exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.cli import cli
from evonas.local.journal import JOURNAL_FILE, open_journal
from tests.unit.commands.conftest import Evonas
from tests.unit.local.test_resume import write_manifest

COMMANDS = [
    [],
    ["best"],
    ["doctor"],
    ["enqueue"],
    ["explain"],
    ["export"],
    ["get"],
    ["import"],
    ["logs"],
    ["operator"],
    ["pin"],
    ["plan"],
    ["replay"],
    ["report"],
    ["run"],
    ["ui"],
    ["veto"],
    ["watch"],
]


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    path = write_manifest(folder)
    body = yaml.safe_load(path.read_text())
    change(body)
    path.write_text(yaml.safe_dump(body))
    return path.name


def record(folder: Path, name: str, **spec: Any) -> str:
    folder.mkdir(parents=True)
    body = yaml.safe_load(write_manifest(folder).read_text())
    body["metadata"]["name"] = name
    body["spec"].update(spec)
    open_journal(folder, body).close()
    return str(folder)


def test_missing_file(evonas: Evonas) -> None:
    code, out, err = evonas("run", "missing.yaml")
    assert (code, out) == (2, "")
    assert err.startswith("error: Invalid value for 'MANIFEST': File 'missing.yaml' does not exist. (see ")
    assert err.endswith(" run --help)\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "spec: [1, 2\n",
            "while parsing a flow sequence, expected ',' or ']', but got '<stream end>' at line 2, column 1",
        ),
        ("a: 1\n b: 2\n", "mapping values are not allowed here at line 2, column 3"),
        ("a: 1\na: 2\n", "duplicate key 'a' at line 2, column 1"),
        ("a: \x00\n", "unacceptable character"),
    ],
)
def test_bad_yaml_is_one_line_that_says_where(evonas: Evonas, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "search.yaml").write_text(text)
    code, out, err = evonas("run", "search.yaml")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: search.yaml is not valid YAML: {words}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("text", "found"), [("kind: Job\n", "0 (kinds: ['Job'])"), ("", "0 (kinds: [])")])
def test_file_without_a_search(evonas: Evonas, tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "search.yaml").write_text(text)
    code, _, err = evonas("run", "search.yaml")
    assert code == 2
    assert err == f"error: search.yaml must hold exactly one object of kind ArchitectureSearch, found {found}\n"


def test_file_that_is_no_text(evonas: Evonas, tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_bytes(b"\xff\xfe")
    code, _, err = evonas("run", "search.yaml")
    assert code == 2
    assert err.startswith("error: cannot read search.yaml: 'utf-8' codec can't decode")
    assert err.count("\n") == 1


def test_bad_manifest_is_one_line_per_field(evonas: Evonas, tmp_path: Path) -> None:
    def spoil(body: dict[str, Any]) -> None:
        body["spec"]["budget"]["maxTrials"] = 0
        body["spec"]["agent"]["typ"] = "Random"

    code, out, err = evonas("run", changed(tmp_path, spoil))
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["error", "spec.agent.typ"],
        ["error", "spec.budget.maxTrials"],
    ]
    assert "unknown field" in lines[0]
    assert not (tmp_path / "runs").exists()


def test_container_without_a_command_names_the_field(evonas: Evonas, tmp_path: Path) -> None:
    container = ["spec", "trial", "template", "spec", "containers"]

    def spoil(body: Any) -> None:
        for part in container:
            body = body[part]
        del body[0]["command"]

    code, _, err = evonas("run", changed(tmp_path, spoil))
    assert code == 2
    assert err.startswith("error: spec.trial.template.spec.containers[0].command: Required value")
    assert err.count("\n") == 1


def test_suspended_search(evonas: Evonas, tmp_path: Path) -> None:
    code, out, err = evonas("run", changed(tmp_path, lambda body: body["spec"].update(suspend=True)))
    assert (code, out) == (2, "")
    assert err == "error: spec.suspend is true: nothing to run; set it to false\n"


def test_folder_of_runs_that_cannot_be_written(evonas: Evonas, tmp_path: Path) -> None:
    write_manifest(tmp_path)
    (tmp_path / "file").write_text("")
    code, out, err = evonas("run", "search.yaml", "--runs", "file/runs")
    assert (code, out) == (2, "")
    assert err == f"error: cannot write {tmp_path}/file/runs/here/{JOURNAL_FILE}: Not a directory\n"


def test_changed_search_names_the_field_and_the_cure(evonas: Evonas, tmp_path: Path) -> None:
    record(tmp_path / "runs" / "here", "here")
    code, _, err = evonas("run", changed(tmp_path, lambda body: body["spec"]["agent"].update(seed=5)))
    assert code == 2
    assert err.startswith("error: spec.agent: is immutable, and seed was 0 and is now 5; rename the search, or delete ")
    assert err.count("\n") == 1


def test_report_on_a_folder_without_a_journal(evonas: Evonas, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert evonas("report", "empty") == (2, "", f"error: cannot read empty/{JOURNAL_FILE}: No such file or directory\n")
    code, _, err = evonas("report", "missing/run")
    assert code == 2
    assert err.startswith("error: missing/run does not exist; ")
    code, _, err = evonas("report")
    assert code == 2
    assert err.startswith("error: Missing argument 'SEARCH...'.")


@pytest.mark.parametrize("line", [{"kind": "ArchitectureSearch"}, {"kind": "Pod", "metadata": {"name": "a"}}])
def test_report_on_a_file_that_is_no_journal(evonas: Evonas, tmp_path: Path, line: dict[str, Any]) -> None:
    (tmp_path / JOURNAL_FILE).write_text(json.dumps(line) + "\n")
    code, _, err = evonas("report", ".")
    assert code == 2
    assert all(said.startswith("error: ") for said in err.splitlines())
    assert "error: spec: Required value" in err.splitlines()


def test_report_on_searches_with_different_objectives(evonas: Evonas, tmp_path: Path) -> None:
    folders = [
        record(tmp_path / "one", "one"),
        record(tmp_path / "two", "two", objective={"goal": "Minimize", "metric": "loss"}),
    ]
    code, _, err = evonas("report", *folders)
    assert code == 2
    assert err.startswith("error: these searches have different objectives")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("report.xyz", "error: cannot draw report.xyz: its name must end in ."),
        ("report", "error: cannot draw report: its name must end in ."),
        ("no/folder/report.html", "error: cannot write no/folder/report.html: No such file or directory"),
        ("no/folder/report.png", "error: cannot write no/folder/report.png: No such file or directory"),
    ],
)
def test_picture_that_cannot_be_written_ended_in_a_traceback(
    evonas: Evonas, tmp_path: Path, output: str, words: str
) -> None:
    code, _, err = evonas("report", record(tmp_path / "one", "one"), "--to", output)
    assert code == 2
    assert err.startswith(words)
    assert err.count("\n") == 1


def test_report_on_two_runs_of_one_search_lost_the_first(evonas: Evonas, tmp_path: Path) -> None:
    folders = [record(tmp_path / "first", "here"), record(tmp_path / "second", "here")]
    assert evonas("report", *folders, "--to", "both.svg") == (0, "wrote both.svg\n", "")
    picture = (tmp_path / "both.svg").read_text()
    assert all(f"<!-- {folder} -->" in picture for folder in folders)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["walk"], "error: No such command 'walk' (see evonas --help)"),
        (["reprot"], "error: No such command 'reprot'; did you mean report? (see evonas --help)"),
        (["run"], "error: Missing argument 'MANIFEST'. (see "),
        (["run", "--fast"], "error: No such option"),
        (["enqueue", "runs/counting"], "error: give either FILE or --decision"),
        (["enqueue", "runs/counting", "missing.yaml"], "error: Invalid value for '[FILE]': File 'missing.yaml'"),
        (["veto", "runs/counting", "last"], "error: Invalid value for 'TRIAL': 'last' is not a valid integer"),
        (["pin", "runs/counting", "-1"], "error: No such option"),
        (["operator", "--workers", "0"], "error: Invalid value for '--workers'"),
        (["operator", "--kubeconfig", "missing"], "error: Invalid value for '--kubeconfig'"),
    ],
)
def test_wrong_use(evonas: Evonas, arguments: list[str], words: str) -> None:
    code, out, err = evonas(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(words)
    assert err.count("\n") == 1


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_of_each_command(evonas: Evonas, command: list[str], option: str) -> None:
    code, out, err = evonas(*command, option)
    assert (code, err) == (0, "")
    usage = " ".join([*command, "[OPTIONS]"])
    assert out.splitlines()[0].startswith("Usage: ")
    assert usage in out.splitlines()[0]


def test_every_command_is_tried_above() -> None:
    assert [name for (name,) in COMMANDS[1:]] == cli.list_commands(
        cli.make_context("evonas", ["-h"], resilient_parsing=True)
    )


def test_no_command_is_a_question_for_help(evonas: Evonas) -> None:
    code, out, _ = evonas()
    assert code == 0
    assert "Commands:" in out


def test_help_imported_every_command_first() -> None:
    """It took three seconds to list what there is."""
    program = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from evonas.cli import main; main()"
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    *listed, modules = said.stdout.splitlines()
    names = [name for (name,) in COMMANDS[1:]]
    assert [line.split()[0] for line in listed[-len(names) :]] == names
    assert not [name for name in modules.split() if name.startswith("evonas.commands")]


def test_program_itself_has_no_traceback(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "evonas", "run", str(tmp_path / "missing.yaml")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert said.returncode == 2
    assert said.stderr.startswith("error: ")
    assert "Traceback" not in said.stderr
