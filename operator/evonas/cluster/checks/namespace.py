"""Whether a namespace lets a search run: the caller's rights, quotas, nodes, images that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from evonas.cluster.checks.finding import Finding, Verdict, all_of, look
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import (
    JOBS,
    NODES,
    PODS,
    QUOTAS,
    SEARCHES,
    TRIALS,
    WORKLOADS,
    Resource,
    resource_of,
)
from evonas.cluster.client.rights import may
from evonas.cluster.state.unlabelled_pods import selector_of
from evonas.search.names import MANAGED_BY_SELECTOR, SEARCH_LABEL
from evonas.spec import SearchSpec
from evonas.wording import counted
from evonas.workloads.catalogue import ENGINES

NEEDED = (
    ("create", SEARCHES, ""),
    ("get", SEARCHES, ""),
    ("list", TRIALS, ""),
    ("list", PODS, ""),
    ("get", PODS, "log"),
)
"""Verb, kind, subresource: what a user of these tools does."""


async def check_permissions(api: Api, namespace: str) -> list[Finding]:
    """Ask the API server what the caller may do (SelfSubjectAccessReview)."""
    findings = []
    for verb, resource, subresource in NEEDED:
        whole = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
        named = f"{whole}/{subresource}" if subresource else whole
        subject = f"may {verb} {named}"
        if await may(api, namespace, verb, resource, subresource=subresource):
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
    """Compare what all parallel trials together request with what the namespace's quotas leave."""
    quotas = await look(all_of(api, QUOTAS, namespace), "quota")
    if isinstance(quotas, Finding):
        return [quotas]
    findings = []
    places = spec.budget.parallel_trials
    ask = f"{counted(places, 'parallel trial')} {'asks' if places == 1 else 'ask'} for"
    asked = {name: amount * places for name, amount in trial_requests(spec).items()}
    for quota in quotas or ():
        hard, used = (quota.get("status", {}).get(part, {}) for part in ("hard", "used"))
        for name in sorted(hard.keys() & asked.keys()):
            left = parse_quantity(hard[name]) - parse_quantity(used.get(name, "0"))
            subject = f"quota {quota['metadata']['name']}: {name}"
            message = f"{ask} {asked[name]:f}, {left:f} are left"
            if asked[name] <= left:
                findings.append(Finding(subject, Verdict.GOOD, message))
            else:
                patch = f'{{"spec": {{"hard": {{"{name}": "{asked[name] + parse_quantity(used.get(name, "0")):f}"}}}}}}'
                cure = f"kubectl -n {namespace} patch quota {quota['metadata']['name']} --type=merge -p '{patch}'"
                findings.append(Finding(subject, Verdict.WARNING, f"{message}: fewer will run at once", cure))
    return findings or [Finding("quota", Verdict.GOOD, f"no quota in {namespace} counts what the trials ask for")]


async def check_devices(api: Api, spec: SearchSpec) -> list[Finding]:
    """Check whether any node offers each extended resource (GPUs and the like) that a trial requests."""
    return await find_devices(api, dict.fromkeys(devices_of(spec), ()))


async def find_devices(api: Api, wanted: Mapping[str, Sequence[str]], namespace: str = "") -> list[Finding]:
    """Check whether any node offers each device; ``wanted`` has the searches in ``namespace`` that request it."""
    if not wanted:
        return []
    nodes = await look(all_of(api, NODES, None), "devices")
    if isinstance(nodes, Finding):
        return [nodes]
    offers = Counter(name for node in nodes or () for name in _offered(node))
    findings = []
    for name, searches in sorted(wanted.items()):
        if name in offers:
            findings.append(Finding(f"device {name}", Verdict.GOOD, f"offered by {offers[name]} nodes"))
            continue
        message = f"no node offers it; nodes offer {', '.join(sorted(offers)) or 'no devices'}"
        cure = "kubectl describe nodes"
        if searches:
            message = f"{', '.join(searches)} ask{'s' if len(searches) == 1 else ''} for it, and {message}"
            if offers:
                cure = f"kubectl -n {namespace} edit nas {' '.join(searches)}"
        findings.append(Finding(f"device {name}", Verdict.BAD, message, cure))
    return findings


