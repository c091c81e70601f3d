"""`evonas operator`: the operator, in a cluster or beside it."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import secrets
from pathlib import Path

import click
import durationpy

from evonas.cluster.client.connection import POD_NAMESPACE_FILE
from evonas.cluster.leader.lease import Timing
from evonas.operator.server import serve
from evonas.operator.settings import LeaseSettings, OperatorSettings
from evonas.workloads.catalogue import ENGINES


def duration(value: str) -> float:
    """Return the seconds of a duration as Kubernetes' own components take it, such as `1m30s`."""
    try:
        return float(durationpy.from_str(value).total_seconds())
    except durationpy.DurationError as error:
        raise click.BadParameter(f"{value!r} is no duration; write 15s, 500ms or 1m30s") from error


@click.command()
@click.option("--namespace", "-n", "namespaces", multiple=True, help="Namespace to watch; repeatable. Default: all.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Kubeconfig to use.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--metrics-host", default=OperatorSettings.metrics_host, show_default=True, help="Address to serve on.")
@click.option("--metrics-port", default=OperatorSettings.metrics_port, show_default=True, help="0 picks a free port.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=OperatorSettings.workers,
    show_default=True,
    help="Number of searches processed at once.",
)
@click.option(
    "--resync-seconds",
    type=click.FloatRange(1),
    default=OperatorSettings.resync_seconds,
    show_default=True,
    help="Seconds between full comparisons with the API server.",
)
@click.option(
    "--create-trial-accounts/--no-create-trial-accounts",
    default=OperatorSettings.create_trial_accounts,
    show_default=True,
    help="Create the trials' ServiceAccount in each namespace with a search. If not, it must exist already.",
)
@click.option(
    "--workload",
    "workloads",
    type=click.Choice([kind.name for kind in ENGINES]),
    multiple=True,
    help="Kind of workload to run beside Jobs, if the cluster serves it; repeatable.",
)
@click.option(
    "--leader-election/--no-leader-election",
    default=True,
    show_default=True,
    help="Act only while holding a Lease, so that replicas can stand by. If not, this must be the only replica.",
)
@click.option("--lease-namespace", help="Namespace of the Lease. Default: the pod's own, else the first --namespace.")
@click.option("--lease-name", default="evonas-operator", show_default=True, help="Name of the Lease.")
@click.option(
    "--lease-duration",
    type=duration,
    default=f"{Timing.duration:g}s",
    show_default=True,
    help="Another replica takes the Lease when it has not seen it renewed for so long, in whole seconds.",
)
@click.option(
    "--renew-deadline",
    type=duration,
    default=f"{Timing.renew_deadline:g}s",
    show_default=True,
    help="This one stops when it could not renew the Lease for so long; shorter than --lease-duration.",
)
@click.option(
    "--retry-period",
    type=duration,
    default=f"{Timing.retry:g}s",
    show_default=True,
    help="Between two renewals, or looks at another's Lease; 1.2 times this is shorter than --renew-deadline.",
)
@click.option("--identity", help="Name of the Lease's holder. Default: POD_NAME, else derived from the host name.")
def operator(
    namespaces: tuple[str, ...],
    kubeconfig: Path | None,
    context: str | None,
    metrics_host: str,
    metrics_port: int,
    workers: int,
    resync_seconds: float,
    create_trial_accounts: bool,
    workloads: tuple[str, ...],
    leader_election: bool,
    lease_namespace: str | None,
    lease_name: str,
    lease_duration: float,
    renew_deadline: float,
    retry_period: float,
    identity: str | None,
) -> None:
    """Run the operator that carries out ArchitectureSearch objects."""
    timing = Timing(lease_duration, renew_deadline, retry_period)
    if (problem := timing.problem()) is not None:
        raise click.UsageError(problem)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(
        serve(
            OperatorSettings(
                namespaces=namespaces,
                kubeconfig=kubeconfig,
                context=context,
                metrics_host=metrics_host,
                metrics_port=metrics_port,
                workers=workers,
                resync_seconds=resync_seconds,
                create_trial_accounts=create_trial_accounts,
                workloads=workloads,
                lease=LeaseSettings(
                    namespace=lease_namespace or _own_namespace() or (namespaces[0] if namespaces else "default"),
                    name=lease_name,
                    identity=identity or _own_identity(),
                    timing=timing,
                )
                if leader_election
                else None,
            )
        )
    )


def _own_namespace() -> str | None:
    try:
        return POD_NAMESPACE_FILE.read_text().strip()
    except OSError:
        return None


def _own_identity() -> str:
    """Return a name that a restarted container keeps, for it may take its own lease back; elsewhere one of its own."""
    if (pod := os.environ.get("POD_NAME")) is not None:
        return pod
    host = platform.node()
    return host if "KUBERNETES_SERVICE_HOST" in os.environ else f"{host}-{secrets.token_hex(4)}"
