"""Which cluster a command means; separate from ``cluster`` because naming one needs none of its packages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evonas.errors import EvonasError

NOT_HERE = "{}: no such folder or file"


class NoCluster(EvonasError):
    """No cluster is available."""


@dataclass(frozen=True)
class ClusterOptions:
    """A cluster and a namespace; None means the kubeconfig's own."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None

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
