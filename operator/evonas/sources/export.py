"""An export file: a search's whole record in one file that proves its own completeness.

JSON lines: a header, the ArchitectureSearch, one ArchitectureTrial a line, and the SHA-256 of all bytes before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.search.codec import from_object, to_object, to_time
from evonas.search.recorded import Phase, RecordedSearch
from evonas.search.trial import Trial
from evonas.spec import API_VERSION

KIND, FORMAT = "SearchExport", 1


class ExportSource:
    """The export in the file ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> RecordedSearch:
        """Return the record as it was exported."""
        header, *lines = self._checked_lines()
        if header.get("format") != FORMAT:
            cure = f"this version reads format {FORMAT}; read it with evonas {header.get('evonas')}"
            raise EvonasError(f"{self._path} has the format {header.get('format')}: {cure}")
        try:
            body, *trials = lines
            return RecordedSearch(
                source=str(self._path),
                body=body,
                trials=tuple(map(from_object, trials)),
                phase=Phase(header["phase"]),
                images=header["images"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EvonasError(f"{self._path} is an export that this version cannot read: {error!r}") from error

    def log(self, trial: Trial, attempt: int, write: Callable[[bytes], object], *, follow: bool) -> None:
        """Exports hold no logs."""
        raise EvonasError(
            f"{self._path} is an export, which holds no logs; name the run's folder or the cluster's search"
        )

    def _checked_lines(self) -> list[dict[str, Any]]:
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise EvonasError(f"cannot read {self._path}: {error.strerror}") from error
        first = _loads(content.partition(b"\n")[0])
        if first is None or first.get("kind") != KIND:
            raise EvonasError(f"{self._path} is neither a run's folder nor a file of `evonas export`")
        end = content.rstrip(b"\n").rfind(b"\n") + 1
        last = _loads(content[end:])
        if last is None or last.get("sha256") != hashlib.sha256(content[:end]).hexdigest():
            raise EvonasError(
                f"{self._path} is incomplete or was changed: its last line must be the SHA-256 of all before;"
                " export the search again"
            )
        return [json.loads(line) for line in content[:end].splitlines()]


def write_export(record: RecordedSearch, path: Path) -> None:
    """Write a record to a file that appears whole or not at all; EvonasError where it cannot be written."""
    digest = hashlib.sha256()
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            for body in _lines(record):
                line = json.dumps(body).encode() + b"\n"
                digest.update(line)
                file.write(line)
            file.write(json.dumps({"sha256": digest.hexdigest()}).encode() + b"\n")
        partial.replace(path)
    except OSError as error:
        raise EvonasError(f"cannot write {path}: {error.strerror}") from error


def _lines(record: RecordedSearch) -> Iterator[Mapping[str, Any]]:
    yield {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "format": FORMAT,
        "evonas": version("evonas"),
        "exported": to_time(datetime.now(UTC)),
        "source": record.source,
        "phase": record.phase,
        "images": record.images,
        "trials": len(record.trials),
    }
    yield record.body
    for trial in record.trials:
        yield to_object(record.identity, trial)


def _loads(line: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(line)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
