"""What is made of code is what the code makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from observability import reference
from observability.__main__ import ROOT, generated

FILES = dict(generated())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_generated_file_is_fresh(path: Path) -> None:
    assert path.read_text() == FILES[path], "run `make generate`"


def test_a_stale_table_would_be_noticed() -> None:
    page = (ROOT / reference.PAGE).read_text()
    assert reference.render(page.replace("Searches that wait for a pass.", "")) == page
    with pytest.raises(ValueError, match="0 places"):
        reference.render("")
