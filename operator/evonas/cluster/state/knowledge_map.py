"""The ConfigMap that records what a search's agent knew from earlier searches. Pure.

It is immutable, and goes with the search. What an export has of it may be put back by hand, as it is or compressed, so
both are read whatever the size.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evonas.recorded.knowledge import Gathered
from evonas.recorded.knowledge_record import Knowledge, UnusableKnowledge
from evonas.search.codec import SearchIdentity, owner_reference
from evonas.search.names import MANAGED_BY, MANAGED_BY_LABEL, SEARCH_LABEL, SEARCH_UID_LABEL, knowledge_name

PLAIN_KEY, PACKED_KEY, NOTE_KEY = "knowledge.json", "knowledge.json.gz", "note"
RESTORE = "restore it from a copy, or from an export of this search"
MAX_PLAIN = 200_000
"""Bytes that `kubectl apply` can still restore from a copy; more is compressed."""
MAX_UNPACKED = 64 * 1024 * 1024
"""Many times what is ever recorded; somebody else may have put it there."""


@dataclass(frozen=True)
class KnowledgeMap:
    """What a ConfigMap records."""

    name: str
    knowledge: Knowledge
    note: str = ""
    """What was found; empty if it was put back by hand."""


def to_config_map(search: SearchIdentity, gathered: Gathered) -> dict[str, Any]:
    """Return the ConfigMap, which fits into 1 MiB whatever was gathered."""
    content = json.dumps(gathered.knowledge.to_object(), separators=(",", ":"))
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": knowledge_name(search.name, search.uid),
            "namespace": search.namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY, SEARCH_LABEL: search.name, SEARCH_UID_LABEL: search.uid},
            "ownerReferences": [owner_reference("ArchitectureSearch", search.name, search.uid)],
        },
        "immutable": True,
        "data": {NOTE_KEY: gathered.note},
    }
    if len(content) <= MAX_PLAIN:
        body["data"][PLAIN_KEY] = content
    else:
        packed = gzip.compress(content.encode(), mtime=0)
        body["binaryData"] = {PACKED_KEY: base64.b64encode(packed).decode()}
    return body


def from_config_map(body: Mapping[str, Any]) -> KnowledgeMap:
    """Return what a ConfigMap records; UnusableKnowledge if it was changed, or holds something else."""
    name = body["metadata"]["name"]
    data, binary = body.get("data") or {}, body.get("binaryData") or {}
    if PLAIN_KEY not in data and PACKED_KEY not in binary:
        raise UnusableKnowledge(f"ConfigMap {name} has no {PLAIN_KEY}; {RESTORE}")
    try:
        content = json.loads(data[PLAIN_KEY] if PLAIN_KEY in data else _unpacked(binary[PACKED_KEY]))
        if not isinstance(content, dict):
            raise ValueError("it is no object")
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise UnusableKnowledge(f"ConfigMap {name} cannot be read ({error}); {RESTORE}") from error
    knowledge = Knowledge.from_object(content, f"ConfigMap {name}")
    return KnowledgeMap(name, knowledge, data.get(NOTE_KEY, ""))


def expected_digest(status: Mapping[str, Any]) -> str | None:
    """Return the digest of what a search's agent knows, by the search's status; None if that was not told yet."""
    digest: str | None = status.get("knowledge", {}).get("digest")
    return digest


def check_digest(known: KnowledgeMap, status: Mapping[str, Any]) -> None:
    """UnusableKnowledge if a search's status tells that its agent knew something else."""
    if expected_digest(status) not in (None, known.knowledge.digest):
        raise UnusableKnowledge(
            f"ConfigMap {known.name} has other contents than those that the agent knew, whose digest is in"
            f" status.knowledge; delete it and {RESTORE}"
        )


def _unpacked(text: str) -> bytes:
    packed = base64.b64decode(text, validate=True)
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    content = unpacker.decompress(packed, MAX_UNPACKED)
    if not unpacker.eof:
        raise ValueError("it is cut off or too large")
    return content
