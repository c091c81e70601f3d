"""An export file: a search's whole record in one file that proves its completeness. Pure: bytes in and out. JSON lines:
a header, the ArchitectureSearch, what its agent learned from earlier searches, if any, one line per ArchitectureTrial,
and the SHA-256 of all bytes before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

from evonas.errors import EvonasError
from evonas.recorded.knowledge_record import KIND as KNOWLEDGE_KIND
from evonas.recorded.knowledge_record import Knowledge
from evonas.recorded.search import Phase, RecordedSearch
from evonas.recorded.table import OWN
from evonas.search.codec import from_object, to_object, to_time
from evonas.spec import API_VERSION

KIND, FORMAT = "SearchExport", 1


def parse_export(content: bytes, source: str) -> RecordedSearch:
    """Return the record as it was exported; EvonasError, which names ``source``, if it is not a complete export."""
    header, *lines = _checked_lines(content, source)
    if header.get("format") != FORMAT:
        cure = f"this version reads format {FORMAT}; read it with evonas {header.get('evonas')}"
        raise EvonasError(f"{source} has the format {header.get('format')}: {cure}")
    try:
        body, *trials = lines
        knowledge: Knowledge | None = None
        if trials and trials[0]["kind"] == KNOWLEDGE_KIND:
            knowledge = Knowledge.from_object(trials.pop(0), source)
        return RecordedSearch(
            source=source,
            body=body,
            trials=tuple(map(from_object, trials)),
            phase=Phase(header["phase"]),
            images=header["images"],
            knowledge=knowledge,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EvonasError(f"{source} is an export that this version cannot read: {error!r}") from error


def export_lines(record: RecordedSearch, now: datetime) -> Iterator[bytes]:
    """Yield the lines of a record's export."""
    digest = hashlib.sha256()
    for body in _objects(record, now):
        line = json.dumps(body).encode() + b"\n"
        digest.update(line)
        yield line
    yield json.dumps({"sha256": digest.hexdigest()}).encode() + b"\n"


def _checked_lines(content: bytes, source: str) -> list[dict[str, Any]]:
    first = _loads(content.partition(b"\n")[0])
    if content.startswith(",".join(OWN).encode()):
        raise EvonasError(f"{source} is a table of trials, without the search: export that to a file ending in .jsonl")
    if first is None or first.get("kind") != KIND:
        raise EvonasError(f"{source} is neither a run's folder nor a file of `evonas export`")
    end = content.rstrip(b"\n").rfind(b"\n") + 1
    last = _loads(content[end:])
    if last is None or "sha256" not in last:
        raise EvonasError(f"{source} is cut off: {_missing(first, content)}; export the search again")
    if last["sha256"] != hashlib.sha256(content[:end]).hexdigest():
        raise EvonasError(
            f"{source} was changed: its last line must be the SHA-256 of all lines before; export the search again"
        )
    return [json.loads(line) for line in content[:end].splitlines()]


def _missing(header: Mapping[str, Any], content: bytes) -> str:
    """Describe what a truncated file lacks: its header says how many trials there were."""
    before = 2 + (f'"kind": "{KNOWLEDGE_KIND}"'.encode() in content)
    there = max(0, content.count(b"\n") - before)
    trials = header.get("trials", there)
    return f"{trials - there} of its {trials} trials are missing" if there < trials else "its checksum is missing"


def _objects(record: RecordedSearch, now: datetime) -> Iterator[Mapping[str, Any]]:
    yield {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "format": FORMAT,
        "evonas": version("evonas"),
        "exported": to_time(now),
        "source": record.source,
        "phase": record.phase,
        "images": record.images,
        "trials": len(record.trials),
    }
    yield record.body
    if record.knowledge is not None:
        yield record.knowledge.to_object()
    for trial in record.trials:
        yield to_object(record.identity, trial)


def _loads(line: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(line)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
