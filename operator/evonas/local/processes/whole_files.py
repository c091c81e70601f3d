"""Files that a reader sees whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
