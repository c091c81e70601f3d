"""Which cluster a command means; apart from ``cluster`` because naming one needs none of its packages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evonas.errors import EvonasError

NOT_HERE = "{}: no folder or file has that path"


class NoCluster(EvonasError):
    """There is no cluster that could be asked."""


@dataclass(frozen=True)
class ClusterOptions:
    """A cluster and a namespace; None stands for the kubeconfig's own."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None

    @property
    def given(self) -> bool:
        """Say whether any of them was named."""
        return self != ClusterOptions()

    @contextmanager
    def second(self, found_nothing: str) -> Iterator[None]:
        """Where no cluster was named and none can be asked inside, say first that nothing was found here."""
        try:
            yield
        except NoCluster as error:
            if self.given:
                raise
            raise EvonasError(f"{found_nothing}, and no cluster could be asked for it: {error}") from error
