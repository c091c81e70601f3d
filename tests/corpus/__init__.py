"""One corpus of manifests, good and bad, that the local parser and a real API server must judge alike.

``tests/unit/spec`` holds the parser against it, ``tests/integration/test_corpus.py`` the CRDs. ``bad.yaml`` says what
its entries mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonpatch
import yaml

from evonas.manifest import load_search

Manifest = dict[str, Any]

FOLDER = Path(__file__).parent
GOOD = sorted((FOLDER / "good").glob("*.yaml"))


@dataclass(frozen=True)
class Bad:
    """A good manifest with one thing wrong."""

    name: str
    change: list[dict[str, Any]]
    field: str
    base: str = "minimal.yaml"
    refused_by: tuple[str, ...] = ("local", "server")
    server_field: str = ""

    def manifest(self) -> Manifest:
        """Return the spoilt manifest."""
        patched: Manifest = jsonpatch.apply_patch(good(self.base), self.change)
        return patched

    def __str__(self) -> str:
        return self.name


def good(name: str) -> Manifest:
    """Return a good manifest by its file name."""
    return load_search(FOLDER / "good" / name)


BAD = [Bad(**entry) for entry in yaml.safe_load((FOLDER / "bad.yaml").read_text(encoding="utf-8"))]
