"""`evonas operator`: the operator, in a cluster or beside it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from evonas.server import serve
from evonas.settings import OperatorSettings


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
    help="Searches worked on at once.",
)
@click.option(
    "--resync-seconds",
    type=click.FloatRange(1),
    default=OperatorSettings.resync_seconds,
    show_default=True,
    help="Seconds between full comparisons with the API server.",
)
def operator(
    namespaces: tuple[str, ...],
    kubeconfig: Path | None,
    context: str | None,
    metrics_host: str,
    metrics_port: int,
    workers: int,
    resync_seconds: float,
) -> None:
    """Run the operator that carries out ArchitectureSearch objects."""
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
            )
        )
    )
