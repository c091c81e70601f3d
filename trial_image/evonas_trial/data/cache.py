"""The images of files decoded once, and kept on a volume for all trials of a search (``--cache DIR``).

Each state of the files has a folder of its own there, which ``once`` sees to and ``stored`` fills. It is complete if it
exists, and never changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from evonas_trial.data import decoding, stored
from evonas_trial.data.images import Files, Images, Part
from evonas_trial.data.once import made_once
from evonas_trial.pausing import say

FORMAT = 1
"""Raised when what is stored changes, so that no program reads what another version has left."""

LARGEST_BYTES = 32 * 2**30
"""What a node has memory for beside its trials. More would be read from the volume in each epoch, and is twice as many
bytes as the files."""


@dataclass(frozen=True)
class Cache:
    """Where decoded images are kept, and how many processes decode them."""

    folder: Path
    workers: int

    def images(self, files: Files, root: Path, part: str, side: int) -> Part:
        """Return a part of a data set as a memory map of decoded images; as files, with a line in the log, if they
        cannot be kept. Raises DataMissing for a file that is no image.
        """
        try:
            # Before any file is looked at: it is at least as much.
            check_size(len(files), side)
            target = self.folder / f"{part}-{side}-{version(files.paths, root)}"
            pixels = _Kept(target, files.paths, side, self.workers).pixels()
            return Images(pixels, files.labels, torch.arange(len(files)))
        except TooLarge as reason:
            why = str(reason)
        except OSError as error:
            why = f"{self.folder} cannot be used ({error})"
        say(f"--cache: {why}, so the images are decoded by --workers, in each epoch again")
        return files


def version(paths: Sequence[Path], root: Path) -> str:
    """Return a name that is another when files were added, removed, renamed or written to."""
    digest = hashlib.sha256(str(FORMAT).encode())
    # Path.relative_to would take longer than all the rest. (Not the length of the root alone, which may be ".".)
    start = len(os.fspath(root / "x")) - 1
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            raise decoding.unreadable(path, error) from error
        digest.update(f"{os.fspath(path)[start:]}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


class TooLarge(Exception):
    """Images are not kept, for the reason that is said."""


def check_size(images: int, side: int, free: int | None = None) -> None:
    """Raise TooLarge if so many images of this side are more than a cache may take, or than is free on its volume."""
    size = stored.Description(images, side).size
    taken = f"{images} images of {side} x {side} pixels take {_said(size)}"
    if size > LARGEST_BYTES:
        raise TooLarge(f"{taken}, more than the {LARGEST_BYTES // 2**30} GiB of the largest cache")
    if free is not None and size > free:
        raise TooLarge(f"{taken}, but only {_said(free)} are free")


def _said(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


class _Kept:
    """One folder of decoded images: how it is read and made."""

    def __init__(self, target: Path, paths: Sequence[Path], side: int, workers: int) -> None:
        self._target, self._paths, self._side, self._workers = target, paths, side, workers
        self._found: Tensor | None = None
        self._damage = ""
        """Why it was not found when it was last looked for."""

    def pixels(self) -> Tensor:
        """Return the memory map; raises TooLarge, OSError, and DataMissing for a file that is no image."""
        made_once(self._target, self._is_whole, self._make, self._wait)
        return self._read() if self._found is None else self._found

    def _read(self) -> Tensor:
        return stored.read(self._target, len(self._paths), self._side)

    def _is_whole(self) -> bool:
        try:
            self._found = self._read()
        except (FileNotFoundError, stored.Damaged) as error:
            self._found, self._damage = None, str(error)
        return self._found is not None

    def _wait(self) -> None:
        say(f"--cache: waits for another trial, which decodes the images into {self._target}")

    def _make(self, folder: Path) -> None:
        if self._target.exists():
            say(f"--cache: {self._target} is damaged ({self._damage}), so it is made again")
        side = stored.side_of(self._paths, self._side)
        # Only here: what another trial is writing is not free for this one, and need not be.
        check_size(len(self._paths), side, shutil.disk_usage(folder).free)
        say(f"--cache: decodes {len(self._paths)} images once, into {self._target}")
        stored.write(folder, self._paths, self._side, side, self._workers)
