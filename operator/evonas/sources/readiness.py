"""All checks of a cluster, in reading order, for ``evonas plan`` and ``evonas doctor``."""

from __future__ import annotations

from evonas.cluster.checks.finding import Finding
from evonas.cluster.checks.installation import check_crds, check_operators, check_policy, read_policies
from evonas.cluster.checks.logs import check_logs
from evonas.cluster.checks.monitoring import check_monitoring
from evonas.cluster.checks.namespace import check_devices, check_images, check_permissions, check_quota
from evonas.cluster.checks.orphans import check_orphans
from evonas.cluster.checks.queues import check_queue
from evonas.cluster.checks.releases import find_installations
from evonas.cluster.checks.searches import check_searches
from evonas.cluster.checks.workloads import check_workloads, needs_of
from evonas.cluster.client.api import Api
from evonas.search.names import QUEUE_LABEL
from evonas.sources.cluster import ask
from evonas.sources.options import ClusterOptions
from evonas.spec import SearchSpec


def examine(
    options: ClusterOptions, spec: SearchSpec | None, labels: dict[str, str], operator_namespace: str | None
) -> list[Finding]:
    """Return the findings; with ``spec`` and its object's ``labels``, including what that search needs.

    Without, what all unfinished searches of the namespace need, what deleted ones have left, and whether a Prometheus
    finds the operator. The operator is looked for in all namespaces where none is given."""

    async def collect(api: Api, namespace: str) -> list[Finding]:
        found = await find_installations(api, operator_namespace, namespace)
        findings = [
            *await check_crds(api),
            *await check_operators(api, found, namespace, operator_namespace),
            await check_policy(api, found, namespace),
            *await check_permissions(api, namespace),
        ]
        if spec is None:
            for installation in [] if isinstance(found, Finding) else found:
                if installation.release is not None:
                    findings += await check_monitoring(api, installation)
            findings += [*await check_searches(api, found, namespace), *await check_orphans(api, namespace)]
        else:
            findings += [*await check_quota(api, namespace, spec), *await check_devices(api, spec)]
            if spec.trial.report is not None:
                findings += await check_logs(api, found, namespace, [spec.name])
            if queue := labels.get(QUEUE_LABEL):
                findings.append(await check_queue(api, namespace, queue))
            if needs := needs_of([(spec, labels.get(QUEUE_LABEL, ""))]):
                findings += await check_workloads(api, found, await read_policies(api, namespace), namespace, needs)
        return [*findings, *await check_images(api, namespace)]

    return ask(options, collect)
