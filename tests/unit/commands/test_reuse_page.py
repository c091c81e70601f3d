"""The page about reuse: its commands for this machine run."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.unit.commands.conftest import Evonas
from tests.unit.docs.markdown import ROOT, Page


def test_commands_for_this_machine_run(evonas: Evonas, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    _, local, *_ = Page(ROOT / "docs" / "reuse.md").fences("sh")
    for line in local.splitlines():
        code, out, err = evonas(*shlex.split(line)[1:])
        assert code == 0, (line, out, err)
    assert "12 results of runs/counting were imported" in out
