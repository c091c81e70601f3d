"""The page on the architecture against the code: what it names is there, and what the code is made of is named."""

from __future__ import annotations

import re
import tomllib

from tests.unit.docs.markdown import ROOT, Page

ARCHITECTURE = Page(ROOT / "docs" / "architecture.md")
PRODUCT = ROOT / "operator" / "evonas"
_PLACE = re.compile(r"[a-z_]+(/[a-z_]+)+(\.py)?")


def _exists(place: str) -> bool:
    roots = (PRODUCT, PRODUCT / "cluster" / "state", ROOT)
    return any((root / place).exists() or (root / f"{place}.py").exists() for root in roots)


def test_every_place_that_the_page_names_exists() -> None:
    named = {span for span in ARCHITECTURE.spans() if _PLACE.fullmatch(span)}
    assert len(named) > 30
    assert [place for place in sorted(named) if not _exists(place)] == []


def test_every_package_of_the_product_has_its_row() -> None:
    rows = set(ARCHITECTURE.first_cells("Package"))
    there = {
        path.stem
        for path in PRODUCT.iterdir()
        if path.name[0] not in "_." and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert there - rows == set()


def test_the_rows_stand_in_the_order_of_the_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [re.findall(r"evonas\.(\w+)", line) for line in contracts[0]["layers"]]
    place = {name: number for number, names in enumerate(layers) for name in names}
    rows = [place[name] for name in ARCHITECTURE.first_cells("Package") if name in place]
    assert rows == sorted(rows)
    assert place.keys() <= set(ARCHITECTURE.first_cells("Package"))
