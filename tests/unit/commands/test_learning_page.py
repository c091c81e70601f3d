"""The page about learning from earlier searches: its commands run, and say what it shows."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.unit.commands.conftest import Evonas
from tests.unit.docs.markdown import ROOT, Page


def test_commands_run_and_say_what_the_page_shows(evonas: Evonas, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (commands,) = Page(ROOT / "docs" / "learning-from-earlier-searches.md").fences("sh")
    for line in commands.splitlines():
        code, out, err = evonas(*shlex.split(line)[1:])
        assert code == 0, (line, out, err)
    explained = " ".join(out.split())
    assert "origin: transfer, from one of the best candidates of runs/counting-evonas" in explained
    assert "is due to runs/counting-evonas" in explained
