"""What can be said of the dashboards without a Prometheus; others run their queries."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from evonas.metrics.searches import DEFINITIONS
from observability import reference
from observability.__main__ import DASHBOARDS, ROOT

BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / DASHBOARDS).glob("*.json"))}
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}") for name, board in BOARDS.items() for panel in board["panels"]
]
EXPORTED = {row[0] for row in (*reference.search_metrics(), *reference.operator_metrics())}


def queried(panel: dict[str, Any]) -> list[str]:
    return [target["expr"] for target in panel.get("targets", [])]


def test_there_are_three() -> None:
    assert {board["uid"] for board in BOARDS.values()} == {"evonas-search", "evonas-fleet", "evonas-operator"}


@pytest.mark.parametrize("name", BOARDS)
def test_board_names_no_data_source_and_lets_people_choose(name: str) -> None:
    board = BOARDS[name]
    variables = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    expected = {"datasource": "datasource", "namespace": "query"}
    assert variables == expected | ({} if name == "operator" else {"search": "query"})
    # What Grafana's sidecar puts into a ConfigMap must fit client-side apply.
    assert len(json.dumps(board)) < 200_000


@pytest.mark.parametrize("panel", PANELS)
def test_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"]
    if queried(panel):
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("panel", PANELS)
def test_panel_asks_only_for_metrics_that_are_exported(panel: dict[str, Any]) -> None:
    for expression in queried(panel):
        named = set(re.findall(r"\bevonas_\w+", expression))
        assert named
        assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= EXPORTED


def test_links_lead_to_boards_that_exist() -> None:
    linked = set(re.findall(r"/d/([\w-]+)", json.dumps(BOARDS)))
    assert linked == {"evonas-search", "evonas-fleet"}


def test_every_metric_of_a_search_is_on_a_board() -> None:
    shown = {name for board in BOARDS.values() for name in re.findall(r"\bevonas_\w+", json.dumps(board))}
    assert {definition.name for definition in DEFINITIONS} <= shown