def devices_of(spec: SearchSpec) -> list[str]:
    """Return the extended resources that the pods of a trial request."""
    requests = (name for name in trial_requests(spec) if name.startswith("requests."))
    return sorted(name.removeprefix("requests.") for name in requests if "/" in name)


def _offered(node: Mapping[str, Any]) -> Iterator[str]:
    for name, amount in node["status"].get("allocatable", {}).items():
        if "/" in name and amount != "0":
            yield name


async def check_images(api: Api, namespace: str) -> list[Finding]:
    """Look for trials waiting for an image that cannot be pulled."""
    pods = await look(all_of(api, PODS, namespace, MANAGED_BY_SELECTOR), "images")
    if isinstance(pods, Finding):
        return [pods]
    named = [(pod, pod["metadata"]["labels"].get(SEARCH_LABEL, "")) for pod in pods or ()]
    for kind in ENGINES:
        if kind.pod_label is not None:
            named += await _pods_named_by(api, namespace, WORKLOADS[kind.name], kind.pod_label)
    failing = {
        (status["image"], search): waiting
        for pod, search in named
        for field in ("initContainerStatuses", "containerStatuses")
        for status in pod.get("status", {}).get(field, ())
        if (waiting := status.get("state", {}).get("waiting")) and "Image" in waiting.get("reason", "")
    }
    return [
        Finding(
            f"image {image}",
            Verdict.BAD,
            f"a pod of {search} waits: {waiting['reason']}: {waiting.get('message', 'no further details')}",
            # The image's name and imagePullSecrets are both in the template.
            f"kubectl -n {namespace} edit nas {search}",
        )
        for (image, search), waiting in sorted(failing.items())
    ]


async def _pods_named_by(api: Api, namespace: str, resource: Resource, label: str) -> list[tuple[dict[str, Any], str]]:
    """Return the pods that have none of our labels but their workload's name, each with its search."""
    workloads = await look(all_of(api, resource, namespace, MANAGED_BY_SELECTOR), "images")
    # Of a kind that the cluster need not even have, whoever may not look sees what its trials wait for in the search.
    if not isinstance(workloads, list) or not workloads:
        return []
    searches = {body["metadata"]["name"]: body["metadata"]["labels"].get(SEARCH_LABEL, "") for body in workloads}
    pods = await look(all_of(api, PODS, namespace, selector_of(label)), "images")
    found = [] if pods is None or isinstance(pods, Finding) else pods
    names = [(pod, pod["metadata"]["labels"][label]) for pod in found]
    return [(pod, searches[name]) for pod, name in names if name in searches]


def trial_requests(spec: SearchSpec) -> dict[str, Decimal]:
    """Return what the pods of one trial use of a quota, by the quota's own names."""
    workload = spec.trial.workload
    resource = JOBS if workload is None else resource_of(workload.kind.name)
    templates = (
        [(spec.trial.template, 1)] if workload is None else [(each.template, each.count) for each in workload.groups]
    )
    pods = sum(count for _, count in templates)
    # How many Jobs an engine makes of a workload is its own affair.
    asked: dict[str, Decimal] = {"pods": Decimal(pods), f"count/{resource.plural}.{resource.group}": Decimal(1)}
    for template, count in templates:
        for container in template["spec"]["containers"]:
            for name, amount in _amounts(container):
                asked[name] = asked.get(name, Decimal(0)) + amount * count
    return asked


def _amounts(container: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    # A resource with a limit but no request is requested at its limit.
    for name, amount in {**limits, **(resources.get("requests") or {})}.items():
        yield f"requests.{name}", parse_quantity(str(amount))
        if name in ("cpu", "memory"):
            yield name, parse_quantity(str(amount))
    for name, amount in limits.items():
        yield f"limits.{name}", parse_quantity(str(amount))
