"""What the commands that read searches have in common: the argument that names one, and the cluster's options."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from evonas.sources.options import ClusterOptions

Command = TypeVar("Command", bound=Callable[..., Any])

SEARCH_HELP = """

    SEARCH is the folder of a local run, a file written by `evonas export`, or the name of a search in a cluster (NAME
    or nas/NAME). With any of the cluster's options, it is always a name.
    """


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name a cluster, as one argument ``cluster``."""

    @click.option("--namespace", "-n", help="Namespace of the cluster. Default: the kubeconfig's.")
    @click.option("--context", help="Context of the kubeconfig.")
    @click.option(
        "--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Kubeconfig to use."
    )
    @wraps(command)
    def with_cluster(
        *args: Any, kubeconfig: Path | None, context: str | None, namespace: str | None, **rest: Any
    ) -> Any:
        return command(*args, cluster=ClusterOptions(kubeconfig, context, namespace), **rest)

    return with_cluster


def says_what_a_search_is(command: Command) -> Command:
    """End a command's help with what SEARCH may be."""
    command.__doc__ = (command.__doc__ or "").rstrip() + SEARCH_HELP
    return command
