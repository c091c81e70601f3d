"""The pages' commands for one machine, as a reader gives them: one page after the other, in one folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.shell_blocks import LOCAL, blocks_run_by, environment, reader_folder

# Searches and tests of minutes: their first steps will do.
SHORTER = {
    **{f"examples/counting-{agent}.yaml\n": "--budget 3" for agent in ("random", "evolution", "neural", "evonas")},
    "examples/spiking-digits.yaml\n": "--budget 1",
    "--epochs 5\n": "--epochs 1",
    "tests/unit/search -k budget\n": "--collect-only",
}


def shortened(text: str) -> str:
    for end, more in SHORTER.items():
        text = text.replace(end, f"{end.rstrip()} {more}\n")
    return text.replace("/tmp/report.json", "report.json").replace(".venv/bin/", "")


def test_commands_run_in_the_order_of_the_pages(tmp_path: Path) -> None:
    if shutil.which("go") is None:
        assert os.environ.get("EVONAS_REQUIRE_ALL") != "1", "Go is missing"
        pytest.skip("needs Go for the trial that is written in it")
    folder = reader_folder(tmp_path)
    for block in blocks_run_by(LOCAL):
        for name, content in block.page.files().items():
            (folder / name).write_text(content, encoding="utf-8")
        block.run(folder, environment(), shortened(block.text))
    for page in ("counting.html", "seeds.html", "costs.html", "counting.png"):
        assert (folder / page).stat().st_size > 1000
