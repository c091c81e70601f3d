"""The page about the tools: its commands for this machine run, in the order in which they stand there."""

from __future__ import annotations

import shlex
from pathlib import Path

from evonas.cli import cli
from tests.unit.commands.conftest import Evonas
from tests.unit.docs.markdown import ROOT, Page

PAGE = Page(ROOT / "docs" / "tools.md")


def test_commands_for_this_machine_run(evonas: Evonas, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    block, _ = PAGE.fences("sh")
    for line in block.splitlines():
        _, *words = shlex.split(line)
        code, out, err = evonas(*words)
        assert code == 0, (line, out, err)
        assert out or words[0] == "logs", line
    for file in ("counting.jsonl", "counting.csv", "counting.db", "counting.html", "runs/counting/plots.png"):
        assert (tmp_path / file).stat().st_size > 1000


def test_every_command_is_on_the_page() -> None:
    listed = cli.list_commands(cli.make_context("evonas", ["-h"], resilient_parsing=True))
    assert [name for name in listed if name != "operator" and f"evonas {name}" not in PAGE.text] == []
