"""The documentation against the code: manifests parse, commands exist, paths are there, programs run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import click
import pytest
import yaml

from evonas.cli import cli
from evonas.errors import InvalidManifest
from evonas.manifest import KIND, load_search
from evonas.search.attempt import QueuedReason
from evonas.search.trial_progress import Progress, parse_progress
from evonas.search.trial_report import Report, parse_message
from evonas.spec import SearchSpec
from evonas_trial.report import Reporter
from harness.waiting import PATIENCE
from tests.corpus import good
from tests.unit.docs.markdown import PAGES, ROOT, Page
from tests.unit.local.runs import evonas, recorded

README, INDEX = Page(ROOT / "README.md"), Page(ROOT / "docs" / "index.md")
CONTRACT, TROUBLES = Page(ROOT / "docs" / "trial-contract.md"), Page(ROOT / "docs" / "troubleshooting.md")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))

every_page = pytest.mark.parametrize("page", PAGES, ids=str)


def command_lines(page: Page, program: str) -> list[list[str]]:
    """Return the words of every call of a program: in shell blocks, and in code spans that begin with it."""
    lines = [line for block in page.fences("sh") for line in block.replace("\\\n", "").splitlines()]
    calls = [shlex.split(line, comments=True) for line in [*lines, *page.spans()] if line.startswith(f"{program} ")]
    return [words[1:] for words in calls]


def takes(arguments: list[str]) -> None:
    """Resolve command and options as click does, and run nothing; a lone command is a name and needs no arguments."""
    # With the settings of a real run: click keeps the help option that it first made for a command.
    group = click.Context(cli, info_name="evonas", **cli.context_settings)
    name, command, rest = cli.resolve_command(group, arguments)
    assert command is not None
    context = click.Context(command, info_name=name, parent=group)
    options, surplus, _ = command.make_parser(context).parse_args(list(rest))
    assert not surplus, f"{surplus} are too many"
    for parameter in command.params if rest else ():
        # What was not given is a value of click's own kind.
        given = options.get(str(parameter.name))
        assert not parameter.required or (isinstance(given, str | tuple) and given), f"{parameter.name} is missing"


@every_page
def test_every_search_in_a_page_is_a_valid_one(page: Page, tmp_path: Path) -> None:
    for block in page.fences("yaml"):
        if KIND in block:
            (tmp_path / "search.yaml").write_text(block)
            SearchSpec.parse(load_search(tmp_path / "search.yaml"))


def parse_part(block: str) -> SearchSpec:
    """Parse a part of a search's spec, put into one that is valid without it."""
    part, manifest = yaml.safe_load(block), good("minimal.yaml")
    part = part.get("spec", part)
    # Conditions and metrics of the other search would name what is not there.
    known = {**manifest["spec"], **({"objective": {}} if "searchSpace" in part else {})}
    if "objectives" in part:
        known.pop("objective", None)
    if "workload" in part.get("trial", {}):
        # In place of the other search's template.
        known["trial"] = {}
    for field, value in part.items():
        both = isinstance(value, dict) and isinstance(known.get(field), dict)
        known[field] = {**known[field], **value} if both else value
    return SearchSpec.parse({**manifest, "spec": known})


@every_page
def test_every_part_of_a_search_in_a_page_is_valid_and_what_is_refused_is(page: Page) -> None:
    for block in page.fences("yaml"):
        fields = set(yaml.safe_load(block))
        if KIND in block or not fields <= {
            "spec",
            "searchSpace",
            "objective",
            "objectives",
            "agent",
            "budget",
            "trial",
        }:
            # A whole search, a values file of the chart (tests/chart/test_install_page.py and test_page_rendering.py),
            # or a role (tests/integration/test_submit.py).
            assert KIND in block or fields & {"image", "rules", "ui"}, block
            continue
        said = block.splitlines()[0].removeprefix("# ")
        if said.startswith("refused: "):
            with pytest.raises(InvalidManifest, match=re.escape(said.removeprefix("refused: "))):
                parse_part(block)
        elif said.endswith(" candidates"):
            assert said == f"{parse_part(block).space.size} candidates"
        else:
            parse_part(block)


def test_the_readme_shows_a_search() -> None:
    assert [block for block in README.fences("yaml") if yaml.safe_load(block)["kind"] == KIND]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_a_valid_search_and_is_listed(path: Path) -> None:
    SearchSpec.parse(load_search(path))
    assert f"({path.name})" in Page(ROOT / "examples" / "README.md").text


