"""A training's state on a volume, from which another attempt of the same trial resumes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

FORMAT = 2
"""Part of a file's name: raised when programs save something else, so that none reads what it does not understand."""


class Checkpoint:
    """A trial's only file; replaced atomically, so that it is complete whenever the trial is killed."""

    def __init__(self, folder: Path, trial: str, identity: Mapping[str, Any]) -> None:
        """``identity`` is what makes two trainings the same: a different candidate, seed or data set has a different
        file."""
        digest = hashlib.sha256(json.dumps([FORMAT, identity], sort_keys=True).encode()).hexdigest()
        self.path = folder / f"{trial}-{digest[:12]}.pt"

    @classmethod
    def of_trial(cls, folder: Path, identity: Mapping[str, Any]) -> Checkpoint:
        """Return the file of the trial that this process is."""
        return cls(folder, os.environ.get("EVONAS_TRIAL", "trial"), identity)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Return the saved state; None if there is none, or if it is unreadable, which is reported on standard
        error."""
        if not self.path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location=device, weights_only=True)
        except Exception as error:  # noqa: BLE001 - torch names no type for what damaged files cause
            print(f"evonas: {self.path} is not readable, so it starts anew: {error}", file=sys.stderr, flush=True)
            return None
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the saved state; raises OSError if the volume is full or read-only."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                torch.save(dict(state), file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the file: a trial that has reported is never resumed, and a search has hundreds of them."""
        self.path.unlink(missing_ok=True)
