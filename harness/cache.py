"""Where things that outlive a checkout are kept, and how two processes share them: a lock, and a rename at the end."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def root() -> Path:
    """The cache folder, ``EVONAS_CACHE`` or the user's own; made when missing."""
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("EVONAS_CACHE") or user_cache / "evonas")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def key(parts: Iterable[str | bytes]) -> str:
    """A short name for these inputs: other inputs, another name."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()[:16]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of that name against every other process; the kernel lets go of it when the holder dies."""
    folder = root() / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def publishing(target: Path) -> Iterator[Path]:
    """Give a path to write to that becomes ``target`` only when the block ends well: nothing half-made is ever used."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield unfinished
        unfinished.rename(target)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            unfinished.unlink(missing_ok=True)