@every_page
def test_every_make_target_exists(page: Page) -> None:
    mentioned = {words[0] for words in command_lines(page, "make")}
    assert mentioned <= TARGETS


def test_both_commands_of_a_newcomer_are_found_by_the_test_above() -> None:
    assert {"run", "test", "cluster-run", "bench"} <= {words[0] for words in command_lines(README, "make")}


@every_page
def test_every_link_leads_to_a_file(page: Page) -> None:
    local = [target for target in page.links() if "://" not in target]
    missing = [target for target in local if not (page.path.parent / target).exists()]
    assert missing == []


@every_page
def test_every_folder_and_file_in_a_table_exists(page: Page) -> None:
    places = (page.path.parent, ROOT)
    cells = page.first_cells("Folder", "File")
    missing = [path for path in cells if not any((place / path).exists() for place in places)]
    assert missing == []


@every_page
def test_every_source_file_in_a_code_span_exists(page: Page) -> None:
    sources = [
        f"/{path.as_posix()}"
        for folder in ("building", "harness", "operator", "trial_image", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    named = [span for span in page.spans() if re.fullmatch(r"[\w/]+\.py", span)]
    assert [span for span in named if not any(path.endswith(f"/{span}") for path in sources)] == []


def test_table_of_folders_is_complete() -> None:
    listed = {cell.split("/")[0] for cell in README.first_cells("Folder")}
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "runs"))}
    assert there & {"operator", "trial_image", "charts", "crds", "examples", "tests", "bench", "docs"} <= listed


def test_every_page_of_docs_is_linked_from_the_readme_or_the_index() -> None:
    linked = {(page.path.parent / target).resolve() for page in (README, INDEX) for target in page.links()}
    assert {page.path for page in PAGES if page.path.parent == ROOT / "docs"} - {*linked, INDEX.path} == set()
    assert INDEX.path in linked


def test_every_reason_for_waiting_is_in_the_troubleshooting() -> None:
    assert {reason.value for reason in QueuedReason if reason.blocks} <= set(TROUBLES.first_cells("Reason"))


@every_page
def test_every_command_line_of_evonas_is_accepted(page: Page) -> None:
    for arguments in command_lines(page, "evonas"):
        takes(arguments)


