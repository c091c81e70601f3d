"""``evonas.open``: from what a user names to its record."""

from __future__ import annotations

from pathlib import Path

from evonas.python.result import Result
from evonas.sources.locate import locate
from evonas.sources.options import ClusterOptions


def open_result(
    reference: str | Path,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | Path | None = None,
) -> Result:
    """Return the record of a search: of a run's folder, of a file of ``export``, or by name (``digits`` or
    ``nas/digits``) of a cluster. With any of the other arguments, it is always one of a cluster. EvonasError if there
    is none or it cannot be read.
    """
    return Result(locate(str(reference), options_of(namespace, context, kubeconfig)))


def options_of(namespace: str | None, context: str | None, kubeconfig: str | Path | None) -> ClusterOptions:
    """Return which cluster the arguments of a call mean."""
    return ClusterOptions(None if kubeconfig is None else Path(kubeconfig), context, namespace)
