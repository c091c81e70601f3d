"""The dashboards as they are checked in: their panels' queries with Grafana's variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "charts" / "evonas" / "dashboards"
RULES = ROOT / "charts" / "evonas" / "alerts" / "evonas.yaml"


@dataclass(frozen=True)
class Board:
    """One dashboard."""

    name: str
    body: dict[str, Any]

    @property
    def panels(self) -> list[dict[str, Any]]:
        """All panels, as Grafana has them."""
        panels: list[dict[str, Any]] = self.body["panels"]
        return panels

    def variable_queries(self) -> Iterator[tuple[str, str]]:
        """Yield (selector, label) of each variable whose values come from series."""
        for variable in self.body["templating"]["list"]:
            if variable["type"] == "query":
                selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
                yield selector, label


def boards() -> list[Board]:
    """Return the dashboards that ship."""
    return [Board(path.stem, json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))]


def fill_in(expression: str, values: dict[str, str]) -> str:
    """Replace Grafana's variables; one that nobody gave a value is an error."""
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], expression)


def selectors(expression: str) -> list[str]:
    """Return the series that a rule's expression selects: names with their matchers."""
    return re.findall(r"\bevonas[\w:]+(?:\{[^}]*\})?", expression)
