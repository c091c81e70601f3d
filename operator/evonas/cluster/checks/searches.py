"""Whether a namespace's unfinished searches can get what they need: devices, queues, logs, engines."""

from __future__ import annotations

from collections import defaultdict

from evonas.cluster.checks.finding import Finding, all_of, look
from evonas.cluster.checks.installation import read_policies
from evonas.cluster.checks.logs import check_logs
from evonas.cluster.checks.namespace import devices_of, find_devices
from evonas.cluster.checks.queues import check_queue
from evonas.cluster.checks.releases import Installation
from evonas.cluster.checks.workloads import check_workloads, needs_of
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import SEARCHES
from evonas.errors import InvalidManifest
from evonas.recorded.search import manifest_of, phase_of
from evonas.search.names import QUEUE_LABEL
from evonas.spec import SearchSpec


async def check_searches(api: Api, found: list[Installation] | Finding, namespace: str) -> list[Finding]:
    """Check what each unfinished search needs; a refused search shows the reason in its own status."""
    bodies = await look(all_of(api, SEARCHES, namespace), "searches")
    if isinstance(bodies, Finding):
        return [bodies]
    wanted: dict[str, list[str]] = defaultdict(list)
    queues: set[str] = set()
    read: list[str] = []
    specs: list[tuple[SearchSpec, str]] = []
    for body in bodies or ():
        if phase_of(body.get("status") or {}).is_over:
            continue
        try:
            spec = SearchSpec.parse(manifest_of(body))
        except InvalidManifest:
            continue
        if spec.trial.report is not None:
            read.append(spec.name)
        for device in devices_of(spec):
            wanted[device].append(spec.name)
        queue = (body["metadata"].get("labels") or {}).get(QUEUE_LABEL, "")
        specs.append((spec, queue))
        if queue:
            queues.add(queue)
    return [
        *await find_devices(api, wanted, namespace),
        *[await check_queue(api, namespace, queue) for queue in sorted(queues)],
        *await check_logs(api, found, namespace, read),
        *await check_workloads(api, found, await read_policies(api, namespace), namespace, needs_of(specs)),
    ]
