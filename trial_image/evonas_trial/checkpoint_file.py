"""The file on a volume from which another attempt of the same trial resumes; what is in it is the programs' matter.
Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

from evonas_trial import pausing


class CheckpointFile:
    """A trial's only file; replaced atomically, so that it is complete whenever the trial is killed."""

    FORMAT: ClassVar = 1
    """Part of a file's name: raised when programs save something else, so that none reads what it does not understand.
    """
    SUFFIX: ClassVar = ".json"

    def __init__(self, folder: Path, trial: str, identity: Mapping[str, Any]) -> None:
        """``identity`` is what makes two trainings the same: a different candidate, seed or data set has a different
        file, and another attempt has the same."""
        digest = hashlib.sha256(json.dumps([self.FORMAT, identity], sort_keys=True).encode()).hexdigest()
        self.path = folder / f"{trial}-{digest[:12]}{self.SUFFIX}"

    @classmethod
    def of_trial(cls, folder: Path, identity: Mapping[str, Any]) -> Self:
        """Return the file of the trial that this process is."""
        return cls(folder, os.environ.get("EVONAS_TRIAL", "trial"), identity)

    def say_further_than(self, step: int) -> None:
        """Tell that what was saved is not used, because it is beyond the step at which this attempt ends: another
        trial of the same name left it, such as one that was tried by hand."""
        pausing.say(f"{self.path} is of a training beyond step {step}, where this one ends, so it starts anew")

    def remove(self) -> None:
        """Remove the file: a trial that has reported its result is never resumed, and a search has hundreds of them."""
        for path in (self.path, *self.path.parent.glob(f".{self.path.name}.*")):
            path.unlink(missing_ok=True)

    def _read(self, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any] | None:
        """Return what was saved; None if it is unreadable, or missing though there was something, both of which are
        told on standard error, or if there never was anything."""
        if not self.path.exists():
            if pausing.was_paused():
                pausing.say(
                    f"{self.path} is missing, though this trial was paused, so it starts anew: "
                    "--checkpoint-dir must be a volume that all nodes share and that lasts"
                )
            return None
        try:
            return read(self.path)
        except Exception as error:  # noqa: BLE001 - torch names no type for what damaged files cause
            pausing.say(f"{self.path} is not readable, so it starts anew: {error}")
            return None

    def _write(self, write: Callable[[BinaryIO], object]) -> None:
        """Replace what was saved; raises OSError if the volume is full or read-only."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        finally:
            temporary.unlink(missing_ok=True)
