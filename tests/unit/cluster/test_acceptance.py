"""What is refused before the API server is asked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import pytest

from evonas.cluster.acceptance import Acceptance
from evonas.cluster.api import Api
from evonas.cluster.records import SearchRecord
from evonas.cluster.refusals import Refusal
from evonas.spec import SearchSpec
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


async def test_template_that_sets_what_trials_are_given_is_refused_unless_it_had_been_accepted_before() -> None:
    manifest = good("minimal.yaml")
    (container,) = manifest["spec"]["trial"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "EVONAS_SEED", "value": "7"}]
    record = SearchRecord("ns", "minimal", "uid", 1, 1, deleting=False, manifest=manifest, status={})
    refusal = await Acceptance(cast(Api, None)).examine(record, None)
    assert isinstance(refusal, Refusal)
    assert refusal.message == (
        "spec.trial.template.spec.containers[0].env[0].name: every trial is given its own EVONAS_SEED by the search; "
        "remove this one, or choose another name"
    )
    accepted = {"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": 1}
    goes_on = replace(record, status={"conditions": [accepted]})
    assert isinstance(await Acceptance(cast(Api, None)).examine(goes_on, None), SearchSpec)
