"""Reading the manifest of a command, with a note on what was read otherwise than it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from evonas.manifest import load_search


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the search in a file; notes go to the error output."""
    return load_search(path, lambda said: click.echo(f"note: {said}", err=True))