@pytest.mark.parametrize(
    "line", ["walk", "run --fast search.yaml", "run one.yaml two.yaml", "run --runs folder", "report --output a.png"]
)
def test_wrong_command_line_would_be_noticed(line: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        takes(line.split())


@every_page
def test_every_file_that_kubectl_is_given_exists(page: Page) -> None:
    calls = command_lines(page, "kubectl")
    files = [word for words in calls for flag, word in pairwise(words) if flag == "-f"]
    known = {"FILE", "-", *page.files()}
    assert [path for path in files if path not in known and not (ROOT / path).exists()] == []


@every_page
def test_every_shell_block_is_shell_and_every_python_block_python(page: Page) -> None:
    for block in page.fences("sh"):
        subprocess.run(["sh", "-n"], input=block, text=True, check=True)
    for block in page.fences("python"):
        compile(block, str(page), "exec")


@pytest.fixture
def trial(tmp_path: Path) -> Callable[[str], tuple[int, Report]]:
    """Run a shell text as a trial's container; returns its exit code and what it reported."""
    report = tmp_path / "report.json"
    python = Path(sys.executable).parent

    def run(text: str, **variables: str) -> tuple[int, Report]:
        report.unlink(missing_ok=True)
        contract = {"EVONAS_SEED": "3", "EVONAS_REPORT_FILE": str(report), **variables}
        environment = {**os.environ, "PATH": f"{python}{os.pathsep}{os.environ['PATH']}", **contract}
        done = subprocess.run(["sh", "-c", text], cwd=tmp_path, env=environment, timeout=120, check=False)
        return done.returncode, parse_message(report.read_text() if report.exists() else "")

    return run


def training(folder: Path, expected: str = "", *, says: str) -> None:
    """Put a ``./train`` there that insists on its arguments where they are given."""
    program = folder / "train"
    check = f'[ "$*" = "{expected}" ] || {{ echo "got $*" >&2; exit 1; }}\n' if expected else ""
    program.write_text(f"#!/bin/sh\n{check}echo {says}\n")
    program.chmod(0o755)


def shell_program(page: Page) -> str:
    (program,) = (block for block in page.fences("sh") if block.startswith("#!/bin/sh"))
    return program


@pytest.mark.parametrize(
    ("says", "expected"),
    [("0.9312", (0, Report(reward=0.9312))), ("nan", (65, Report(infeasible="diverged")))],
)
def test_shell_program_of_the_contract_runs(
    trial: Callable[..., tuple[int, Report]], tmp_path: Path, says: str, expected: tuple[int, Report]
) -> None:
    training(tmp_path, "--blocks 2 --activation relu --seed 3", says=says)
    variables = {"EVONAS_D_BLOCKS": "2", "EVONAS_D_ACTIVATION": "relu"}
    assert trial(shell_program(CONTRACT), **variables) == expected


def test_shell_program_of_the_readme_runs(trial: Callable[..., tuple[int, Report]], tmp_path: Path) -> None:
    training(tmp_path, "--blocks 2 --lr 0.01 --seed 3", says="0.5")
    variables = {"EVONAS_D_BLOCKS": "2", "EVONAS_D_LEARNING_RATE": "0.01"}
    assert trial(shell_program(README), **variables) == (0, Report(reward=0.5))


def test_search_and_trial_of_the_readme_belong_together(tmp_path: Path) -> None:
    training(tmp_path, says="0.5")
    (text,) = (block for block in README.fences("yaml") if yaml.safe_load(block)["kind"] == KIND)
    body = yaml.safe_load(text)
    body["spec"]["budget"]["maxTrials"] = 3
    container = body["spec"]["trial"]["template"]["spec"]["containers"][0]
    container["command"] = ["sh", "-c", shell_program(README)]
    manifest = tmp_path / "search.yaml"
    manifest.write_text(yaml.safe_dump(body))
    evonas(tmp_path, "run", str(manifest))
    assert [(trial.state, trial.reward) for trial in recorded(tmp_path, "my-search")] == [("Succeeded", 0.5)] * 3


def test_report_in_the_contract_is_one(trial: Callable[..., tuple[int, Report]], tmp_path: Path) -> None:
    message, _ = CONTRACT.fences("json")
    expected = Report(reward=0.9312, metrics={"accuracy": 0.9312, "latency_ms": 6.1})
    assert parse_message(message) == expected
    (block,) = (block for block in CONTRACT.fences("sh") if block.startswith("python -m evonas_trial.report --"))
    reward, infeasible, progress = block.splitlines()
    assert trial(reward) == (0, expected)
    code, report = trial(infeasible)
    assert (code, report.infeasible) == (65, "the kernel is larger than the image")
    written = tmp_path / "progress.json"
    assert trial(progress, EVONAS_PROGRESS_FILE=str(written)) == (0, Report())
    assert parse_progress(written.read_text()) == Progress(9, {"accuracy": 0.81})


def test_progress_in_the_contract_is_the_helpers(tmp_path: Path) -> None:
    _, progress = CONTRACT.fences("json")
    reporter = Reporter({"EVONAS_RUNGS": "1,3,9,27", "EVONAS_PROGRESS_FILE": str(tmp_path / "progress.json")})
    for step, accuracy in ((1, 0.5), (3, 0.7), (9, 0.81)):
        reporter.progress(step, 27, {"accuracy": accuracy})
    assert json.loads(progress) == json.loads((tmp_path / "progress.json").read_text())
    assert parse_progress(progress) == Progress(
        9, {"accuracy": 0.81}, {1: {"accuracy": 0.5}, 3: {"accuracy": 0.7}, 9: {"accuracy": 0.81}}
    )


RUNGS_IN_SHELL = CONTRACT.files()["rungs.sh"]


def test_rungs_in_shell_are_told_one_by_one(trial: Callable[..., tuple[int, Report]], tmp_path: Path) -> None:
    # What is trained remembers what had been reported when it was asked for more.
    train = tmp_path / "train"
    train.write_text('#!/bin/sh\ncat progress.json >> seen 2>/dev/null; echo "$2" >> seen; echo "0.$2"\n')
    train.chmod(0o755)
    variables = {"EVONAS_RUNGS": "1,3,9", "EVONAS_PROGRESS_FILE": "progress.json"}
    assert trial(RUNGS_IN_SHELL, **variables) == (0, Report(reward=0.9, metrics={"accuracy": 0.9}))
    told = [
        json.dumps({"step": rung, "of": 9, "accuracy": rung / 10, "rungs": {str(rung): {"accuracy": rung / 10}}})
        for rung in (1, 3, 9)
    ]
    assert (tmp_path / "seen").read_text() == f"1\n{told[0]}3\n{told[1]}9\n"
    assert (tmp_path / "progress.json").read_text() == told[2]


def test_rungs_in_shell_end_with_their_training_on_sigterm(tmp_path: Path) -> None:
    # It opens the pipe to say that it runs, and the pipe's end is that of the training.
    os.mkfifo(tmp_path / "pipe")
    train = tmp_path / "train"
    train.write_text("#!/bin/sh\nexec sleep 1000 > pipe\n")
    train.chmod(0o755)
    script = subprocess.Popen(["sh", "-c", RUNGS_IN_SHELL], cwd=tmp_path, env={**os.environ, "EVONAS_RUNGS": "1,3"})
    with (tmp_path / "pipe").open() as pipe:
        script.terminate()
        assert script.wait(PATIENCE) == 143
        assert pipe.read() == ""


def test_pause_in_shell_keeps_how_far_it_is_and_says_so(
    trial: Callable[..., tuple[int, Report]], tmp_path: Path
) -> None:
    train = tmp_path / "train"
    train.write_text('#!/bin/sh\necho "$*" >> seen; echo "0.$4"\n')
    train.chmod(0o755)
    kept = tmp_path / "checkpoints"
    script = CONTRACT.files()["pause.sh"].replace("/checkpoints/", f"{kept}/")
    said = []
    for until in ("1", "3", "9"):
        code, _ = trial(script, EVONAS_RUNGS="1,3,9", EVONAS_UNTIL=until, EVONAS_TRIAL="t-0")
        said.append((code, (tmp_path / "report.json").read_text()))
    assert said == [(0, f'{{"reward": 0.{until}, "resumed": {before}}}') for before, until in ((0, 1), (1, 3), (3, 9))]
    asked = [f"--checkpoint {kept}/t-0 --until {until}" for until in (1, 3, 9)]
    assert (tmp_path / "seen").read_text().splitlines() == asked


def test_pause_in_shell_fails_with_its_training_and_keeps_how_far_it_was(
    trial: Callable[..., tuple[int, Report]], tmp_path: Path
) -> None:
    (tmp_path / "train").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "train").chmod(0o755)
    script = CONTRACT.files()["pause.sh"].replace("/checkpoints/", f"{tmp_path}/")
    assert trial(script, EVONAS_RUNGS="1,3", EVONAS_UNTIL="1", EVONAS_TRIAL="t-0") == (7, Report())
    assert list((tmp_path / "t-0").iterdir()) == []


