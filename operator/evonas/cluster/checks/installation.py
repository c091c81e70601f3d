"""Whether Evo-NAS is installed: its kinds, its operator, the trials' role, the policy that keeps them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evonas.cluster.checks.finding import Finding, Verdict, all_of, look
from evonas.cluster.checks.releases import OF_THE_CHART, RELEASE_LABEL, Installation, upgrade
from evonas.cluster.checks.selectors import changes_to_match
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import CLUSTER_ROLES, CRDS, LEASES, POLICIES, ROLES
from evonas.schema import load_crds
from evonas.search.codec import from_time
from evonas.search.names import TRIAL_SERVICE_ACCOUNT

INSTALL_CRDS = "kubectl apply -f crds/"
INSTALL_OPERATOR = "helm upgrade --install evonas charts/evonas --namespace evonas-system --create-namespace"
OWN_POD = "-own-pod"
"""How the chart names that policy, behind the release's name."""


async def check_crds(api: Api) -> list[Finding]:
    """Check whether both kinds are served with every field that this program knows."""
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


async def check_operators(
    api: Api, found: list[Installation] | Finding, namespace: str, where: str | None = None
) -> list[Finding]:
    """Look whether an operator serves the namespace, and only one, and whether it acts."""
    if isinstance(found, Finding):
        cure = "evonas doctor --operator-namespace NAMESPACE  # of the operator"
        return [replace(found, message=f"{found.message}, and there is none in {namespace}", cure=cure)]
    if not found:
        message = f"none is installed in {where or 'any namespace'}: no Deployment has the label {OF_THE_CHART}"
        return [Finding("operator", Verdict.BAD, message, INSTALL_OPERATOR)]
    serving = [installation for installation in found if installation.serves(namespace)]
    if not serving:
        return [_nobody_serves(found, namespace)]
    running = [installation for installation in serving if installation.replicas > 0]
    if not running:
        return [_stopped(serving[0])]
    findings = [await _check_lease(api, installation) for installation in running]
    findings += [await _check_trials_rights(api, installation, namespace) for installation in running]
    return [*findings, _several(running, namespace)] if len(running) > 1 else findings


def _nobody_serves(found: Sequence[Installation], namespace: str) -> Finding:
    others = "; ".join(f"{installation} serves {installation.scope}" for installation in found)
    first = found[0]
    cure = upgrade(first, f"--set 'watchNamespaces={{{','.join([*first.watched, namespace])}}}'")
    return Finding("operator", Verdict.BAD, f"none serves {namespace}: {others}", cure)


def _stopped(installation: Installation) -> Finding:
    if installation.release is None:
        lease = "/".join(installation.lease)
        message = f"no Deployment has the label {OF_THE_CHART}, and the one outside the cluster has released {lease}"
        return Finding("operator", Verdict.BAD, message, INSTALL_OPERATOR)
    cure = f"kubectl -n {installation.namespace} scale deployment {installation.name} --replicas=1"
    return Finding("operator", Verdict.BAD, f"{installation} is scaled to no replica", cure)


def _several(running: Sequence[Installation], namespace: str) -> Finding:
    # Whoever serves the fewest can be missed; none that is outside the cluster can be stopped by a command.
    narrowest = min(running, key=lambda item: (item.release is None, not item.watched, len(item.watched)))
    names = ", ".join(f"{installation} ({installation.scope})" for installation in running)
    cure = f"kubectl -n {narrowest.namespace} scale deployment {narrowest.name} --replicas=0"
    message = f"{len(running)} serve {namespace}, and each does the whole work: {names}"
    return Finding("operators", Verdict.WARNING, message, cure if narrowest.release is not None else "")


async def _check_lease(api: Api, installation: Installation) -> Finding:
    subject = f"operator {installation}"
    home, name = installation.lease
    lease = await look(api.get(LEASES, home, name), subject)
    if isinstance(lease, Finding):
        return lease
    kubectl = f"kubectl -n {installation.namespace}"
    pods = f"{kubectl} get pods -l {OF_THE_CHART},{RELEASE_LABEL}={installation.release}"
    cure = f"{pods} && {kubectl} logs deployment/{installation.name}" if installation.release else INSTALL_OPERATOR
    if lease is None:
        return Finding(subject, Verdict.BAD, f"no operator has ever held the lease {home}/{name}", cure)
    renewed = from_time(lease["spec"].get("renewTime"))
    duration = timedelta(seconds=lease["spec"].get("leaseDurationSeconds") or 0)
    holder = lease["spec"].get("holderIdentity")
    if not holder or renewed is None or datetime.now(UTC) - renewed > 2 * duration:
        message = f"no operator renews the lease {home}/{name}; the last one was {holder or 'nobody'}"
        return Finding(subject, Verdict.BAD, message, cure)
    return Finding(subject, Verdict.GOOD, f"{holder} acts for {installation.scope}")


async def _check_trials_rights(api: Api, installation: Installation, namespace: str) -> Finding:
    """Look for the role that lets trials annotate their own pods."""
    subject = f"role {TRIAL_SERVICE_ACCOUNT}"
    where, kind = (None, CLUSTER_ROLES) if installation.makes_accounts else (namespace, ROLES)
    role = await look(api.get(kind, where, TRIAL_SERVICE_ACCOUNT), subject)
    if isinstance(role, Finding):
        return role
    if role is None:
        message = f"no {kind.kind}: trials can report by their termination message only"
        return Finding(subject, Verdict.WARNING, message, upgrade(installation) or INSTALL_OPERATOR)
    if installation.makes_accounts:
        message = "the operator creates its account with a namespace's first search"
    else:
        message = f"the chart has made it in {namespace}, and the account of this name"
    return Finding(subject, Verdict.GOOD, message)


async def read_policies(api: Api, namespace: str) -> str:
    """Return the admission policies of the chart that cover the namespace, as text; empty where none may be read."""
    policies = await look(all_of(api, POLICIES, None, OF_THE_CHART), "admission policy")
    if policies is None or isinstance(policies, Finding):
        return ""
    return "\n".join(
        validation["expression"]
        for body in policies
        if _covers(body, namespace)
        for validation in body["spec"].get("validations", ())
    )


async def check_policy(api: Api, found: list[Installation] | Finding, namespace: str) -> Finding:
    """Look for the admission policy that lets a trial in the namespace change its own pod only."""
    subject = "admission policy"
    policies = await look(all_of(api, POLICIES, None, OF_THE_CHART), subject)
    if isinstance(policies, Finding):
        return policies
    ours = sorted(body["metadata"]["name"] for body in policies or () if _covers(body, namespace))
    if not any(name.endswith(OWN_POD) for name in ours):
        message = f"none of Evo-NAS covers {namespace}: a trial could write a reward onto another trial's pod"
        serving = [] if isinstance(found, Finding) else [item for item in found if item.serves(namespace)]
        cures = [upgrade(installation, "--set admissionPolicies.install=true") for installation in serving]
        return Finding(subject, Verdict.WARNING, message, next(filter(None, cures), INSTALL_OPERATOR))
    return Finding(subject, Verdict.GOOD, ", ".join(ours))


def _covers(policy: Mapping[str, Any], namespace: str) -> bool:
    selector = policy["spec"].get("matchConstraints", {}).get("namespaceSelector") or {}
    return not changes_to_match(selector, {"kubernetes.io/metadata.name": namespace})


def _schema(crd: Mapping[str, Any]) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _fields(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, below in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from _fields(below, f"{path}{name}.")
    if isinstance(schema.get("items"), Mapping):
        yield from _fields(schema["items"], path)
