"""The alerts: promtool's own tests of them, and that each has both stories and a page that helps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.commands import run

ROOT = Path(__file__).parents[2]
RULES = ROOT / "charts" / "evonas" / "alerts" / "evonas.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
STORIES = sorted(Path(__file__).parent.glob("*.yaml"))
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}

every_alert = pytest.mark.parametrize("alert", ALERTS)


@pytest.mark.prometheus
def test_rules_are_valid(promtool: Path) -> None:
    run([promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES])


@pytest.mark.prometheus
@pytest.mark.parametrize("stories", STORIES, ids=lambda path: path.stem)
def test_alerts_fire_and_stay_silent_as_their_stories_say(promtool: Path, stories: Path) -> None:
    run([promtool, "test", "rules", stories])


@every_alert
def test_alert_has_a_story_in_which_it_fires_and_one_in_which_it_does_not(alert: str) -> None:
    expected = [
        bool(check["exp_alerts"])
        for path in STORIES
        for story in yaml.safe_load(path.read_text())["tests"]
        for check in story["alert_rule_test"]
        if check["alertname"] == alert
    ]
    assert set(expected) == {True, False}


@every_alert
def test_alert_leads_to_a_page_with_its_name_and_something_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    page = ROOT / rule["annotations"]["runbook"]
    assert page.parent == RUNBOOKS
    text = page.read_text()
    assert text.startswith(f"# {alert}\n")
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Meaning", "## Diagnosis", "## Remedy"]
    assert re.search(r"^kubectl ", text, re.MULTILINE)


def test_no_page_is_left_without_an_alert() -> None:
    pages = {rule["annotations"]["runbook"] for rule in ALERTS.values()}
    assert pages == {str(path.relative_to(ROOT)) for path in RUNBOOKS.glob("*.md")}
