"""The page about Python and the tutorial notebook do what they say, and the notebook is fit to be looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

import evonas
from tests.browser import visit
from tests.unit.docs.markdown import ROOT, Page

NOTEBOOK = ROOT / "examples" / "digits.ipynb"


@pytest.mark.parametrize(
    ("page", "last_line"), [("python", "Complete 20"), ("several-objectives", "{'width': 16, 'depth': 2}")]
)
def test_blocks_of_the_page_run_one_after_the_other(page: str, last_line: str, tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text("\n".join(Page(ROOT / "docs" / f"{page}.md").fences("python")))
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == last_line


def test_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "python-reference.md").read_text()
    assert sorted(line.removeprefix("::: evonas.") for line in text.splitlines() if line.startswith(":::")) == sorted(
        evonas.__all__
    )


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebook after all its cells ran, as a page."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copy(NOTEBOOK, folder)
    notebook = nbformat.read(folder / NOTEBOOK.name, as_version=4)
    before = os.environ.get("PYTHONPATH", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([*sys.path, before]))
        NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(folder)}}).execute()
    page = folder / "digits.html"
    page.write_text(HTMLExporter().from_notebook_node(notebook)[0])
    return page


def test_notebook_runs_and_its_search_is_complete(executed: Path) -> None:
    result = evonas.open(executed.parent / "runs" / "digits-mlp")
    assert (result.phase, len(result.trials)) == ("Complete", 12)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_notebook_shows_the_search_its_trials_and_the_plot(executed: Path, dark: bool) -> None:
    with visit(executed, dark=dark) as found:
        live = found.page.locator(".evonas").first
        assert "digits-mlp" in live.inner_text()
        assert "12 of 12 trials" in live.inner_text()
        assert live.locator("svg polyline.line").count() == 2
        assert live.locator("table tr").count() == 11
        assert live.locator("td").nth(1).evaluate("cell => getComputedStyle(cell).textAlign") == "left"
        assert found.page.locator(".jp-OutputArea img").count() == 1
        for figure in live.locator("svg").all():
            box = figure.bounding_box()
            assert box is not None
            assert box["height"] > 100
