"""The live page in the chart, without a cluster: it reads, listens where nobody else does, and is off by default."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from evonas.cli import cli
from evonas.commands.ui import HOST, PORT, ui
from harness.errors import CommandFailed
from tests.chart.rendering import CHART, ROOT, VALUE_SETS, Object, installed, of_kind, render
from tests.unit.docs.markdown import Page

pytestmark = pytest.mark.helm

ON = "ui.enabled=true"
NAMESPACED, BEHIND_A_PROXY = (CHART / "ci" / f"{name}-values.yaml" for name in ("namespaced", "page"))
READING = {"get", "list", "watch"}
PROXY: dict[str, Any] = {"containers": [{"name": "proxy", "image": "proxy:1"}]}


def of_the_page(objects: list[Object]) -> list[Object]:
    return [body for body in objects if body["metadata"]["name"].endswith("-ui")]


def pod(objects: list[Object]) -> Object:
    (deployment,) = of_kind(of_the_page(objects), "Deployment")
    found: Object = deployment["spec"]["template"]["spec"]
    return found


def arguments(objects: list[Object]) -> list[str]:
    return [str(argument) for argument in pod(objects)["containers"][0]["args"]]


def test_it_is_off_by_default() -> None:
    assert of_the_page(render()) == []
    assert of_the_page(render(None, 'networkPolicies={"ui":{"enabled":true}}')) == []


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_its_account_may_read_and_nothing_else(values: Path) -> None:
    roles = of_kind(of_the_page(installed(values, ON)), "Role", "ClusterRole")
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert set(rule["verbs"]) <= READING
            assert not {"secrets", "pods/exec", "pods/attach", "pods/portforward", "nodes"} & set(rule["resources"])
    # Nobody else's role is bound to it, and its role to nobody else.
    for binding in of_kind(installed(values, ON), "RoleBinding", "ClusterRoleBinding"):
        bound_to = {subject["name"] for subject in binding["subjects"]}
        assert (binding["roleRef"]["name"].endswith("-ui"), bound_to) in [
            (True, {pod(installed(values, ON))["serviceAccountName"]}),
            (False, bound_to - {pod(installed(values, ON))["serviceAccountName"]}),
        ]


def test_its_rights_are_in_the_namespaces_that_are_watched_and_nowhere_else() -> None:
    objects = of_the_page(installed(NAMESPACED))
    assert of_kind(objects, "ClusterRole", "ClusterRoleBinding") == []
    places = [body["metadata"]["namespace"] for body in of_kind(objects, "Role")]
    assert sorted(places) == ["team-a", "team-b"]
    assert [argument for argument in arguments(objects) if argument.startswith("--namespace")] == [
        "--namespace=team-a",
        "--namespace=team-b",
    ]
    assert "--all-namespaces" not in arguments(objects)
    everywhere = of_the_page(installed(None, ON))
    assert of_kind(everywhere, "Role", "RoleBinding") == []
    assert "--all-namespaces" in arguments(everywhere)


def test_its_right_to_read_logs_can_be_left_out_and_nothing_else_goes_with_it() -> None:
    def rules(setting: str) -> list[Any]:
        (role,) = of_kind(of_the_page(installed(None, ON, setting)), "ClusterRole")
        found: list[Any] = role["rules"]
        return found

    have, lack = rules("ui.readLogs=true"), rules("ui.readLogs=false")
    logs = {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}
    assert logs in have
    assert lack == [rule for rule in have if rule != logs]


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_the_command_takes_the_charts_arguments(values: Path) -> None:
    name, *given = arguments(installed(values, ON))
    # With the settings of a real run: click keeps the help option that it first made for a command.
    taken = ui.make_context(name, given, **cli.context_settings).params
    watched = yaml.safe_load(values.read_text()).get("watchNamespaces", [])
    assert (list(taken["namespaces"]), taken["everywhere"]) == (watched, not watched)
    assert (taken["host"], taken["port"], taken["token_file"]) == (HOST, PORT, None)
    # Nobody acts, but with a token of their own.
    assert taken["read_only"] == (taken["user_token_header"] is None) == (values != BEHIND_A_PROXY)


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_it_listens_on_its_pods_loopback_and_is_asked_there(values: Path) -> None:
    spec = pod(installed(values, ON))
    page, *proxies = spec["containers"]
    assert not [argument for argument in page["args"] if argument.startswith(("--host", "--token"))]
    assert "ports" not in page
    assert "hostNetwork" not in spec
    for probe in ("readinessProbe", "livenessProbe"):
        assert set(page[probe]) & {"httpGet", "tcpSocket", "grpc"} == set()
        assert "http://127.0.0.1:8090/healthz" in page[probe]["exec"]["command"][-1]
    assert "--port=8090" in page["args"]
    assert bool(proxies) == (values == BEHIND_A_PROXY)


@pytest.mark.parametrize("values", VALUE_SETS, ids=lambda path: path.stem)
def test_nothing_leads_to_it_but_a_proxy(values: Path) -> None:
    objects = installed(values, ON)
    assert of_kind(objects, "Ingress", "HTTPRoute", "Gateway") == []
    services = of_kind(of_the_page(objects), "Service")
    assert len(services) == (values == BEHIND_A_PROXY)
    for service in services:
        assert "type" not in service["spec"]
        (port,) = service["spec"]["ports"]
        assert (port["targetPort"], port["targetPort"] == 8090) == (4180, False)
    # The operator's own Service must not lead there either.
    (metrics,) = [body for body in of_kind(objects, "Service") if body not in services]
    (deployment,) = of_kind(of_the_page(objects), "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert not metrics["spec"]["selector"].items() <= labels.items()


def test_proxies_are_not_given_the_pages_token() -> None:
    spec = pod(installed(BEHIND_A_PROXY))
    assert spec["automountServiceAccountToken"] is False
    page, proxy = ({mount["name"] for mount in container["volumeMounts"]} for container in spec["containers"])
    assert "account" in page
    assert "account" not in proxy
    assert {volume["name"] for volume in spec["volumes"]} == {"tmp", "account", "templates"}


def test_network_policy_lets_in_what_asks_the_proxy() -> None:
    def policy(*settings: str) -> Object:
        (found,) = of_kind(of_the_page(installed(BEHIND_A_PROXY, *settings)), "NetworkPolicy")
        spec: Object = found["spec"]
        return spec

    (rule,) = policy()["ingress"]
    assert rule["ports"] == [{"port": 4180, "protocol": "TCP"}]
    assert rule["from"]
    assert {port["port"] for rule in policy()["egress"] for port in rule["ports"]} == {53, 443, 6443, 9090}
    alone = policy('ui.proxy={"containers":[]}', 'ui.userTokenHeader=""')
    assert "ingress" not in alone
    assert set(alone["policyTypes"]) == {"Ingress", "Egress"}


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('ui={"userTokenHeader":"Authorization"}', "ui.userTokenHeader needs ui.proxy.containers"),
        ('ui={"userTokenHeader":"X Y"}', "/ui/userTokenHeader"),
        (f'ui={{"proxy":{json.dumps({**PROXY, "port": 8090})}}}', "ui.proxy.port is the port of the page itself"),
        ('ui={"proxy":{"containers":[{"name":"ui","image":"a"}]}}', "`ui` is the page's own"),
        ('ui={"proxy":{"containers":[{"name":"proxy"}]}}', "/ui/proxy/containers/0"),
        ('ui={"proxy":{"containers":{}}}', "/ui/proxy/containers"),
        ('ui={"prometheusUrl":"prometheus:9090"}', "/ui/prometheusUrl"),
        ('ui={"allowedHosts":["https://searches.example.com"]}', "/ui/allowedHosts/0"),
        ('ui={"replicas":2}', "'replicas' not allowed"),
    ],
)
def test_helm_refuses_what_would_not_do(setting: str, words: str) -> None:
    with pytest.raises(CommandFailed, match=re.escape(words)):
        render(None, setting, ON)


def test_values_of_the_documentation_put_a_proxy_before_the_page(tmp_path: Path) -> None:
    values = Page(ROOT / "docs" / "exposing-the-page.md").files()["page.yaml"]
    (tmp_path / "page.yaml").write_text(values, encoding="utf-8")
    objects = of_the_page(installed(tmp_path / "page.yaml"))
    page, proxy = pod(objects)["containers"]
    told = dict(argument.removeprefix("--").partition("=")[::2] for argument in proxy["args"])
    assert told["upstream"] == "http://127.0.0.1:8090"
    (service,) = of_kind(objects, "Service")
    assert told["http-address"].endswith(f":{service['spec']['ports'][0]['targetPort']}")
    # What the proxy sets is what the page believes, and the page is known by the name that browsers are sent back to.
    assert told["pass-authorization-header"] == "true"
    assert "--user-token-header=Authorization" in page["args"]
    assert f"--allowed-host={urlsplit(told['redirect-url']).hostname}" in page["args"]
    (policy,) = of_kind(objects, "NetworkPolicy")
    assert policy["spec"]["ingress"][0]["from"]


def test_resources_and_place_are_the_pages_own() -> None:
    values = yaml.safe_load(BEHIND_A_PROXY.read_text())["ui"]
    spec = pod(installed(BEHIND_A_PROXY))
    assert spec["containers"][0]["resources"] == values["resources"]
    assert spec["containers"][1:] == values["proxy"]["containers"]
    for field in ("nodeSelector", "tolerations", "affinity"):
        assert spec[field] == values[field]
    operator = next(body for body in of_kind(installed(BEHIND_A_PROXY), "Deployment") if not of_the_page([body]))
    assert not {"nodeSelector", "tolerations", "affinity"} & set(operator["spec"]["template"]["spec"])
