"""The documentation as a site: built without a warning, complete, and read without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import visit
from tests.unit.docs.markdown import PAGES, ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build(ROOT / "mkdocs.yml", folder)
    return folder


def build(config: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_every_page_is_in_the_navigation(site: Path) -> None:
    links = set(re.findall(r'href="([^"#]+)', (site / "index.html").read_text(encoding="utf-8")))
    docs = [page.path.relative_to(ROOT / "docs") for page in PAGES if page.path.is_relative_to(ROOT / "docs")]
    assert len(docs) > 20
    assert [str(path) for path in docs if str(path.with_suffix(".html")) not in links] == []


def test_files_of_the_repository_that_pages_link_to_are_in_the_site(site: Path) -> None:
    example = ROOT / "examples" / "counting.yaml"
    assert (site / "repository" / "examples" / "counting.yaml").read_bytes() == example.read_bytes()
    assert 'href="repository/examples/counting.yaml"' in (site / "tutorial.html").read_text(encoding="utf-8")


def test_a_page_that_nobody_listed_and_a_broken_link_are_told_apart(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "hooks.py").symlink_to(ROOT / "docs" / "hooks.py")
    config = tmp_path / "mkdocs.yml"
    config.write_text("site_name: Small\nhooks: [docs/hooks.py]\nexclude_docs: hooks.py\nnav: [index.md]\n")
    (docs / "index.md").write_text("# Index\n\n[more](more.md)\n")
    (docs / "more.md").write_text("# More\n\n[the configuration](../mkdocs.yml)\n")
    build(config, tmp_path / "site")
    assert (tmp_path / "site" / "repository" / "mkdocs.yml").exists()
    (docs / "more.md").write_text("# More\n\n[nothing](../nothing.yml)\n")
    with pytest.raises(AssertionError, match=r"nothing\.yml"):
        build(config, tmp_path / "site")


def test_pages_need_nothing_from_elsewhere(site: Path) -> None:
    for page in ("index.html", "tutorial.html", "agents.html"):
        with visit(site / page, width=400) as found:
            assert found.page.locator("article h1").is_visible()
            assert found.complaints == []
            assert [url for url in found.requests if not url.startswith("file:")] == []
