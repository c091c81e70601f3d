"""No shell block without a test that runs it: the list in `tests/shell_blocks.py` against the pages and the tests."""

from __future__ import annotations

import ast

import pytest

from tests.shell_blocks import CI, HARNESS, RUN_BY, blocks_of
from tests.unit.docs.markdown import PAGES, ROOT, Page

BLOCKS = [block for page in PAGES for block in blocks_of(page)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_shell_block_is_run_by_one_test(page: Page) -> None:
    wrong = {str(block): block.runners() for block in blocks_of(page) if len(block.runners()) != 1}
    assert wrong == {}, "say in tests/shell_blocks.py which test runs these"


def test_the_list_names_no_block_that_is_not_there() -> None:
    listed = {(page, begins) for page, blocks in RUN_BY.items() for begins in blocks}
    found = {
        (str(block.page), begins)
        for block in BLOCKS
        for begins in RUN_BY.get(str(block.page), ())
        if block.text.startswith(begins)
    }
    assert listed - found == set()


def test_the_tests_that_are_named_exist() -> None:
    for runner in {runner for blocks in RUN_BY.values() for runner in blocks.values()} - {CI, HARNESS}:
        path, _, name = runner.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert not name or name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, runner


def test_a_file_of_a_page_is_no_block_of_commands() -> None:
    page = Page(ROOT / "docs" / "writing-a-trial.md")
    assert set(page.files()) >= {"train.py", "polynomial.yaml", "trial.sh", "shell.yaml", "trial.go", "descent.yaml"}
    assert [block for block in blocks_of(page) if "trial.sh\nset -eu" in block.text] == []
