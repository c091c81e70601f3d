"""`evonas doctor` about Prometheus: the chart's own monitors and alerts, and every way in which they are left out."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from harness import binaries
from harness.client import Cluster
from tests.chart.rendering import of_kind, render
from tests.command_line import evonas

pytestmark = [pytest.mark.helm, pytest.mark.kwok]

ON = json.dumps({"enabled": True})
KINDS = {"ServiceMonitor": "serviceMonitor", "PodMonitor": "podMonitor", "PrometheusRule": "rule"}


@pytest.fixture(scope="module")
def with_prometheus(cluster: Cluster) -> Cluster:
    folder = binaries.source("prometheus-operator", "github.com/prometheus-operator/prometheus-operator")
    crd = folder / "example" / "prometheus-operator-crd" / "monitoring.coreos.com_prometheuses.yaml"
    cluster.apply(crd.read_text())
    cluster.wait_established(f"--filename={crd}")
    return cluster


@pytest.fixture
def namespace(with_prometheus: Cluster) -> Iterator[str]:
    """A namespace with the chart's operator, monitors and alerts."""
    # A release has one kind of monitor or the other.
    releases = [("serviceMonitor", "prometheusRule"), ("podMonitor",)]
    rendered = [render(None, *[f"metrics.{setting}={ON}" for setting in settings]) for settings in releases]
    bodies = [body for release in rendered for body in of_kind(release, *KINDS)]
    assert {body["kind"] for body in bodies} == set(KINDS)
    bodies += of_kind(rendered[0], "Deployment")
    with with_prometheus.namespace() as name:
        for body in bodies:
            body["metadata"]["namespace"] = name
        with_prometheus.apply(yaml.safe_dump_all(bodies))
        yield name


@pytest.fixture
def prometheus(with_prometheus: Cluster, namespace: str) -> Iterator[Any]:
    """Make a Prometheus in a namespace of its own that selects by ``labels`` and ``namespaces``."""
    name = f"p{secrets.token_hex(3)}"
    with with_prometheus.namespace("monitoring") as home:

        def make(labels: Mapping[str, Any] | None, namespaces: Mapping[str, Any] | None) -> None:
            selectors = {f"{prefix}Selector": labels for prefix in KINDS.values()}
            selectors |= {f"{prefix}NamespaceSelector": namespaces for prefix in KINDS.values()}
            body = {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "Prometheus",
                "metadata": {"name": name, "namespace": home},
                "spec": {key: value for key, value in selectors.items() if value is not None},
            }
            with_prometheus.apply(yaml.safe_dump(body))

        yield make
        with_prometheus.kubectl("delete", "prometheuses", "--all", "-n", home)


def findings(cluster: Cluster, namespace: str) -> dict[str, tuple[str, str, str]]:
    """Return verdict, message and cure by kind of what the doctor says about the chart's objects."""
    said = evonas(cluster, namespace, "doctor", "--operator-namespace", namespace)
    assert said.returncode in (0, 1), said.stderr
    pattern = rf"^(\w+) +({'|'.join(KINDS)}) {namespace}/\S+: (.*)(?:\n +fix: (.*))?"
    return {
        kind: (verdict, message, cure)
        for verdict, kind, message, cure in re.findall(pattern, said.stdout, re.MULTILINE)
    }


SELECTORS = {
    "the labels of a Helm release": ({"matchLabels": {"release": "kube-prometheus"}}, {}, "asks for release=kube"),
    "labels by expressions": (
        {
            "matchExpressions": [
                {"key": "team", "operator": "In", "values": ["ml", "infra"]},
                {"key": "scrape", "operator": "Exists"},
                {"key": "app.kubernetes.io/name", "operator": "NotIn", "values": ["other"]},
                {"key": "helm.sh/chart", "operator": "DoesNotExist"},
            ]
        },
        {},
        "asks for team=ml, scrape=true, helm.sh/chart- (",
    ),
    "namespaces by their labels": ({}, {"matchLabels": {"monitored": "yes"}}, "asks for monitored=yes"),
    "its own namespace only": ({}, None, "looks only in its own namespace"),
    "nothing": (None, {}, "has no "),
}


@pytest.mark.parametrize("by", SELECTORS)
def test_what_no_prometheus_selects_is_named_and_its_cure_mends_it(
    with_prometheus: Cluster, namespace: str, prometheus: Any, by: str
) -> None:
    labels, namespaces, reason = SELECTORS[by]
    prometheus(labels, namespaces)
    found = findings(with_prometheus, namespace)
    assert set(found) == set(KINDS)
    for verdict, message, cure in found.values():
        assert verdict == "warning"
        assert reason in message
        program, *words = shlex.split(cure)
        assert program == "kubectl"
        with_prometheus.kubectl(*words)
    mended = findings(with_prometheus, namespace)
    assert {verdict for verdict, _, _ in mended.values()} == {"ok"}, mended


def test_one_prometheus_that_selects_is_enough(with_prometheus: Cluster, namespace: str, prometheus: Any) -> None:
    assert findings(with_prometheus, namespace) == {}
    prometheus({}, {})
    assert {verdict for verdict, _, _ in findings(with_prometheus, namespace).values()} == {"ok"}


def test_an_operator_without_a_monitor_is_named(with_prometheus: Cluster, namespace: str, prometheus: Any) -> None:
    prometheus({"matchLabels": {"release": "kube"}}, {})
    for kind in KINDS:
        with_prometheus.kubectl("delete", kind, "--all", "-n", namespace)
    said = evonas(with_prometheus, namespace, "doctor", "--operator-namespace", namespace).stdout
    assert f"there is one, but no ServiceMonitor or PodMonitor of Evo-NAS in {namespace}" in said
    (cure,) = re.findall(r"fix: (helm upgrade .*serviceMonitor.*)", said)
    (setting,) = [word for word in shlex.split(cure) if word.startswith("metrics.serviceMonitor=")]
    (monitor,) = of_kind(render(None, setting), "ServiceMonitor")
    assert monitor["metadata"]["labels"]["release"] == "kube"
