"""Files that commands append JSON objects to while a run reads them: one object a line, nothing ever taken out."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError


def append_lines(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """Add objects; on disk when this returns. EvonasError where the file cannot be written."""
    try:
        with path.open("ab+") as file:
            # Two who append at once take turns; a reader takes whole lines only.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
            file.write(b"".join(json.dumps(dict(body)).encode() + b"\n" for body in objects))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise EvonasError(f"cannot write {path}: {error.strerror}") from error


def size_of(path: Path) -> int:
    """Return the size of a file, which says whether there is anything new; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def whole_lines(path: Path) -> list[bytes]:
    """Return the lines that were written to their end."""
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []
