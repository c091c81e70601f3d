"""Whether a namespace lets a search run: the rights of whoever asks, quotas, nodes, the queue, images that fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from evonas.cluster.api import Api
from evonas.cluster.checks.finding import Finding, Verdict, look
from evonas.cluster.resources import ACCESS_REVIEWS, LOCAL_QUEUES, NODES, PODS, QUOTAS, Resource
from evonas.search.names import MANAGED_BY, MANAGED_BY_LABEL
from evonas.spec import GROUP, SearchSpec

NEEDED = (
    ("create", GROUP, "architecturesearches", ""),
    ("get", GROUP, "architecturesearches", ""),
    ("list", GROUP, "architecturetrials", ""),
    ("list", "", "pods", ""),
    ("get", "", "pods", "log"),
)
"""Verb, group, resource, subresource: what a user of these tools does."""


async def check_permissions(api: Api, namespace: str) -> list[Finding]:
    """Ask the API server what whoever asks may do (SelfSubjectAccessReview)."""
    findings = []
    for verb, group, resource, subresource in NEEDED:
        attributes = {
            "namespace": namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
        }
        body = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.kind}
        review = await api.create(ACCESS_REVIEWS, None, {**body, "spec": {"resourceAttributes": attributes}})
        whole = f"{resource}.{group}" if group else resource
        named = f"{whole}/{subresource}" if subresource else whole
        subject = f"may {verb} {named}"
        if review["status"]["allowed"]:
            findings.append(Finding(subject, Verdict.GOOD, f"in {namespace}"))
        else:
            cure = (
                f"kubectl -n {namespace} create role evonas-user --verb={verb} --resource={named} && kubectl"
                f" -n {namespace} create rolebinding evonas-user --role=evonas-user --user=$(kubectl auth whoami"
                " -o jsonpath='{.status.userInfo.username}')  # as an administrator"
            )
            findings.append(Finding(subject, Verdict.BAD, f"not in {namespace}", cure))
    return findings


async def check_quota(api: Api, namespace: str, spec: SearchSpec) -> list[Finding]:
    """Compare what all parallel trials ask for together with what the namespace's quotas leave."""
    quotas = await look(_all(api, QUOTAS, namespace), "quota")
    if isinstance(quotas, Finding):
        return [quotas]
    findings = []
    asked = {name: amount * spec.budget.parallel_trials for name, amount in pod_requests(spec).items()}
    for quota in quotas or ():
        hard, used = (quota.get("status", {}).get(part, {}) for part in ("hard", "used"))
        for name in sorted(hard.keys() & asked.keys()):
            left = parse_quantity(hard[name]) - parse_quantity(used.get(name, "0"))
            subject = f"quota {quota['metadata']['name']}: {name}"
            message = f"{spec.budget.parallel_trials} parallel trials ask for {asked[name]:f}, {left:f} are left"
            if asked[name] <= left:
                findings.append(Finding(subject, Verdict.GOOD, message))
            else:
                patch = f'{{"spec": {{"hard": {{"{name}": "{asked[name] + parse_quantity(used.get(name, "0")):f}"}}}}}}'
                cure = f"kubectl -n {namespace} patch quota {quota['metadata']['name']} --type=merge -p '{patch}'"
                findings.append(Finding(subject, Verdict.WARNING, f"{message}: fewer will run at once", cure))
    return findings or [Finding("quota", Verdict.GOOD, f"no quota in {namespace} counts what the trials ask for")]


async def check_devices(api: Api, spec: SearchSpec) -> list[Finding]:
    """Look whether any node offers each extended resource (GPUs and their kin) that the template asks for."""
    wanted = sorted({name.removeprefix("requests.") for name in pod_requests(spec) if "/" in name})
    if not wanted:
        return []
    nodes = await look(_all(api, NODES, None), "devices")
    if isinstance(nodes, Finding):
        return [nodes]
    findings = []
    for name in wanted:
        offering = [node for node in nodes or () if node["status"].get("allocatable", {}).get(name, "0") != "0"]
        if offering:
            findings.append(Finding(f"device {name}", Verdict.GOOD, f"offered by {len(offering)} nodes"))
        else:
            offered = sorted(
                {key for node in nodes or () for key in node["status"].get("allocatable", {}) if "/" in key}
            )
            message = f"no node offers it; nodes offer {', '.join(offered) or 'no devices'}"
            findings.append(Finding(f"device {name}", Verdict.BAD, message, "kubectl describe nodes"))
    return findings


async def check_queue(api: Api, namespace: str, queue: str) -> Finding:
    """Look for the Kueue queue that a search names."""
    subject = f"queue {queue}"
    found = await look(api.get(LOCAL_QUEUES, namespace, queue), subject)
    if isinstance(found, Finding):
        return found
    if found is None:
        message = f"there is no LocalQueue of that name in {namespace}, or no Kueue: trials would wait for ever"
        return Finding(subject, Verdict.BAD, message, f"kubectl -n {namespace} get localqueues")
    return Finding(subject, Verdict.GOOD, "there")


async def check_images(api: Api, namespace: str) -> list[Finding]:
    """Look for trials that wait for an image which cannot be pulled."""
    pods = await look(_all(api, PODS, namespace, f"{MANAGED_BY_LABEL}={MANAGED_BY}"), "images")
    if isinstance(pods, Finding):
        return [pods]
    failing = sorted(
        {
            (status["image"], waiting["reason"])
            for pod in pods or ()
            for status in pod.get("status", {}).get("containerStatuses", ())
            if (waiting := status.get("state", {}).get("waiting")) and "Image" in waiting.get("reason", "")
        }
    )
    cure = f"kubectl -n {namespace} get events --field-selector reason=Failed"
    return [Finding(f"image {image}", Verdict.BAD, f"a trial's pod waits: {reason}", cure) for image, reason in failing]


def pod_requests(spec: SearchSpec) -> dict[str, Decimal]:
    """Return what one trial's pod counts for in a quota, by the quota's own names."""
    asked: dict[str, Decimal] = {"pods": Decimal(1), "count/jobs.batch": Decimal(1)}
    for container in spec.trial.containers:
        for name, amount in _amounts(container):
            asked[name] = asked.get(name, Decimal(0)) + amount
    return asked


def _amounts(container: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    # What has a limit and no request is requested at its limit.
    for name, amount in {**limits, **(resources.get("requests") or {})}.items():
        yield f"requests.{name}", parse_quantity(str(amount))
        if name in ("cpu", "memory"):
            yield name, parse_quantity(str(amount))
    for name, amount in limits.items():
        yield f"limits.{name}", parse_quantity(str(amount))


async def _all(api: Api, resource: Resource, namespace: str | None, selector: str = "") -> list[dict[str, Any]]:
    return [body async for page, _ in api.list(resource, namespace, label_selector=selector) for body in page]
