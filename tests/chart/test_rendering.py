"""The chart without a cluster: what is generated is up to date, values are checked, rights and pods are modest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from evonas.cli import cli
from evonas.cluster.leader.lease import Timing
from evonas.commands.operator import operator
from evonas.search.names import TRIAL_SERVICE_ACCOUNT
from evonas.spec import SearchSpec
from harness.errors import CommandFailed
from tests.chart import generating
from tests.chart.rendering import (
    CHART,
    CLUSTER_SCOPED,
    NAMESPACE,
    ROOT,
    VALUE_SETS,
    installed,
    is_hook,
    of_kind,
    pod_specs,
    render,
)

pytestmark = pytest.mark.helm

VERSION = version("evonas")
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
TENANT, NAMESPACED = (CHART / "ci" / f"{name}-values.yaml" for name in ("tenant", "namespaced"))

every_value_set = pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)


def test_there_are_enough_value_sets() -> None:
    assert len(VALUE_SETS) >= 8


def test_copies_of_the_crds_are_up_to_date() -> None:
    copies = {path.name: path.read_text() for path in (CHART / "files" / "crds").iterdir()}
    assert copies == generating.crds(), "run `make generate`"


def test_rendered_crds_are_those_of_the_source() -> None:
    crds = {body["metadata"]["name"]: body for body in of_kind(installed(), "CustomResourceDefinition")}
    for path in (ROOT / "crds").iterdir():
        source = yaml.safe_load(path.read_text())
        crd = crds[source["metadata"]["name"]]
        assert crd["spec"] == source["spec"]
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_readme_is_up_to_date() -> None:
    assert (CHART / "README.md").read_text() == generating.readme(), "run `make generate`"


def test_versions_are_the_products() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == VERSION
    for dockerfile in (ROOT / "Dockerfile", ROOT / "trial_image" / "Dockerfile"):
        labelled = re.findall(r'image\.version="(.*)"', dockerfile.read_text())
        assert set(labelled) == {VERSION}


def leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield from leaves(value, f"{path}{name}.") if isinstance(value, dict) and value else iter([path + name])


def test_every_value_is_described() -> None:
    described = re.findall(r"^\| ([\w.]+) \|.*\| \S.* \|$", (CHART / "README.md").read_text(), re.MULTILINE)
    undescribed = {path for path in leaves(VALUES) if not any(path.startswith(name) for name in described)}
    assert undescribed == set()


def closed_objects(schema: dict[str, Any], values: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of every object of the values whose keys the chart fixes."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "properties" in schema:
        yield path
    for name, value in values.items():
        if isinstance(value, dict):
            yield from closed_objects(schema.get("properties", {}).get(name, {}), value, f"{path}{name}.")


@pytest.mark.parametrize("path", list(closed_objects(SCHEMA, VALUES)))
def test_a_typo_at_any_depth_is_refused(path: str) -> None:
    values: dict[str, Any] = {"typo": True}
    for name in reversed(path.split(".")[:-1]):
        values = {name: values}
    with pytest.raises(jsonschema.ValidationError, match="'typo' was unexpected"):
        jsonschema.validate(values, SCHEMA)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("replicas=2", "'replicas' not allowed"),
        ("replicaCount=3", "/replicaCount"),
        ('image={"digest":"latest"}', "/image/digest"),
        ('watchNamespaces=["Team A"]', "/watchNamespaces/0"),
        ('watchNamespaces="team-a"', "/watchNamespaces"),
        ('metrics={"serviceMonitor":{"enabled":true},"podMonitor":{"enabled":true}}', "/metrics"),
        ('metrics={"serviceMonitor":{"interval":"fast"}}', "/metrics/serviceMonitor/interval"),
        ('leaderElection={"leaseDurationSeconds":2.5}', "/leaderElection/leaseDurationSeconds"),
        ('leaderElection={"leaseDurationSeconds":10}', "leaderElection.renewDeadlineSeconds must be less than"),
        ('leaderElection={"retryPeriodSeconds":9}', "leaderElection.retryPeriodSeconds must be less than"),
    ],
)
def test_helm_refuses_a_wrong_value_and_names_it(setting: str, words: str) -> None:
    with pytest.raises(CommandFailed, match=re.escape(words)):
        render(None, setting)


@every_value_set
def test_no_right_is_a_wildcard_or_reaches_secrets(values: Path) -> None:
    roles = of_kind(render(values), "Role", "ClusterRole")
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not {"secrets", "pods/exec"} & set(rule["resources"])
            page = role["metadata"]["name"].endswith("-ui")
            # In a role of its own, which can be left out, as can the page's right.
            assert "pods/log" not in rule["resources"] or role["metadata"]["name"].endswith("-operator-logs") or page
            # Those that a search names or is named after; none can be looked for, changed or deleted.
            assert "configmaps" not in rule["resources"] or rule["verbs"] == (["get"] if page else ["get", "create"])
            assert not {"escalate", "impersonate"} & set(rule["verbs"])


@pytest.mark.parametrize("values", [None, NAMESPACED], ids=["cluster", "namespaces"])
def test_right_to_read_logs_can_be_left_out_and_nothing_else_goes_with_it(values: Path | None) -> None:
    def roles(*settings: str) -> dict[str, list[dict[str, Any]]]:
        found = of_kind(render(values, *settings), "Role", "ClusterRole")
        return {f"{body['metadata'].get('namespace')}/{body['metadata']['name']}": body["rules"] for body in found}

    have, lack = roles(), roles('trialLogs={"read":false}')
    logs = [rules for name, rules in have.items() if name not in lack]
    assert {name: rules for name, rules in have.items() if name in lack} == lack
    assert logs == [[{"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}]] * (1 if values is None else 2)


def test_namespaced_operator_has_no_right_outside_its_namespaces() -> None:
    objects = installed(NAMESPACED)
    roles = of_kind(objects, "Role", "RoleBinding")
    assert {body["metadata"]["namespace"] for body in roles} == {"team-a", "team-b", NAMESPACE}
    assert of_kind(objects, "ClusterRoleBinding") == []
    only_lease = [body for body in roles if body["metadata"]["namespace"] == NAMESPACE and body["kind"] == "Role"]
    assert {resource for body in only_lease for rule in body["rules"] for resource in rule["resources"]} == {"leases"}
    assert all("bind" not in rule["verbs"] for body in of_kind(objects, "Role") for rule in body["rules"])


def test_tenants_installation_has_nothing_outside_its_namespaces() -> None:
    assert CLUSTER_SCOPED & {body["kind"] for body in render(TENANT)} == set()
    assert {body["metadata"]["namespace"] for body in render(TENANT)} == {"team-a", NAMESPACE}


def with_page(values: Path) -> bool:
    """Return whether a value set has the live page."""
    return bool(yaml.safe_load(values.read_text()).get("ui", {}).get("enabled"))


@every_value_set
def test_pods_are_restricted_and_have_bounds(values: Path) -> None:
    specs = pod_specs(render(values))
    assert len(specs) == 3 + with_page(values)
    for spec in specs:
        assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_images_follow_the_version_or_the_digest() -> None:
    def images(*settings: str) -> set[str]:
        return {container["image"] for spec in pod_specs(render(None, *settings)) for container in spec["containers"]}

    digest = f"sha256:{'0123' * 16}"
    assert images() == {f"evonas-operator:{VERSION}", f"evonas-trial-small:{VERSION}"}
    pinned = {"repository": "example.com/image", "tag": "ignored", "digest": digest}
    settings = f"image={json.dumps(pinned)}", f'test={{"image":{json.dumps(pinned)}}}'
    assert images(*settings) == {f"example.com/image@{digest}"}


@every_value_set
def test_what_needs_an_api_waits_for_it(values: Path) -> None:
    monitoring = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
    assert of_kind(render(values, apis=()), *monitoring) == []
    asked = yaml.safe_load(values.read_text()).get("metrics", {})
    wanted = {kind for kind in monitoring if asked.get(kind[0].lower() + kind[1:], {}).get("enabled")}
    if not list((CHART / "alerts").glob("*.yaml")):
        wanted -= {"PrometheusRule"}
    assert {body["kind"] for body in of_kind(render(values), *monitoring)} == wanted


def test_optional_objects_are_off_by_default() -> None:
    optional = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap", "PodDisruptionBudget", "NetworkPolicy"}
    assert of_kind(render(), *optional) == []


def test_the_search_of_helm_test_is_a_valid_one() -> None:
    (search,) = of_kind(render(), "ArchitectureSearch")
    assert is_hook(search)
    SearchSpec.parse({**search, "metadata": {"name": search["metadata"]["name"]}})


def test_the_operator_knows_the_trials_account_by_the_charts_name() -> None:
    names = {body["metadata"]["name"] for body in of_kind(installed(NAMESPACED), "ServiceAccount")}
    assert TRIAL_SERVICE_ACCOUNT in names
    assert TRIAL_SERVICE_ACCOUNT in {body["metadata"]["name"] for body in of_kind(installed(), "ClusterRole")}


@pytest.mark.parametrize(
    ("settings", "timing"),
    [
        ((), Timing()),
        (
            ('leaderElection={"leaseDurationSeconds":3,"renewDeadlineSeconds":2.5,"retryPeriodSeconds":0.5}',),
            Timing(3, 2.5, 0.5),
        ),
    ],
)
def test_the_operator_takes_the_charts_arguments(settings: tuple[str, ...], timing: Timing) -> None:
    for values in (None, NAMESPACED):
        (deployment,) = of_kind(render(values, *settings, 'ui={"enabled":false}'), "Deployment")
        name, *arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
        # With the settings of a real run: click keeps the help option that it first made for a command.
        taken = operator.make_context(name, arguments, **cli.context_settings).params
        assert Timing(*(taken[field] for field in ("lease_duration", "renew_deadline", "retry_period"))) == timing
        assert taken["create_trial_accounts"] == (not taken["namespaces"])


@pytest.mark.parametrize(
    ("monitor", "endpoints"), [("serviceMonitor", "endpoints"), ("podMonitor", "podMetricsEndpoints")]
)
def test_monitors_keep_the_namespaces_of_searches_which_prometheus_would_rename(monitor: str, endpoints: str) -> None:
    (body,) = of_kind(render(None, f'metrics={{"{monitor}":{{"enabled":true}}}}'), monitor[0].upper() + monitor[1:])
    assert [endpoint["honorLabels"] for endpoint in body["spec"][endpoints]] == [True]
