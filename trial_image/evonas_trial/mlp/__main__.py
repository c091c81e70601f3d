"""``python -m evonas_trial mlp``: the simple space as a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evonas_trial.data.catalogue import Shape
from evonas_trial.mlp import settings
from evonas_trial.training import command

if TYPE_CHECKING:
    from torch import nn


def _build(network: settings.Network, shape: Shape) -> nn.Module:
    from evonas_trial.mlp.model import build  # noqa: PLC0415

    return build(network, shape)


PROGRAM = command.Program(
    "mlp",
    "Train a network of one hidden layer on images; what the search decides needs no option.",
    decisions=settings.DECISIONS,
    hidden_decisions=(),
    read=settings.read,
    obstacle=settings.obstacle,
    build=_build,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train one candidate."""
    command.run(PROGRAM, arguments)


if __name__ == "__main__":
    main()
