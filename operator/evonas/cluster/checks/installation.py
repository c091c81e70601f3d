"""Whether Evo-NAS is installed: its kinds, its operator, the trials' role, the policy that keeps them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from evonas.cluster.api import Api
from evonas.cluster.checks.finding import Finding, Verdict, look
from evonas.cluster.resources import CLUSTER_ROLES, CRDS, LEASES, POLICIES
from evonas.schema import load_crds
from evonas.search.codec import from_time
from evonas.search.names import TRIAL_SERVICE_ACCOUNT

INSTALL_CRDS = "kubectl apply -f crds/"
INSTALL_OPERATOR = "helm upgrade --install evonas charts/evonas --namespace evonas-system --create-namespace"
OPERATOR_NAMESPACE, OPERATOR_LEASE = "evonas-system", "evonas-operator"


async def check_crds(api: Api) -> list[Finding]:
    """Look whether both kinds are served, with every field that this program knows."""
    findings = []
    for ours in load_crds():
        name = ours["metadata"]["name"]
        theirs = await look(api.get(CRDS, None, name), name)
        if isinstance(theirs, Finding):
            findings.append(theirs)
        elif theirs is None:
            findings.append(Finding(name, Verdict.BAD, "the cluster does not know this kind", INSTALL_CRDS))
        else:
            lacking = sorted(set(_fields(_schema(ours))) - set(_fields(_schema(theirs))))
            if lacking:
                message = f"older than this program: it lacks {', '.join(lacking[:5])}"
                findings.append(Finding(name, Verdict.WARNING, message, INSTALL_CRDS))
            else:
                findings.append(Finding(name, Verdict.GOOD, "has every field that this program knows"))
    return findings


async def check_operator(api: Api, namespace: str = OPERATOR_NAMESPACE) -> Finding:
    """Look whether an operator holds the lease and renews it."""
    subject = "operator"
    lease = await look(api.get(LEASES, namespace, OPERATOR_LEASE), subject)
    if isinstance(lease, Finding):
        return lease
    if lease is None:
        message = f"no operator has ever held the lease {namespace}/{OPERATOR_LEASE}"
        return Finding(subject, Verdict.BAD, message, INSTALL_OPERATOR)
    renewed = from_time(lease["spec"].get("renewTime"))
    duration = timedelta(seconds=lease["spec"].get("leaseDurationSeconds") or 0)
    holder = lease["spec"].get("holderIdentity")
    if not holder or renewed is None or datetime.now(UTC) - renewed > 2 * duration:
        message = f"no operator renews the lease {namespace}/{OPERATOR_LEASE}; the last one was {holder or 'nobody'}"
        cure = f"kubectl -n {namespace} get pods && kubectl -n {namespace} logs deployment/evonas-operator"
        return Finding(subject, Verdict.BAD, message, cure)
    return Finding(subject, Verdict.GOOD, f"{holder} acts")


async def check_trial_role(api: Api) -> Finding:
    """Look for the role under which trials annotate their own pods."""
    subject = f"role {TRIAL_SERVICE_ACCOUNT}"
    role = await look(api.get(CLUSTER_ROLES, None, TRIAL_SERVICE_ACCOUNT), subject)
    if isinstance(role, Finding):
        return role
    if role is None:
        message = "missing: trials can report by their termination message only"
        return Finding(subject, Verdict.WARNING, message, INSTALL_OPERATOR)
    return Finding(subject, Verdict.GOOD, "the operator makes the account of this name with a namespace's first search")


async def check_policy(api: Api) -> Finding:
    """Look for the admission policy that lets a trial change its own pod only."""
    subject = "admission policy"

    async def names() -> list[str]:
        return [item["metadata"]["name"] async for page, _ in api.list(POLICIES, None) for item in page]

    found = await look(names(), subject)
    if isinstance(found, Finding):
        return found
    ours = [name for name in found or () if "evonas" in name]
    if not ours:
        message = "none of Evo-NAS: a trial could write a reward onto another trial's pod"
        return Finding(subject, Verdict.WARNING, message, INSTALL_OPERATOR)
    return Finding(subject, Verdict.GOOD, ", ".join(ours))


def _schema(crd: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _fields(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, below in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from _fields(below, f"{path}{name}.")
    if isinstance(schema.get("items"), Mapping):
        yield from _fields(schema["items"], path)