# What resuming.py leaves to its reader: a model that is a number, and learns more slowly the lower the rate is.
LEARNING = """
import json, pathlib
kept, model, optimizer = pathlib.Path("kept.json"), [0.0], None
def load(model, optimizer):
    if not kept.exists():
        return None
    model[:], done, accuracy = json.loads(kept.read_text())
    return done, accuracy
def save(model, optimizer, done, accuracy):
    kept.write_text(json.dumps([model, done, accuracy]))
def rate(progress):
    return 1 - progress
def train_one_epoch(model, optimizer, rate):
    model[0] += (1 - model[0]) * rate / 3
    return model[0]
"""


def test_program_that_resumes_is_one_training_however_often_it_is_paused(
    trial: Callable[..., tuple[int, Report]], tmp_path: Path
) -> None:
    program, progress = tmp_path / "program.py", tmp_path / "progress.json"
    program.write_text(LEARNING + CONTRACT.files()["resuming.py"])
    contract = {"EVONAS_RUNGS": "1,3,9", "EVONAS_PROGRESS_FILE": str(progress)}
    whole = trial("python program.py", **contract)
    rungs = json.loads(progress.read_text())["rungs"]
    assert (whole[0], list(rungs)) == (0, ["1", "3", "9"])
    (tmp_path / "kept.json").unlink()
    # The second is an attempt that had saved and not reported.
    for before, until in ((0, "1"), (1, "1"), (1, "3"), (3, "9")):
        code, said = trial("python program.py", EVONAS_UNTIL=until, **contract)
        assert (code, said.reward) == (0, rungs[until]["accuracy"])
        assert json.loads(progress.read_text())["resumed"] == said.resumed == before
    assert replace(said, resumed=None) == whole[1]


def test_trial_by_hand_runs(trial: Callable[..., tuple[int, Report]], tmp_path: Path) -> None:
    (by_hand,) = (block for block in CONTRACT.fences("sh") if "evonas_trial cnn" in block)
    report = str(tmp_path / "report.json")
    code, said = trial(by_hand.replace("/tmp/report.json", report))
    assert code == 0
    assert said.reward is not None
