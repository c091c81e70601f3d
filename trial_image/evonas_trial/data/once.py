"""A folder that one process makes and many use, with nothing but a shared volume between them: they start at once, on
several nodes, and any may be killed at any time. No file locks: network volumes may not have them. Standard library
only.

The maker holds a claim: a file that only one process can create, whose time it sets again and again. A claim whose time
stands still is that of a dead process, and one of those that wait takes the next number. Should two make the same
folder, because one was only asleep, both results are whole, and one of them stays.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pace:
    """Seconds between looks, between signs of life, and until a maker that gives none is held to be dead."""

    look: float = 0.5
    beat: float = 5
    patience: float = 60


DEFAULT_PACE = Pace()


def made_once(
    target: Path,
    is_whole: Callable[[], bool],
    make: Callable[[Path], None],
    waits: Callable[[], None],
    pace: Pace = DEFAULT_PACE,
) -> None:
    """Return when the folder ``target`` is whole, whether this or another process has made it.

    ``make`` fills an empty folder, which then takes the target's place; ``waits`` is called once if another process is
    at work. Raises what ``make`` raises, and OSError if the volume is full or read-only.
    """
    waits = functools.cache(waits)
    while not is_whole():
        target.parent.mkdir(parents=True, exist_ok=True)
        claim = _claimed(target, waits, pace)
        if claim is None:
            continue
        with claim.kept(pace):
            if not is_whole():
                _make(target, is_whole, make)
            return


def _claimed(target: Path, waits: Callable[[], None], pace: Pace) -> _Claim | None:
    """Return this process's claim; None when another process has given its claim back."""
    claim = _Claim(target, 0)
    while not claim.take():
        waits()
        if not claim.is_abandoned(pace):
            return None
        claim = _Claim(target, claim.number + 1)
    return claim


@dataclass(frozen=True)
class _Claim:
    target: Path
    number: int

    @property
    def path(self) -> Path:
        return self.target.with_name(f".{self.target.name}.{self.number}")

    def take(self) -> bool:
        try:
            self.path.open("x").close()
        except FileExistsError:
            return False
        return True

    def is_abandoned(self, pace: Pace) -> bool:
        """Wait until the claim is given back, which returns False, or its holder shows no life."""
        # By this machine's clock alone, since those of several nodes differ.
        seen, since = self._sign(), time.monotonic()
        while seen is not None and time.monotonic() - since < pace.patience:
            time.sleep(pace.look)
            sign = self._sign()
            if sign != seen:
                seen, since = sign, time.monotonic()
        return seen is not None

    def _sign(self) -> int | None:
        # Opened: of a file that is not, a network volume may tell what it knew a minute ago.
        try:
            with self.path.open("rb") as file:
                return os.fstat(file.fileno()).st_mtime_ns
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def kept(self, pace: Pace) -> Iterator[None]:
        """Give signs of life during the block, then give back this claim, and those that it outlived."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(pace.beat):
                # A sign that fails is made up for by the next.
                with contextlib.suppress(OSError):
                    os.utime(self.path)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            for number in range(self.number + 1):
                _Claim(self.target, number).path.unlink(missing_ok=True)


def _make(target: Path, is_whole: Callable[[], bool], make: Callable[[Path], None]) -> None:
    for leftover in target.parent.glob(f".{target.name}.*/"):
        shutil.rmtree(leftover, ignore_errors=True)
    # With a name of its own: a process that was asleep finds its folder gone, and never another's half of one.
    workspace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    damaged = workspace.with_name(f"{workspace.name}.damaged")
    try:
        workspace.chmod(0o755)
        make(workspace)
        if not is_whole():
            if target.exists():
                target.rename(damaged)
            workspace.rename(target)
    except OSError:
        # Another process may have taken this one for dead, and made the folder.
        if not is_whole():
            raise
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.rmtree(damaged, ignore_errors=True)
