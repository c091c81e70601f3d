"""What kstatus, and so Flux and every tool that waits with it, makes of the statuses that the operator writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evonas.search.status import refuse
from harness import binaries, lifecycle
from harness.commands import run
from harness.fixtures import skipping
from tests.unit.extras.test_argocd import BROKEN, FRUITLESS, OVER, search, status
from tests.unit.search.support import NOW

pytestmark = pytest.mark.kstatus


@pytest.fixture(scope="module", autouse=True)
def kstatus() -> None:
    with skipping():
        lifecycle.prepare("kstatus")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (search(status(), generation=4), "InProgress"),
        (search(status()), "Current"),
        (search(status(waits=True)), "Current"),
        (search(status(suspend=True), suspend=True), "Current"),
        (search(status(limit=OVER)), "Current"),
        (search(status(limit=BROKEN)), "Failed"),
        (search(status(limit=FRUITLESS)), "Failed"),
        (search(refuse("InvalidSpec", "no such agent", generation=3, before=status(), now=NOW)), "Failed"),
    ],
    ids=["changed", "begins", "waits", "suspended", "complete", "failed", "no success", "refused"],
)
def test_status_as_kstatus_computes_it(body: dict[str, Any], expected: str) -> None:
    body = {"apiVersion": "evonas.dev/v1alpha1", "kind": "ArchitectureSearch", **body}
    body["metadata"] |= {"name": "search", "namespace": "default"}
    program = binaries.ensure(binaries.KSTATUS)["kstatus"]
    assert run([program], text_in=json.dumps(body)).strip() == expected
