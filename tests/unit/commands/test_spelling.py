"""One way to say one thing: a name means the same in every command, and names of the last release still work."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import click
import pytest

from evonas.cli import cli
from evonas.schema import load_crds
from tests.unit.commands.conftest import Evonas
from tests.unit.local.test_resume import write_manifest

GROUP = cli.make_context("evonas", ["-h"], resilient_parsing=True)
COMMANDS = {name: cli.get_command(GROUP, name) for name in cli.list_commands(GROUP)}
PARAMETERS = [(name, parameter) for name, command in COMMANDS.items() if command for parameter in command.params]


def test_an_option_is_the_same_kind_of_thing_in_every_command_that_has_it() -> None:
    kinds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for command, option in PARAMETERS:
        if isinstance(option, click.Option):
            for spelling in option.opts:
                kind = "flag" if option.is_flag else option.type.name
                kinds[spelling][f"{kind}, also {sorted(option.opts)}"].append(command)
    assert {spelling: dict(kind) for spelling, kind in kinds.items() if len(kind) > 1} == {}


def test_a_format_is_an_output_and_a_file_is_written_to() -> None:
    spellings = {option.opts[0]: option.type for _, option in PARAMETERS if isinstance(option, click.Option)}
    assert isinstance(spellings["--output"], click.Choice)
    written = [name for name, type_ in spellings.items() if isinstance(type_, click.Path) and not type_.exists]
    assert sorted(written) == ["--runs", "--to"]


def test_what_a_command_reads_is_an_argument() -> None:
    read = {
        (command, parameter.name)
        for command, parameter in PARAMETERS
        if isinstance(parameter, click.Argument) and isinstance(parameter.type, click.Path) and parameter.type.exists
    }
    assert read == {("enqueue", "file"), ("import", "file"), ("plan", "manifest"), ("run", "manifest")}


def test_an_option_in_place_of_a_field_has_the_name_of_the_field() -> None:
    (crd,) = (crd for crd in load_crds() if crd["spec"]["names"]["kind"] == "ArchitectureSearch")
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    helped = {
        option.opts[0]: word.strip(".,;")
        for command, option in PARAMETERS
        if command == "run" and isinstance(option, click.Option)
        for word in (option.help or "").split()
        if word.startswith("spec.")
    }
    assert len(helped) == 5
    for spelling, path in helped.items():
        field = spec
        for part in path.split(".")[1:]:
            field = field["properties"][part]
        assert spelling.replace("-", "") == path.split(".")[-1].lower()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (["plan", "-f", "search.yaml", "--no-cluster"], ["plan", "search.yaml", "--no-cluster"], ["-f"]),
        (["plan", "--filename=search.yaml", "--no-cluster"], ["plan", "search.yaml", "--no-cluster"], ["--filename"]),
        (
            ["run", "search.yaml", "--budget", "2", "--parallel=1"],
            ["run", "search.yaml", "--max-trials", "2", "--parallel-trials", "1"],
            ["--budget", "--parallel"],
        ),
        (["report", "{run}", "--output", "a.svg"], ["report", "{run}", "--to", "a.svg"], ["--output"]),
        (["export", "{run}", "a.jsonl"], ["export", "{run}", "--to", "a.jsonl"], ["a.jsonl"]),
    ],
    ids=lambda words: words[0],
)
def test_the_names_of_the_last_release_work_and_say_the_new_ones(
    evonas: Evonas, finished_run: Path, tmp_path: Path, old: list[str], new: list[str], said: list[str]
) -> None:
    write_manifest(tmp_path)
    before, after = ([word.format(run=finished_run) for word in words] for words in (old, new))
    code, out, err = evonas(*before)
    assert code == 0
    for name, line in zip(said, err.splitlines(), strict=True):
        assert line.startswith(f"evonas {old[0]}: {name} is now ")
    if old[0] != "run":
        assert evonas(*after) == (0, out, "")
    else:
        assert evonas(*after)[0] == 0
        assert "2 trials are finished" in evonas(*after)[1]
    assert not any(name in evonas(old[0], "--help")[1].split() for name in said if name.startswith("-"))


def test_an_old_name_with_a_wrong_value_is_refused_by_the_new_one(evonas: Evonas, tmp_path: Path) -> None:
    write_manifest(tmp_path)
    code, _, err = evonas("run", "search.yaml", "--budget", "none")
    assert code == 2
    assert "'--max-trials'" in err.splitlines()[1]
