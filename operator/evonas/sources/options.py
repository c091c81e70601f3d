"""Which cluster a command means; apart from ``cluster`` because naming one needs none of its packages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
