"""The chart as Helm renders it on this machine, with no cluster, and the value sets that it is tested with."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness import binaries
from harness.commands import run

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "evonas"
RELEASE, NAMESPACE = "evonas", "evonas-system"
VALUE_SETS = sorted((CHART / "ci").glob("*-values.yaml"))
MONITORING = tuple(f"monitoring.coreos.com/v1/{kind}" for kind in ("ServiceMonitor", "PodMonitor", "PrometheusRule"))
CLUSTER_SCOPED = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}

Object = dict[str, Any]


def render(
    values: Path | None = None,
    *settings: str,
    apis: Sequence[str] = MONITORING,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> list[Object]:
    """Return the objects of a release, the hooks of `helm test` among them, for a cluster that knows these APIs."""
    return deepcopy(_rendered(values, settings, tuple(apis), release, namespace))


@cache
def _rendered(
    values: Path | None, settings: Sequence[str], apis: Sequence[str], release: str, namespace: str
) -> list[Object]:
    printed = text(values, *settings, apis=apis, release=release, namespace=namespace)
    return [document for document in yaml.load_all(printed, Loader=yaml.CSafeLoader) if document]


def text(
    values: Path | None = None,
    *settings: str,
    apis: Sequence[str] = MONITORING,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> str:
    """Return what `helm template` prints."""
    arguments = ["template", release, CHART, "--namespace", namespace]
    arguments += ["--values", values] if values else []
    arguments += [word for setting in settings for word in ("--set-json", setting)]
    arguments += [word for api in apis for word in ("--api-versions", api)]
    return run([binaries.ensure(binaries.HELM)["helm"], *arguments])


def installed(values: Path | None = None, *settings: str, apis: Sequence[str] = MONITORING) -> list[Object]:
    """Return what `helm install` brings: everything but the hooks of `helm test`."""
    return [body for body in render(values, *settings, apis=apis) if not is_hook(body)]


def is_hook(body: Object) -> bool:
    """Say whether the object belongs to `helm test`."""
    return "helm.sh/hook" in body["metadata"].get("annotations", {})


def of_kind(objects: Sequence[Object], *kinds: str) -> list[Object]:
    """Return the objects of these kinds."""
    return [body for body in objects if body["kind"] in kinds]


def pod_specs(objects: Sequence[Object]) -> list[Object]:
    """Return the specifications of all pods that come of these objects."""
    found: list[Object] = []
    for body in objects:
        if body["kind"] == "Pod":
            found.append(body["spec"])
        elif body["kind"] == "Deployment":
            found.append(body["spec"]["template"]["spec"])
        elif body["kind"] == "ArchitectureSearch":
            found.append(body["spec"]["trial"]["template"]["spec"])
    return found
