"""`evonas doctor`: what is wrong with an installation, and the commands that fix it."""

from __future__ import annotations

import sys

import click

from evonas.commands.findings import is_bad, show
from evonas.commands.searches import cluster_options
from evonas.report.console import open_console
from evonas.sources.locate import readiness_module
from evonas.sources.options import ClusterOptions


@click.command()
@click.option("--operator-namespace", help="Where the operator is installed. Default: it is looked for everywhere.")
@cluster_options
def doctor(operator_namespace: str | None, cluster: ClusterOptions) -> None:
    """Check an installation and a namespace, and print the command that fixes each problem.

    Checks the devices, queues and images of all unfinished searches in the namespace; to check what a new search would
    need, including quotas, use `evonas plan`. Exits with 1 if something is missing that searches need to run.
    """
    findings = readiness_module().examine(cluster, None, {}, operator_namespace)
    show(findings, open_console())
    sys.exit(1 if is_bad(findings) else 0)
