"""The local run's record: one JSON object a line, the search first, what its agent learned from earlier searches
(``spec.knowledge``), then every change of a trial.

The lines are ArchitectureSearch and ArchitectureTrial objects, as a cluster would keep them; a trial's last line
counts. A line is on disk before anything acts on it, so a last line cut off by a crash is dropped. Damage anywhere else
is an error that names the line.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from evonas.agents import agent_versions
from evonas.errors import EvonasError
from evonas.local.journal_reader import JournalReader
from evonas.local.requests.lines import torn_line
from evonas.local.unchanged import check_unchanged
from evonas.recorded.knowledge_record import Knowledge
from evonas.schema import check_and_default
from evonas.search.codec import SearchIdentity, from_time, to_object, to_time
from evonas.search.software_versions import note_versions
from evonas.search.trial import Trial

JOURNAL_FILE = "journal.jsonl"
LOCK_PATIENCE = 0.5


class NotBegun(EvonasError):
    """A journal without a line: its run is just starting, or was stopped before it wrote one."""


class Journal:
    """An open journal; holds a lock on its file, so that a search is never run twice at a time."""

    def __init__(
        self,
        path: Path,
        file: FileIO,
        search: Mapping[str, Any],
        trials: Iterable[Trial],
        *,
        knowledge: Knowledge | None = None,
        torn: bytes = b"",
        before: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self.before = before
        """The ArchitectureSearch that was recorded when the journal was opened; None if it was empty."""
        self.torn = torn
        """The cut-off last line that was dropped on opening; empty if there was none."""
        self._file = file
        self.search = search
        """The ArchitectureSearch, with UID and creation time."""
        self.trials = {trial.index: trial for trial in trials}
        self.knowledge = knowledge
        """What the agent knew from earlier searches; None if nothing was gathered."""

    @property
    def identity(self) -> SearchIdentity:
        """Name and UID of the search."""
        return identity_of(self.search)

    @property
    def start_time(self) -> datetime:
        """When the search was first run."""
        return start_time_of(self.search)

    def write(self, trial: Trial) -> None:
        """Record a trial's current state; on disk when this returns."""
        _append(self._file, to_object(self.identity, trial))
        self.trials[trial.index] = trial

    def write_knowledge(self, knowledge: Knowledge) -> None:
        """Record what was gathered, once, before any trial; on disk when this returns."""
        assert self.knowledge is None, "it is gathered once"
        _append(self._file, knowledge.to_object())
        self.knowledge = knowledge

    def close(self) -> None:
        """Close the file and release its lock."""
        self._file.close()


def open_journal(folder: Path, manifest: Mapping[str, Any]) -> Journal:
    """Open or create the journal of ``manifest``'s search in ``folder``.

    Raises InvalidManifest if the manifest changes what may not change in the recorded one, EvonasError if another
    process runs it or the file is damaged.
    """
    path = folder / JOURNAL_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Unbuffered: what a full disk has not taken must not be written later.
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise EvonasError(f"cannot write {path}: {error.strerror}") from error
    try:
        return _open_locked(path, file, manifest)
    except BaseException:
        # Closing releases the lock: a refused manifest must not lock out the next one.
        file.close()
        raise


def _open_locked(path: Path, file: FileIO, manifest: Mapping[str, Any]) -> Journal:
    _lock(path, file)
    torn = torn_line(path)
    os.truncate(path, path.stat().st_size - len(torn))
    if not path.stat().st_size:
        search = _with_environment(_with_identity(manifest), {}, ())
        _append(file, search)
        return Journal(path, file, search, (), torn=torn)
    recorded, trials, knowledge = read_journal(path)
    # Nothing has followed yet from what is to be learned from; a name that was refused may be put right.
    begun = bool(trials) or knowledge is not None
    check_unchanged(recorded, manifest, trials, path.parent, begun=begun)
    search = _with_environment({**manifest, "metadata": recorded["metadata"]}, recorded.get("status", {}), trials)
    if search != recorded:
        _append(file, search)
    return Journal(path, file, search, trials, knowledge=knowledge, torn=torn, before=recorded)


def _lock(path: Path, file: FileIO) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            # A reader that checks whether the lock is held holds it itself for a moment.
            if time.monotonic() > deadline:
                raise EvonasError(
                    f"{path} is in use: this search is running already, by `evonas run` or from Python"
                ) from None
        time.sleep(0.01)


def read_journal(path: Path) -> tuple[Mapping[str, Any], list[Trial], Knowledge | None]:
    """Return the search, its trials by index, and what its agent knew; a cut-off last line is skipped.

    NotBegun if there is no complete line yet, EvonasError if the file is damaged or cannot be read.
    """
    trials: dict[int, Trial] = {}
    reader = JournalReader(path, lambda trial: trials.__setitem__(trial.index, trial))
    reader.read_on()
    if reader.is_empty:
        raise NotBegun(
            f"{path} is empty: its run is just starting, or stopped before recording anything; `evonas run` starts it"
        )
    assert reader.search is not None, "the reader has seen to that"
    return reader.search, [trials[index] for index in sorted(trials)], reader.knowledge


def identity_of(search: Mapping[str, Any]) -> SearchIdentity:
    """Return name and UID of a recorded search."""
    return SearchIdentity(name=search["metadata"]["name"], uid=search["metadata"]["uid"])


def start_time_of(search: Mapping[str, Any]) -> datetime:
    """Return when a recorded search was first run."""
    moment = from_time(search["metadata"]["creationTimestamp"])
    assert moment is not None
    return moment


def _append(file: FileIO, body: Mapping[str, Any]) -> None:
    """Write a line, and wait until it is on disk. EvonasError if the disk does not take it: then nothing of it is left,
    so that others can follow once there is space.
    """
    end = os.fstat(file.fileno()).st_size
    line = memoryview(json.dumps(body).encode() + b"\n")
    try:
        while line:
            line = line[file.write(line) :]
        os.fsync(file.fileno())
    except OSError as error:
        os.truncate(file.fileno(), end)
        cure = "what it holds stays, and the same search goes on from it"
        raise EvonasError(f"cannot write {file.name}: {error.strerror}; {cure}") from error


def _with_identity(manifest: Mapping[str, Any]) -> dict[str, Any]:
    now = to_time(datetime.now(UTC))
    return {**manifest, "metadata": {**manifest["metadata"], "uid": str(uuid.uuid4()), "creationTimestamp": now}}


def _with_environment(search: Mapping[str, Any], status: Mapping[str, Any], trials: Sequence[Trial]) -> dict[str, Any]:
    """Return the search with its status, which notes whose proposals come next."""
    agent = check_and_default(search)[0]["spec"]["agent"]["type"]
    environments = note_versions(status.get("environments", ()), agent_versions(agent), len(trials))
    return {**search, "status": {**status, "environments": environments}}
