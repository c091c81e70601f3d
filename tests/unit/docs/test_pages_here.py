"""The pages' commands for one machine, as a reader gives them: in one folder, in which the tutorial's run stays."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.shell_blocks import LOCAL, Block, blocks_run_by, environment, reader_folder

BLOCKS = blocks_run_by(LOCAL)
WRITES = {
    "docs/tutorial.md": ["counting.html"],
    "docs/choosing-an-agent.md": ["seeds.html"],
    "docs/cost.md": ["costs.html"],
    "docs/several-objectives.md": ["front.html"],
    "examples/README.md": ["counting.png"],
}
NEEDS = {
    "docs/cost.md": {"runs/counting": "evonas run examples/counting.yaml --max-trials 4"},
    "docs/report.md": {
        "runs/counting": "evonas run examples/counting.yaml --max-trials 4",
        "runs/digits-cnn": "evonas run examples/digits-cnn.yaml --max-trials 2",
    },
}
"""Runs that a page takes for granted, made where no page before it did."""
# Searches and tests of minutes: their first steps will do.
SHORTER = {
    **{
        f"examples/counting-{agent}.yaml\n": "--max-trials 3 --parallel-trials 3"
        for agent in ("random", "evolution", "neural", "evonas")
    },
    "examples/digits-front.yaml\n": "--max-trials 2",
    "examples/digits-earlier.yaml\n": "--max-trials 6",
    "examples/digits-learning.yaml\n": "--max-trials 4",
    "examples/spiking-digits.yaml\n": "--max-trials 1 --parallel-trials 1",
    "examples/as-it-is/search.yaml\n": "--max-trials 3",
    "--epochs 5\n": "--epochs 1",
    "tests/unit/search -k budget\n": "--collect-only",
}


def shortened(text: str) -> str:
    for end, more in SHORTER.items():
        text = text.replace(end, f"{end.rstrip()} {more}\n")
    return text.replace("/tmp/report.json", "report.json").replace(".venv/bin/", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reader_folder(tmp_path_factory.mktemp("reader"))


@pytest.mark.parametrize("page", dict.fromkeys(str(block.page) for block in BLOCKS))
def test_commands_run_in_the_order_of_the_pages(page: str, folder: Path) -> None:
    blocks = [block for block in BLOCKS if str(block.page) == page]
    if any("go build" in block.text for block in blocks) and shutil.which("go") is None:
        assert os.environ.get("EVONAS_REQUIRE_ALL") != "1", "Go is missing"
        pytest.skip("needs Go for the trial that is written in it")
    for run, command in NEEDS.get(page, {}).items():
        if not (folder / run).exists():
            Block(blocks[0].page, command).run(folder, environment())
    for block in blocks:
        for name, content in block.page.files().items():
            (folder / name).write_text(content, encoding="utf-8")
        block.run(folder, environment(), shortened(block.text))
    for name in WRITES.get(page, ()):
        assert (folder / name).stat().st_size > 1000
