"""The kinds of workload in the chart: each is wholly there where it is enabled, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from evonas.cli import cli
from evonas.cluster.checks.workloads import ENGINES, VERBS
from evonas.cluster.client.resources import WORKLOADS
from evonas.commands.operator import operator
from evonas.workloads.catalogue import option_of
from harness.errors import CommandFailed
from tests.chart.rendering import CHART, Object, installed, of_kind, render

pytestmark = pytest.mark.helm

NAMESPACED = CHART / "ci" / "namespaced-values.yaml"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
GROUPS = {"JobSet": "jobset.x-k8s.io", "TrainJob": "trainer.kubeflow.org", "RayJob": "ray.io"}


def enabled(*kinds: str) -> str:
    settings = {option_of(kind).removeprefix("workloads."): {"enabled": True} for kind in kinds}
    return f"workloads={json.dumps(settings)}"


def texts(objects: list[Object]) -> dict[str, str]:
    return {
        f"{body['kind']}/{body['metadata'].get('namespace')}/{body['metadata']['name']}": yaml.safe_dump(body)
        for body in objects
        if body["kind"] != "CustomResourceDefinition"
    }


def test_the_chart_knows_the_kinds_of_the_operator_and_no_others() -> None:
    assert {option_of(kind) for kind in ENGINES} == {f"workloads.{name}" for name in VALUES["workloads"]}
    for name, resource in WORKLOADS.items():
        (role,) = workload_roles(None, name)
        assert role["rules"] == [
            {"apiGroups": [resource.group], "resources": [resource.plural], "verbs": role["rules"][0]["verbs"]}
        ]
        assert set(role["rules"][0]["verbs"]) == VERBS


def test_without_any_nothing_in_the_chart_speaks_of_an_engine() -> None:
    for name, text in texts(installed()).items():
        assert not any(group in text for group in GROUPS.values()), name


@pytest.mark.parametrize("kind", GROUPS)
def test_a_kind_brings_what_it_needs_and_nothing_of_the_others(kind: str) -> None:
    before, after = texts(installed()), texts(installed(None, enabled(kind)))
    assert before.keys() <= after.keys()
    added = {name for name in after if name not in before}
    changed = {name for name in before if before[name] != after[name]}
    own = {"ClusterRole/None/evonas-operator-workloads", "ClusterRoleBinding/None/evonas-operator-workloads"}
    assert own <= added
    assert {name.split("/")[0] for name in added - own} == {
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    assert "Deployment/evonas-system/evonas-operator" in changed
    assert all("evonas-trials-only-" in name for name in changed - {"Deployment/evonas-system/evonas-operator"})
    # A TrainJob's pods are those of a JobSet.
    foreign = set(GROUPS.values()) - {GROUPS[kind]} - ({"jobset.x-k8s.io"} if kind == "TrainJob" else set())
    assert not any(group in text for text in after.values() for group in foreign)


def workload_roles(values: Path | None, *kinds: str) -> list[Object]:
    roles = of_kind(installed(values, enabled(*kinds)), "Role", "ClusterRole")
    return [role for role in roles if role["metadata"]["name"].endswith("-operator-workloads")]


def test_a_namespaced_operator_has_the_rights_in_its_namespaces_alone() -> None:
    roles = workload_roles(NAMESPACED, *GROUPS)
    assert {(role["kind"], role["metadata"]["namespace"]) for role in roles} == {("Role", "team-a"), ("Role", "team-b")}
    assert all(
        [rule["apiGroups"] for rule in role["rules"]] == [[group] for group in GROUPS.values()] for role in roles
    )
    policies = of_kind(installed(NAMESPACED, enabled(*GROUPS)), "ValidatingAdmissionPolicy")
    assert len(policies) == 8
    for policy in policies:
        (selected,) = policy["spec"]["matchConstraints"]["namespaceSelector"]["matchExpressions"]
        assert selected["values"] == ["team-a", "team-b"]


def test_without_the_policies_there_are_none_of_workloads() -> None:
    off = 'admissionPolicies={"install":false}'
    assert of_kind(installed(None, enabled(*GROUPS), off), "ValidatingAdmissionPolicy") == []


def test_the_operator_takes_the_kinds_that_the_chart_gives_it() -> None:
    (deployment,) = of_kind(render(None, enabled(*WORKLOADS)), "Deployment")
    name, *arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    taken = operator.make_context(name, arguments, **cli.context_settings).params
    assert taken["workloads"] == tuple(WORKLOADS)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('workloads={"mpiJob":{"enabled":true}}', "'mpiJob' not allowed"),
        ('workloads={"jobSet":{"enabled":"yes"}}', "/workloads/jobSet/enabled"),
        ('workloads={"rayJob":{"controllers":[]}}', "/workloads/rayJob/controllers"),
    ],
)
def test_helm_refuses_a_wrong_value_and_names_it(setting: str, words: str) -> None:
    with pytest.raises(CommandFailed, match=words):
        render(None, setting)


def trials_network(*settings: str) -> dict[str, Any]:
    on = 'networkPolicies.trials={"enabled":true,"namespaces":["team-a"]}'
    (policy,) = of_kind(installed(None, on, *settings), "NetworkPolicy")
    spec: dict[str, Any] = policy["spec"]
    return spec


def test_pods_of_trials_reach_each_other_where_trials_have_several() -> None:
    alone = trials_network()
    assert "ingress" not in alone
    among = {"podSelector": alone["podSelector"]}
    for settings in (enabled("JobSet"), "networkPolicies.trials.amongThemselves=true"):
        spec = trials_network(settings)
        assert spec["ingress"] == [{"from": [among]}]
        assert spec["egress"] == [*alone["egress"], {"to": [among]}]
