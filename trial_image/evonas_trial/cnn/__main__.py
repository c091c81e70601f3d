"""``python -m evonas_trial cnn``: the CNN as a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evonas_trial.cnn import settings
from evonas_trial.cnn.feasibility import obstacle
from evonas_trial.data.catalogue import Shape
from evonas_trial.training import command

if TYPE_CHECKING:
    from torch import nn


def _build(network: settings.Architecture, shape: Shape) -> nn.Module:
    from evonas_trial.cnn.model import build  # noqa: PLC0415

    return build(network, shape)


PROGRAM = command.Program(
    "cnn",
    "Train a convolutional network on images; what the search decides needs no option.",
    decisions=settings.GENERAL,
    hidden_decisions=settings.OWN,
    read=settings.read,
    obstacle=obstacle,
    build=_build,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train one candidate."""
    command.run(PROGRAM, arguments)


if __name__ == "__main__":
    main()
