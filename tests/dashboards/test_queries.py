"""Every query of every panel and every rule against a real Prometheus that scraped a real search: none is empty."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import yaml

from harness.prometheus import Series
from tests.dashboards.boards import RULES, Board, boards, fill_in, selectors
from tests.dashboards.scenario import WITH_FRONT, Recording

pytestmark = [pytest.mark.kwok, pytest.mark.prometheus]

QUERIES = [
    pytest.param(board, target, id=f"{board.name}: {panel['title']} {target['refId']}")
    for board in boards()
    for panel in board.panels
    for target in panel.get("targets", [])
]
RULES_BY_NAME = {
    rule.get("alert") or rule["record"]: rule["expr"]
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
}


def answers(recording: Recording, expression: str) -> list[Series]:
    """Return the series that have a number at any moment of the recording."""
    series = recording.prometheus.range(expression, recording.start, recording.end, 1)
    return [item for item in series if any(math.isfinite(float(value)) for _, value in item["values"])]


@pytest.mark.parametrize(("board", "target"), QUERIES)
def test_query_of_a_panel_has_an_answer_and_the_labels_that_its_legend_names(
    recording: Recording, board: Board, target: dict[str, Any]
) -> None:
    """No search both stops and pauses trials, or has a best reward and a front: one of them has an answer."""
    expressions = [fill_in(target["expr"], values) for values in recording.choices(many=board.name != "search")]
    found = [item for expression in expressions for item in answers(recording, expression)]
    assert found, expressions
    named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    assert all(named <= item["metric"].keys() for item in found)


@pytest.mark.parametrize("board", boards(), ids=lambda board: board.name)
def test_variables_have_values(recording: Recording, board: Board) -> None:
    for selector, label in board.variable_queries():
        filled = fill_in(selector, recording.values(many=board.name != "search"))
        assert recording.prometheus.label_values(label, filled), selector


@pytest.mark.parametrize("name", RULES_BY_NAME)
def test_every_selector_of_a_rule_finds_series(recording: Recording, name: str) -> None:
    found = selectors(RULES_BY_NAME[name])
    assert found
    assert [selector for selector in found if not answers(recording, selector)] == []


def test_every_rule_was_evaluated_without_an_error(recording: Recording) -> None:
    rules = [rule for group in recording.prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == RULES_BY_NAME.keys()
    assert {rule["health"] for rule in rules} == {"ok"}


def test_a_query_for_nothing_would_be_noticed(recording: Recording) -> None:
    assert not answers(recording, "evonas_no_such_metric")
    assert not answers(recording, "0 / 0 * evonas_leader")


def test_a_search_with_several_objectives_has_a_front_that_grows_and_no_best_reward(recording: Recording) -> None:
    def of(metric: str) -> list[Series]:
        return answers(recording, f'{metric}{{search="{WITH_FRONT}"}}')

    (sizes,), (volumes,) = of("evonas_search_front_trials"), of("evonas_search_hypervolume")
    assert float(sizes["values"][-1][1]) >= 1
    grown = [float(value) for _, value in volumes["values"]]
    assert grown == sorted(grown)
    assert grown[-1] > 0
    assert of("evonas_search_trials_since_improvement")
    assert not of("evonas_search_best_reward")
