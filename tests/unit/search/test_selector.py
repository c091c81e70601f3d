"""Label selectors for local records: as the API server reads those of `kubectl get -l`."""

from __future__ import annotations

import pytest

from evonas.errors import EvonasError
from evonas.search.selector import parse_selector

LABELS = {"team": "vision", "example.org/tier": "a.b", "empty": ""}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("team=vision", True),
        ("team == vision", True),
        ("team=speech", False),
        ("team!=speech", True),
        ("nobody!=speech", True),
        ("team!=vision", False),
        ("team", True),
        ("nobody", False),
        ("!nobody", True),
        ("!team", False),
        ("empty=", True),
        ("team=", False),
        ("team in (speech, vision)", True),
        ("team in (speech)", False),
        ("nobody in (speech)", False),
        ("team notin (speech,vision)", False),
        ("nobody notin (speech)", True),
        ("team=vision,example.org/tier=a.b,!nobody", True),
        ("team in (speech,vision),nobody", False),
    ],
)
def test_selector_selects_as_kubernetes_does(text: str, selected: bool) -> None:
    assert parse_selector(text)(LABELS) == selected


@pytest.mark.parametrize("text", ["=vision", "team=a=b", "team in speech", "((", "a,,b", "team=vision,", "a b"])
def test_what_is_no_selector_selects_nothing_but_is_refused(text: str) -> None:
    with pytest.raises(EvonasError, match="not a label selector; write a=b"):
        parse_selector(text)
