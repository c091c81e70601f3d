"""The bytes of the built page, compressed as the server sends them."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path


def weigh(folder: Path) -> Counter[str]:
    """Return compressed bytes by kind of file; those that no view loads (licences) are told apart."""
    found: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            kind = "licences" if path.name == "licenses.txt" else path.suffix.removeprefix(".")
            found[kind] += len(gzip.compress(path.read_bytes(), 9))
    return found
