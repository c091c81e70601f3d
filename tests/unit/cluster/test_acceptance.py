"""What is refused before the API server is asked."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from evonas.cluster.acceptance import Acceptance
from evonas.cluster.api import Api
from evonas.cluster.records import SearchRecord
from evonas.cluster.refusals import Refusal
from tests.corpus import good


@pytest.mark.parametrize(
    ("agent", "message"),
    [
        ({"type": "Genetic"}, r"spec\.agent\.type: must be one of Random, .*got 'Genetic'; .* install that package"),
        ({"type": "Random", "settings": {"a": 1}}, r"spec\.agent\.settings: must be empty, got a"),
    ],
)
async def test_an_agent_that_cannot_be_made_is_refused(agent: dict[str, Any], message: str) -> None:
    manifest = good("minimal.yaml")
    manifest["spec"]["agent"] = agent
    record = SearchRecord("ns", "minimal", "uid", 1, 1, deleting=False, manifest=manifest, status={})
    refusal = await Acceptance(cast(Api, None)).examine(record, None)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "InvalidSpec"
    assert re.match(message, refusal.message)
