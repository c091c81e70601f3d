"""Which installations of the operator there are, and which of them serve a namespace.

A release of the chart is known by its Deployment's labels, and by the arguments that the operator gets there: its name,
its namespace and its scope are whoever installed it's choice. An operator that runs outside the cluster has its Lease.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.cluster.checks.finding import Finding, all_of, look
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import DEPLOYMENTS, LEASES
from evonas.cluster.leader.lease import WATCHED_ANNOTATION
from evonas.search.names import MANAGED_BY_SELECTOR

NAME_LABEL, RELEASE_LABEL = "app.kubernetes.io/name", "app.kubernetes.io/instance"
OURS = {NAME_LABEL: "evonas"}
"""What the chart labels everything with."""
OF_THE_CHART = ",".join(f"{key}={value}" for key, value in OURS.items())
OPERATORS = f"{OF_THE_CHART},app.kubernetes.io/component!=ui"
"""Deployments of the chart but the live page's."""


@dataclass(frozen=True)
class Installation:
    """One operator, or several replicas that share a Lease."""

    namespace: str
    name: str
    """Of the Deployment; outside the cluster, of the Lease."""
    release: str | None
    """The release of the chart; None outside the cluster."""
    replicas: int
    watched: tuple[str, ...]
    """The namespaces that it serves; none means all."""
    lease: tuple[str, str]
    """Namespace and name."""
    makes_accounts: bool = True
    """The trials' accounts; else the chart has made them."""
    workloads: tuple[str, ...] | None = ()
    """The kinds of workload that it runs beside Jobs; None if that cannot be seen, as outside the cluster."""

    @property
    def scope(self) -> str:
        """What it serves, for people."""
        return ", ".join(self.watched) or "all namespaces"

    def serves(self, namespace: str) -> bool:
        """Say whether searches in that namespace are its."""
        return not self.watched or namespace in self.watched

    def may_run(self, kind: str) -> bool:
        """Say whether it runs a kind of workload, as far as can be seen."""
        return self.workloads is None or kind in self.workloads

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def read_deployment(body: Mapping[str, Any]) -> Installation:
    """Return the installation that a Deployment of the chart is."""
    metadata, spec = body["metadata"], body["spec"]
    arguments = [word for container in spec["template"]["spec"]["containers"] for word in container.get("args") or ()]
    namespace: str = metadata["namespace"]
    lease = next(_values(arguments, "--lease-name"), metadata["name"])
    return Installation(
        namespace=namespace,
        name=metadata["name"],
        release=metadata["labels"].get(RELEASE_LABEL),
        replicas=spec.get("replicas", 1),
        watched=tuple(_values(arguments, "--namespace")),
        lease=(next(_values(arguments, "--lease-namespace"), namespace), lease),
        makes_accounts="--no-create-trial-accounts" not in arguments,
        workloads=tuple(_values(arguments, "--workload")),
    )


def read_lone_lease(body: Mapping[str, Any]) -> Installation:
    """Return the installation that holds a Lease and has no Deployment."""
    metadata = body["metadata"]
    watched = (metadata.get("annotations") or {}).get(WATCHED_ANNOTATION, "")
    return Installation(
        namespace=metadata["namespace"],
        name=metadata["name"],
        release=None,
        replicas=1 if (body.get("spec") or {}).get("holderIdentity") else 0,
        watched=tuple(filter(None, watched.split(","))),
        lease=(metadata["namespace"], metadata["name"]),
        workloads=None,
    )


async def find_installations(api: Api, where: str | None, here: str) -> list[Installation] | Finding:
    """Return those in the namespace ``where``; else in all, or in ``here`` alone for who may look no further."""
    found = await _look_in(api, where)
    if isinstance(found, Finding) and where is None:
        nearby = await _look_in(api, here)
        return nearby if nearby and not isinstance(nearby, Finding) else found
    return found


async def _look_in(api: Api, namespace: str | None) -> list[Installation] | Finding:
    deployments = await look(all_of(api, DEPLOYMENTS, namespace, OPERATORS), "operator")
    if isinstance(deployments, Finding):
        return deployments
    found = [read_deployment(body) for body in deployments or ()]
    leases = await look(all_of(api, LEASES, namespace, MANAGED_BY_SELECTOR), "operator")
    if not isinstance(leases, Finding):
        theirs = {installation.lease for installation in found}
        found += [lone for lone in map(read_lone_lease, leases or ()) if lone.lease not in theirs]
    return found


def upgrade(installation: Installation, *settings: str) -> str:
    """Return the command that changes a release; one that makes it where there is none to change."""
    if installation.release is None:
        return ""
    words = ["helm upgrade", installation.release, "charts/evonas --namespace", installation.namespace]
    return " ".join([*words, "--reuse-values", *settings])


def _values(arguments: Sequence[str], option: str) -> Iterator[str]:
    for position, word in enumerate(arguments):
        if word.startswith(f"{option}="):
            yield word.partition("=")[2]
        elif word == option:
            yield from arguments[position + 1 : position + 2]
