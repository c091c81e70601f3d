"""Whether the Kueue queue that a search names exists and admits Jobs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from evonas.cluster.checks.finding import Finding, Verdict, all_of, look
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import CLUSTER_QUEUES, LOCAL_QUEUES, Resource
from evonas.search.conditions import find_condition


async def check_queue(api: Api, namespace: str, queue: str) -> Finding:
    """Check whether the LocalQueue exists, and whether it and its ClusterQueue are active."""
    subject = f"queue {queue}"
    local = await look(api.get(LOCAL_QUEUES, namespace, queue), subject)
    if isinstance(local, Finding):
        return local
    if local is None:
        return await _missing(api, namespace, queue, subject)
    active = find_condition(local.get("status") or {}, "Active")
    if active is None or active["status"] == "True":
        return Finding(subject, Verdict.GOOD, f"of ClusterQueue {local['spec']['clusterQueue']}")
    behind = local["spec"]["clusterQueue"]
    shared = await look(api.get(CLUSTER_QUEUES, None, behind), subject)
    if _is_stopped(local):
        cure = _go_on(LOCAL_QUEUES, queue, namespace)
    elif isinstance(shared, dict) and _is_stopped(shared):
        cure = _go_on(CLUSTER_QUEUES, behind)
    else:
        cure = f"kubectl describe {CLUSTER_QUEUES.plural}.{CLUSTER_QUEUES.group} {behind}"
    return Finding(subject, Verdict.BAD, f"admits nothing: {active.get('message') or active.get('reason')}", cure)


async def _missing(api: Api, namespace: str, queue: str, subject: str) -> Finding:
    shared = await look(all_of(api, CLUSTER_QUEUES, None), subject)
    if shared is None:
        message = f"the cluster has no Kueue that serves {CLUSTER_QUEUES.api_version}: trials would wait forever"
        return Finding(subject, Verdict.BAD, message, "kubectl api-resources --api-group=kueue.x-k8s.io")
    message = f"there is no LocalQueue of that name in {namespace}: trials would wait forever"
    if isinstance(shared, Finding) or not shared:
        return Finding(subject, Verdict.BAD, message, f"kubectl -n {namespace} get localqueues")
    body = {
        "apiVersion": LOCAL_QUEUES.api_version,
        "kind": LOCAL_QUEUES.kind,
        "metadata": {"name": queue, "namespace": namespace},
        "spec": {"clusterQueue": shared[0]["metadata"]["name"]},
    }
    others = ", ".join(item["metadata"]["name"] for item in shared)
    cure = f"echo {shlex.quote(json.dumps(body))} | kubectl create -f -"
    return Finding(subject, Verdict.BAD, f"{message}; ClusterQueues are {others}", cure)


def _is_stopped(body: Mapping[str, Any]) -> bool:
    return (body["spec"].get("stopPolicy") or "None") != "None"


def _go_on(resource: Resource, name: str, namespace: str = "") -> str:
    scope = f" -n {namespace}" if namespace else ""
    patch = shlex.quote(json.dumps({"spec": {"stopPolicy": "None"}}))
    return f"kubectl{scope} patch {resource.plural}.{resource.group} {name} --type=merge -p {patch}"
