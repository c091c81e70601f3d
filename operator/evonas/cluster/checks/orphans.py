"""What a search has left behind that was deleted without what it owned (`kubectl delete nas X --cascade=orphan`).

Nobody adopts it: a search that is made again under the name has a UID of its own, and so have its trials' names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evonas.cluster.checks.finding import Finding, Verdict, all_of, look
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import CONFIG_MAPS, JOBS, SEARCHES, TRIALS, WORKLOADS, Resource
from evonas.cluster.state.objects import controller_of
from evonas.search.conditions import find_condition
from evonas.search.names import MANAGED_BY_SELECTOR, SEARCH_LABEL, SEARCH_UID_LABEL
from evonas.wording import counted, first_of
from evonas.workloads.catalogue import kind_named

MAX_SHOWN = 5
"""So many former searches are listed, those that have left most; the others are counted."""


@dataclass(frozen=True)
class Child:
    """An object of a search, by what tells whose it is."""

    resource: Resource
    uid: str
    search: str
    search_uid: str
    owner: str | None
    """UID of the object that takes it along when it is deleted."""
    runs: bool = False


async def check_orphans(api: Api, namespace: str) -> list[Finding]:
    """Look for trials, Jobs, workloads and ConfigMaps whose search is gone; nothing is said where there are none."""

    async def everything() -> tuple[list[Child], set[str]]:
        # Children first: a search that is made meanwhile is then known before any trial of it.
        children = [
            read_child(resource, body)
            for resource in (TRIALS, JOBS, CONFIG_MAPS)
            async for page, _ in api.list(resource, namespace, label_selector=MANAGED_BY_SELECTOR)
            for body in page
        ]
        for resource in WORKLOADS.values():
            bodies = await look(all_of(api, resource, namespace, MANAGED_BY_SELECTOR), "orphans")
            # Whoever may not look at a kind, which the cluster need not even have, sees the trials that own them.
            if isinstance(bodies, list):
                children += [read_child(resource, body) for body in bodies]
        searches = {body["metadata"]["uid"] async for page, _ in api.list(SEARCHES, namespace) for body in page}
        return children, searches

    found = await look(everything(), "orphans")
    if isinstance(found, Finding):
        return [found]
    return [] if found is None else tell(find_orphans(*found), namespace)


def read_child(resource: Resource, body: Mapping[str, Any]) -> Child:
    """Return what is to be known of an object."""
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    return Child(
        resource,
        metadata["uid"],
        labels.get(SEARCH_LABEL, ""),
        labels.get(SEARCH_UID_LABEL, ""),
        controller_of(metadata),
        runs=_runs(resource, body),
    )


def _runs(resource: Resource, body: Mapping[str, Any]) -> bool:
    if resource in WORKLOADS.values():
        standing = kind_named(resource.kind).read(body)
        return not (standing.complete or standing.failed)
    status = body.get("status") or {}
    over = any((find_condition(status, type) or {}).get("status") == "True" for type in ("Complete", "Failed"))
    return resource is JOBS and not over


def find_orphans(children: Iterable[Child], searches: set[str]) -> dict[str, list[Child]]:
    """Return those that no garbage collector will take, by the UID of the search that they had. Trials come first."""
    orphans: dict[str, list[Child]] = defaultdict(list)
    stay: set[str] = set()
    for child in children:
        # What has an owner goes with it; where the owner is gone, it is about to.
        if child.search_uid not in searches and (child.owner is None or child.owner in stay):
            stay.add(child.uid)
            orphans[child.search_uid].append(child)
    return orphans


def tell(orphans: Mapping[str, Sequence[Child]], namespace: str) -> list[Finding]:
    """Return a finding for each former search, with the command that removes what it has left; for the first few."""
    most_first = sorted(orphans.items(), key=lambda item: -len(item[1]))
    findings = []
    for uid, children in most_first[:MAX_SHOWN]:
        counts = Counter(child.resource for child in children)
        what = first_of([counted(count, resource.kind) for resource, count in counts.items()])
        running = sum(child.runs for child in children)
        still = f", of which {running} still run{'s' * (running == 1)}" if running else ""
        message = f"deleted with --cascade=orphan, it has left {what}{still}; nothing uses or removes them"
        kinds = ",".join(f"{resource.plural}.{resource.group}".rstrip(".") for resource in counts)
        cure = f"kubectl -n {namespace} delete {kinds} -l {SEARCH_UID_LABEL}={uid}"
        findings.append(Finding(f"former search {children[0].search}", Verdict.WARNING, message, cure))
    if rest := most_first[MAX_SHOWN:]:
        count = sum(len(children) for _, children in rest)
        message = f"{len(rest)} more have left {count} objects; they are listed once these are removed"
        findings.append(Finding("former searches", Verdict.WARNING, message))
    return findings
