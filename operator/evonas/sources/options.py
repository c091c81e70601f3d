"""Which cluster a command means; separate from ``cluster`` because naming one needs none of its packages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evonas.errors import EvonasError

NOT_HERE = "{}: no such folder or file"


class NoCluster(EvonasError):
    """No cluster is available."""


class Forbidden(EvonasError):
    """The cluster does not let us do this; the message is its own."""


@dataclass(frozen=True)
class ClusterOptions:
    """A cluster and a namespace; None means the kubeconfig's own."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None
    token: str | None = field(default=None, repr=False)
    """Who asks, a bearer token; None for whom the kubeconfig, or the pod's account, says."""

    @property
    def given(self) -> bool:
        """Say whether any of them was named."""
        return self != ClusterOptions()

    @contextmanager
    def second(self, found_nothing: str) -> Iterator[None]:
        """If no cluster was named and the block finds none, prefix its error with what was not found locally."""
        try:
            yield
        except NoCluster as error:
            if self.given:
                raise
            raise EvonasError(f"{found_nothing}, and no cluster is available: {error}") from error
