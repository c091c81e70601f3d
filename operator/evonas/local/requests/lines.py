"""Files that commands append JSON objects to while a run reads them: one object per line, never removed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from evonas.errors import EvonasError

Item = TypeVar("Item")


def torn_line(path: Path) -> bytes:
    """Return what follows the last complete line; empty if there is nothing or no file."""
    return path.read_bytes().rpartition(b"\n")[2] if path.exists() else b""


class Lines(Generic[Item]):
    """One such file, which need not exist."""

    def __init__(self, path: Path, parse: Callable[[Any], Item]) -> None:
        """``parse`` turns a line's object into an item; ValueError or TypeError if it is not one."""
        self._path = path
        self._parse = parse
        self._size = 0
        self._items: list[Item] = []

    @property
    def is_stale(self) -> bool:
        """Say whether there is anything that ``read`` has not returned yet."""
        return self._size_now() != self._size

    def read(self) -> Sequence[Item]:
        """Return all items in order; EvonasError if a line is not one."""
        size = self._size_now()
        if size != self._size:
            self._items = [self._item(number, line) for number, line in enumerate(self._whole_lines(), start=1)]
            self._size = size
        return self._items

    def append(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Add objects; on disk when this returns. EvonasError if the file cannot be written."""
        try:
            with self._path.open("ab+") as file:
                # Concurrent writers take turns; a reader takes only complete lines.
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                whole = file.read().rfind(b"\n") + 1
                file.truncate(whole)
                file.write(b"".join(json.dumps(dict(body)).encode() + b"\n" for body in objects))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise EvonasError(f"cannot write {self._path}: {error.strerror}") from error

    def _size_now(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _whole_lines(self) -> list[bytes]:
        return self._path.read_bytes().split(b"\n")[:-1] if self._path.exists() else []

    def _item(self, number: int, line: bytes) -> Item:
        try:
            return self._parse(json.loads(line))
        except (ValueError, TypeError) as error:
            raise EvonasError(f"{self._path}, line {number}: {error}; remove or fix that line") from error
