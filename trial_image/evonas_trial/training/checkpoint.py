"""A training's state on a volume, from which another attempt of the same trial resumes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from evonas_trial.checkpoint_file import CheckpointFile


class Checkpoint(CheckpointFile):
    """A checkpoint of tensors."""

    FORMAT = 3
    SUFFIX = ".pt"

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Return the saved state; None if there is none to go on from."""

        def read(path: Path) -> dict[str, Any]:
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
            return state

        return self._read(read)

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the saved state; raises OSError if the volume is full or read-only."""
        self._write(lambda file: torch.save(dict(state), file))
