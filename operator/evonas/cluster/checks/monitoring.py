"""Whether a Prometheus of the Prometheus Operator selects the chart's monitors and alerts.

The most common reason for empty dashboards: a Prometheus selects these objects by their labels and their namespaces'
labels, and does not report what it leaves out.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.cluster.checks.finding import Finding, Verdict, all_of, look
from evonas.cluster.checks.releases import OF_THE_CHART, OURS, Installation, upgrade
from evonas.cluster.checks.selectors import changes_to_match
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import (
    NAMESPACES,
    POD_MONITORS,
    PROMETHEUS_RULES,
    PROMETHEUSES,
    SERVICE_MONITORS,
    Resource,
)


@dataclass(frozen=True)
class Selection:
    """The fields by which a Prometheus selects one kind of object, and the chart value that labels ours."""

    resource: Resource
    prefix: str
    setting: str

    @property
    def labels(self) -> str:
        """Name of the label selector."""
        return f"{self.prefix}Selector"

    @property
    def namespaces(self) -> str:
        """Name of the namespace selector."""
        return f"{self.prefix}NamespaceSelector"


MONITORS = (
    Selection(SERVICE_MONITORS, "serviceMonitor", "metrics.serviceMonitor"),
    Selection(POD_MONITORS, "podMonitor", "metrics.podMonitor"),
)
RULES = Selection(PROMETHEUS_RULES, "rule", "metrics.prometheusRule")


async def check_monitoring(api: Api, installation: Installation) -> list[Finding]:
    """Look whether any Prometheus selects the objects of a release; nothing where there is none."""
    namespace = installation.namespace
    subject = "Prometheus"
    prometheuses = await look(all_of(api, PROMETHEUSES, None), subject)
    if isinstance(prometheuses, Finding):
        return [prometheuses]
    if not prometheuses:
        return []
    space = await look(api.get(NAMESPACES, None, namespace), subject)
    if isinstance(space, Finding):
        return [space]
    if space is None:
        return []
    findings: list[Finding] = []
    monitors = 0
    for selection in (*MONITORS, RULES):
        found = await look(all_of(api, selection.resource, namespace, OF_THE_CHART), subject)
        if isinstance(found, Finding):
            return [*findings, found]
        findings += [judge(selection, body, space, prometheuses) for body in found or ()]
        monitors += len(found or ()) if selection in MONITORS else 0
    return findings if monitors else [*findings, _no_monitor(installation, prometheuses[0])]


def judge(
    selection: Selection, body: Mapping[str, Any], space: Mapping[str, Any], prometheuses: list[dict[str, Any]]
) -> Finding:
    """Say which Prometheus selects an object or, if none does, what the first of them lacks."""
    subject = f"{selection.resource.kind} {body['metadata']['namespace']}/{body['metadata']['name']}"
    reasons = {_name(prometheus): _why_not(selection, body, space, prometheus) for prometheus in prometheuses}
    selecting = sorted(name for name, reason in reasons.items() if reason is None)
    if selecting:
        return Finding(subject, Verdict.GOOD, f"selected by Prometheus {', '.join(selecting)}")
    said = "; ".join(f"{name} {reason.problem}" for name, reason in reasons.items() if reason is not None)
    cures = [reason.cure for reason in reasons.values() if reason is not None]
    return Finding(subject, Verdict.WARNING, f"no Prometheus selects it: {said}", cures[0])


@dataclass(frozen=True)
class _Reason:
    problem: str
    cure: str


def _why_not(
    selection: Selection, body: Mapping[str, Any], space: Mapping[str, Any], prometheus: Mapping[str, Any]
) -> _Reason | None:
    spec, metadata = prometheus.get("spec") or {}, body["metadata"]
    here, name = metadata["namespace"], metadata["name"]
    selector = spec.get(selection.labels)
    if selector is None:
        # A missing selector selects nothing; an empty one selects everything.
        cure = _patch(prometheus, {selection.labels: {"matchLabels": OURS}})
        return _Reason(f"has no {selection.labels}", cure)
    if changes := changes_to_match(selector, metadata.get("labels") or {}):
        kind = selection.resource.plural
        cure = f"kubectl -n {here} label {kind} {name} --overwrite {shlex.join(changes)}"
        return _Reason(
            f"selects by {selection.labels}, which asks for {', '.join(changes)} (to keep it:"
            f" {selection.setting}.labels in the chart's values)",
            cure,
        )
    where = spec.get(selection.namespaces)
    if where is None and prometheus["metadata"]["namespace"] != here:
        # A missing namespace selector selects the Prometheus' own namespace.
        return _Reason("looks only in its own namespace", _patch(prometheus, {selection.namespaces: {}}))
    if where is not None and (changes := changes_to_match(where, space["metadata"].get("labels") or {})):
        cure = f"kubectl label namespace {here} --overwrite {shlex.join(changes)}"
        return _Reason(f"selects by {selection.namespaces}, which asks for {', '.join(changes)}", cure)
    return None


def _no_monitor(installation: Installation, prometheus: Mapping[str, Any]) -> Finding:
    asked = ((prometheus.get("spec") or {}).get(MONITORS[0].labels) or {}).get("matchLabels") or {}
    labels = shlex.quote(json.dumps({"enabled": True, "labels": asked}))
    cure = upgrade(installation, f"--set-json metrics.serviceMonitor={labels}")
    message = f"there is one, but no ServiceMonitor or PodMonitor of Evo-NAS in {installation.namespace}"
    return Finding(f"Prometheus {_name(prometheus)}", Verdict.WARNING, message, cure)


def _name(prometheus: Mapping[str, Any]) -> str:
    return f"{prometheus['metadata']['namespace']}/{prometheus['metadata']['name']}"


def _patch(prometheus: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    metadata, patch = prometheus["metadata"], shlex.quote(json.dumps({"spec": spec}))
    return (
        f"kubectl -n {metadata['namespace']} patch {PROMETHEUSES.plural}.{PROMETHEUSES.group} {metadata['name']}"
        f" --type=merge -p {patch}"
    )
