"""The Indexed Job: the contract, and what is its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from evonas.workloads.catalogue import kind_named
from evonas.workloads.indexed_job import GROUP, IndexedJob
from evonas.workloads.interface import Place
from tests.unit.workloads.contract import CHANGE, ENDED, KindContract
from tests.unit.workloads.objects import container

SPEC: dict[str, Any] = {
    "completionMode": "Indexed",
    "completions": 11,
    "template": {
        "metadata": {"labels": {"team": "vision"}},
        "spec": {"containers": [{"name": "logger", "image": "example/logger"}, container(gpus=2)]},
    },
}


def conditions(*types: str) -> dict[str, Any]:
    said = {"status": "True", "reason": "Because", "message": "of this", "lastTransitionTime": ENDED}
    return {"conditions": [{"type": name, **said} for name in types]}


class TestIndexedJob(KindContract):
    is_opaque = False
    kind = kind_named("IndexedJob")
    spec = SPEC
    pods: ClassVar[Mapping[str, int]] = {GROUP: 11}
    gpus: ClassVar[Mapping[str, int]] = {GROUP: 2}
    running: ClassVar[Mapping[str, Any]] = {"active": 11, "ready": 11, "startTime": ENDED}
    complete = conditions("SuccessCriteriaMet", "Complete")
    failed = conditions("FailureTarget", "Failed")

    def labels_of(self, place: Place) -> dict[str, str]:
        return {"batch.kubernetes.io/job-completion-index": str(place.rank), "job-name": "w"}

    def derived_names(self, name: str) -> list[str]:
        return [f"{name}-10"]


def test_a_job_that_is_about_to_fail_says_why_before_its_pods_are_gone() -> None:
    standing = TestIndexedJob().read(conditions("FailureTarget"))
    assert (standing.failed, standing.reason) == (False, "Because")


@pytest.mark.parametrize(("policy", "rules"), [(None, 1), ("OnFailure", 0)])
def test_a_disrupted_pod_is_replaced_unless_the_user_says_otherwise(policy: str | None, rules: int) -> None:
    template = {"spec": {**SPEC["template"]["spec"], **({"restartPolicy": policy} if policy else {})}}
    built = IndexedJob().build({**SPEC, "template": template}, CHANGE)
    assert built["backoffLimit"] == 0
    assert len(built.get("podFailurePolicy", {}).get("rules", ())) == rules
    own = {"backoffLimitPerIndex": 1, "podFailurePolicy": {"rules": []}, "backoffLimit": 9}
    assert IndexedJob().build({**SPEC, **own}, CHANGE).items() >= own.items()
