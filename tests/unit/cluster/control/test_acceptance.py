"""What is refused before the API server is asked, and for how long its own answer holds."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import pytest

from evonas.cluster.client.api import Api
from evonas.cluster.control.acceptance import Acceptance, Question, Verdict, is_accepted, question_of
from evonas.cluster.control.engines import Engines
from evonas.cluster.control.refusals import Refusal
from evonas.cluster.state.records import SearchRecord
from evonas.spec import SearchSpec
from tests.corpus import good

RECORD = SearchRecord("ns", "minimal", "uid", 1, 3, deleting=False, manifest=good("minimal.yaml"), status={})
QUESTION = Question(3, (("kueue.x-k8s.io/queue-name", "gpus"),), "evonas-trial")
TEMPLATE = Refusal("TemplateRefused", "denied", look_again=60)


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
    refusal = await Acceptance(cast(Api, None), Engines(())).examine(replace(RECORD, manifest=manifest), None)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.look_again) == ("InvalidSpec", None)
    assert re.match(message, refusal.message)


async def test_template_that_sets_what_trials_are_given_is_refused_unless_it_had_been_accepted_before() -> None:
    manifest = good("minimal.yaml")
    (container,) = manifest["spec"]["trial"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "EVONAS_SEED", "value": "7"}]
    record = SearchRecord("ns", "minimal", "uid", 1, 1, deleting=False, manifest=manifest, status={})
    refusal = await Acceptance(cast(Api, None), Engines(())).examine(record, None)
    assert isinstance(refusal, Refusal)
    assert refusal.message == (
        "spec.trial.template.spec.containers[0].env[0].name: every trial is given its own EVONAS_SEED by the search; "
        "remove this one, or choose another name"
    )
    accepted = {"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": 1}
    goes_on = replace(record, status={"conditions": [accepted]})
    assert isinstance(await Acceptance(cast(Api, None), Engines(())).examine(goes_on, None), SearchSpec)


async def test_a_search_that_was_accepted_is_not_asked_about_after_a_restart() -> None:
    accepted = {"type": "Accepted", "status": "True", "observedGeneration": 3}
    record = replace(RECORD, status={"conditions": [accepted]})
    assert is_accepted(record)
    assert isinstance(await Acceptance(cast(Api, None), Engines(())).examine(record, None), SearchSpec)
    assert not is_accepted(replace(record, generation=4))
    assert not is_accepted(replace(record, status={"conditions": [{**accepted, "status": "False"}]}))
    assert not is_accepted(RECORD)


@pytest.mark.parametrize("ended", ["Complete", "Failed"])
async def test_a_search_that_is_over_needs_no_engine_any_more(ended: str) -> None:
    manifest = good("minimal.yaml")
    del manifest["spec"]["trial"]["template"]
    job = {"template": {"spec": {"containers": [{"name": "trial", "image": "none"}]}}}
    spec = {"replicatedJobs": [{"name": "node", "template": {"spec": job}}]}
    manifest["spec"]["trial"]["workload"] = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": spec}

    async def examined(*types: str) -> SearchSpec | Refusal:
        conditions = [{"type": type, "status": "True", "observedGeneration": 3} for type in types]
        record = replace(RECORD, manifest=manifest, status={"conditions": conditions})
        return await Acceptance(cast(Api, None), Engines(("JobSet",))).examine(record, None)

    refusal = await examined("Accepted")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "WorkloadNotServed"
    assert isinstance(await examined("Accepted", ended), SearchSpec)


def test_the_question_is_about_generation_queue_labels_and_account() -> None:
    labels = {"kueue.x-k8s.io/queue-name": "gpus"}
    assert question_of(replace(RECORD, queue_labels=labels), "evonas-trial") == QUESTION
    # What an operator writes itself, and what changes with every pass, asks nothing anew.
    assert question_of(replace(RECORD, version=9, status={"a": 1}), None) == question_of(RECORD, None)


@pytest.mark.parametrize(
    "changed",
    [
        replace(QUESTION, generation=4),
        replace(QUESTION, queue_labels=()),
        replace(QUESTION, queue_labels=(("kueue.x-k8s.io/queue-name", "cpus"),)),
        replace(QUESTION, service_account=None),
    ],
    ids=["spec", "label-removed", "label-changed", "account"],
)
def test_a_refused_template_is_offered_again_when_what_it_depends_on_has_changed(changed: Question) -> None:
    verdict = Verdict(QUESTION, TEMPLATE, given=100)
    assert verdict.holds(QUESTION, 101)
    assert not verdict.holds(changed, 101)


def test_a_refused_template_is_offered_again_after_a_while_for_policies_change_unseen() -> None:
    verdict = Verdict(QUESTION, TEMPLATE, given=100)
    assert verdict.holds(QUESTION, 159)
    assert not verdict.holds(QUESTION, 160)


@pytest.mark.parametrize(
    "outcome", [SearchSpec.parse(good("minimal.yaml")), Refusal("InvalidSpec", "", look_again=None)]
)
def test_what_the_manifest_alone_decides_holds_for_its_generation(outcome: SearchSpec | Refusal) -> None:
    verdict = Verdict(QUESTION, outcome, given=100)
    assert verdict.holds(replace(QUESTION, queue_labels=(), service_account=None), 1e9)
    assert not verdict.holds(replace(QUESTION, generation=4), 101)
