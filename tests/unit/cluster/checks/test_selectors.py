"""Label selectors: what matches needs no change, and what is changed as it says matches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.cluster.checks.selectors import changes_to_match

LABELS = {"app": "evonas", "tier": "ml"}


def expression(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "changes"),
    [
        ({}, []),
        ({"matchLabels": None, "matchExpressions": None}, []),
        ({"matchLabels": {"app": "evonas"}}, []),
        ({"matchLabels": {"app": "other", "release": "kube"}}, ["app=other", "release=kube"]),
        (expression("In", "tier", "ml", "web"), []),
        (expression("In", "tier", "web", "db"), ["tier=web"]),
        (expression("In", "absent", "x"), ["absent=x"]),
        (expression("NotIn", "tier", "web"), []),
        (expression("NotIn", "tier", "ml"), ["tier-"]),
        (expression("NotIn", "absent", "x"), []),
        (expression("Exists", "tier"), []),
        (expression("Exists", "absent"), ["absent=true"]),
        (expression("DoesNotExist", "absent"), []),
        (expression("DoesNotExist", "tier"), ["tier-"]),
    ],
)
def test_selectors(selector: dict[str, Any], changes: list[str]) -> None:
    assert changes_to_match(selector, LABELS) == changes


words = st.sampled_from(["a", "b", "c"])
labels = st.dictionaries(words, words)


@given(
    labels,
    st.dictionaries(
        words, st.tuples(st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]), st.lists(words, min_size=1))
    ),
)
def test_what_is_changed_as_it_says_matches(
    given_labels: dict[str, str], wanted: dict[str, tuple[str, list[str]]]
) -> None:
    expressions = [{"key": key, "operator": operator, "values": values} for key, (operator, values) in wanted.items()]
    selector = {"matchExpressions": expressions}
    changed = dict(given_labels)
    for change in changes_to_match(selector, given_labels):
        key, sign, value = change.partition("=")
        if sign:
            changed[key] = value
        else:
            del changed[key.removesuffix("-")]
    assert changes_to_match(selector, changed) == []
