"""Runs that are kept, each in a file of its own: a benchmark resumes, and repeats only what has become stale."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from evonas.local.processes.whole_files import write_whole


class Task(Protocol):
    """What is run."""

    def path(self, folder: Path) -> Path:
        """Return the file of this run."""

    def identity(self) -> str:
        """Return a hash that changes when a repeated run could come out differently."""


Kept = TypeVar("Kept", bound=Task)
Run = Callable[[Kept], Mapping[str, Any]]
"""Runs a task; the outcome is JSON with its ``identity``."""


def run_all(
    tasks: Sequence[Kept], folder: Path, jobs: int, run: Run[Kept], find: Callable[[Kept, Path], object] | None = None
) -> Iterator[tuple[int, Kept]]:
    """Run what has no kept outcome yet; yields how many are left and what was done, as runs end. ``find`` returns a
    kept outcome or None; where not given, ``load`` does.
    """
    open_tasks = [task for task in tasks if (find or load)(task, folder) is None]
    # One thread each, of PyTorch as of NumPy, who read this when they are imported: in a fresh interpreter, not a fork.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_run_and_keep, task, folder, run): task for task in open_tasks}
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            yield len(open_tasks) - done, futures[future]


def load(task: Task, folder: Path) -> dict[str, Any] | None:
    """Return a kept outcome; None if there is none with this identity."""
    path = task.path(folder)
    if not path.exists():
        return None
    outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return outcome if outcome["identity"] == task.identity() else None


def identity(facts: Sequence[object]) -> str:
    """Return a hash of JSON values."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def code(files: Iterable[Path]) -> str:
    """Return a hash of what these files say, those of folders included."""
    every = [file for path in files for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in every)).hexdigest()


def _run_and_keep(task: Kept, folder: Path, run: Run[Kept]) -> None:
    path = task.path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(run(task)).encode())
