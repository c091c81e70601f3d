"""Whole searches on this machine, as a user starts them: what the benchmarks of searches run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from evonas.local.journal import read_journal
from evonas.search.trial import Trial


def run_search(manifest: Path, *, quiet: bool = False) -> list[Trial]:
    """Run the search of a manifest in a folder of its own, and return its trials; ``quiet`` hides what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        # "python" in the manifest is this one.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        subprocess.run(
            [sys.executable, "-m", "evonas", "run", str(manifest.resolve())],
            cwd=folder,
            env=os.environ | {"PATH": path},
            check=True,
            stdout=subprocess.DEVNULL if quiet else None,
        )
        (journal,) = Path(folder).glob("runs/*/journal.jsonl")
        return read_journal(journal)[1]
