"""Writes the files generated from code: `python -m observability`; with `--check`, only lists the stale ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from observability import argocd, reference
from observability.dashboards import fleet, operator, search

ROOT = Path(__file__).parents[1]
DASHBOARDS = Path("charts/evonas/dashboards")


def generated() -> Iterator[tuple[Path, str]]:
    """Yield every generated file and its expected content."""
    page = ROOT / reference.PAGE
    yield page, reference.render(page.read_text())
    yield ROOT / argocd.FOLDER / "argocd-cm.yaml", argocd.render(ROOT / argocd.FOLDER)
    for name, board in (("search", search), ("fleet", fleet), ("operator", operator)):
        text = JSONEncoder(sort_keys=True, indent=2).encode(board.build().build())
        yield ROOT / DASHBOARDS / f"{name}.json", f"{text}\n"


def main(arguments: list[str]) -> int:
    """Write or check; a check exits with 1 if anything is stale."""
    stale = [(path, text) for path, text in generated() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        print(path.relative_to(ROOT))
        if arguments != ["--check"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return int(bool(stale) and arguments == ["--check"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
