"""No shell block without a test that runs it: the list in `tests/shell_blocks.py` against the pages and the tests."""

from __future__ import annotations

import ast

import pytest

from tests.shell_blocks import CI, COMPARING, HARNESS, RUN_BY, blocks_of, is_sample_of
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


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_sample_of_output_is_compared_with_what_its_command_prints(page: Page) -> None:
    compared = [block.prints for block in blocks_of(page) if block.prints and set(block.runners()) <= COMPARING]
    assert page.fences("text") == compared, "a sample stands right after the shell block that prints it"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_block_without_a_language_is_a_drawing_and_hides_no_output(page: Page) -> None:
    assert [content for content in page.fences("") if "──" not in content] == []


@pytest.mark.parametrize(
    ("sample", "printed", "expected"),
    [
        ("one\ntwo\n", "one\ntwo  \n", True),
        ("one\n", "one\ntwo\n", False),
        ("two\n", "one\ntwo\n", False),
        ("one\n…\n", "one\ntwo\nthree\n", True),
        ("one\n…\n", "one\n", True),
        ("…\nthree\n", "one\ntwo\n", False),
        ("took … s\n", "took 3.2 s\n", True),
        ("took … s\n", "took 3.2 s\nmore\n", False),
        ("took 3.2 s (a+b)\n", "took 3x2 s (a+b)\n", False),
    ],
)
def test_a_sample_is_the_whole_output_but_for_its_ellipses(sample: str, printed: str, expected: bool) -> None:
    assert is_sample_of(sample, printed) == expected
