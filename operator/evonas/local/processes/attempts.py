"""Starts, watches and stops attempts: folders on disk, the local run's counterpart of the operator's Jobs.

An attempt's folder holds a lock file (locked while its supervisor lives), the log, the trial's report and, at the end,
``ended.json``. ``view`` relies on nothing else, so a killed run resumes where it was.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evonas.errors import EvonasError
from evonas.local.locks import is_locked, wait_for_release
from evonas.local.looks import looks_at
from evonas.local.processes import supervise
from evonas.local.processes.command import LocalCommand
from evonas.local.processes.left_files import read_end, read_start
from evonas.local.processes.left_progress import PROGRESS_FILE, progress_file, read_printed_file, read_progress
from evonas.local.processes.logfile import LOG_FILE, last_line
from evonas.local.processes.supervise import Order
from evonas.local.processes.supervisors import Supervisors
from evonas.search.attempt import AttemptPhase, AttemptView, Ending, Verdict
from evonas.search.codec import SearchIdentity
from evonas.search.exits import judge_exit, judge_timeout
from evonas.search.log_reading import to_report
from evonas.search.reuse import fingerprint_of
from evonas.search.trial import Trial
from evonas.search.trial_environment import trial_environment
from evonas.search.trial_progress import Progress
from evonas.search.trial_report import MAX_MESSAGE_BYTES, kept_message, message_limit, parse_message
from evonas.search.wanted import wanted_of
from evonas.spec import SearchSpec

LOCK_FILE, REPORT_FILE = "lock", "report.json"
FINGERPRINT_FILE, GPUS_FILE = "fingerprint", "gpus"
"""What the attempt was started with: a run is resumed with whatever the manifest says by then."""
MAX_NOTE = 1000
"""Bytes of these files."""
MAX_HINT = 200
MOST_STARTS = 3
"""How often a run starts the same attempt, which is started again if it vanishes; a trial may delete its own folder."""
MAX_LOG = 10 << 20
"""As much as the kubelet keeps in one file of a container's log."""


def attempt_folder(folder: Path, index: int, attempt: int) -> Path:
    """Return an attempt's folder, below the folder of its run."""
    return folder / "trials" / f"{index:05d}" / f"attempt-{attempt}"


class LocalAttempts:
    """The attempts of one search, in ``folder/trials``. ``on_end`` is called, from any thread, when one ends.

    ``max_log`` bytes of an attempt's output are kept, 0 for all. ``variables`` are given to each attempt, besides
    those of the contract.
    """

    def __init__(
        self,
        identity: SearchIdentity,
        spec: SearchSpec,
        folder: Path,
        on_end: Callable[[], None],
        max_log: int = MAX_LOG,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._identity = identity
        self._spec = spec
        self._wanted = wanted_of(spec)
        self._command = LocalCommand(spec)
        self._folder = folder
        self._on_end = on_end
        self._max_log = max_log
        self._variables = variables
        self._supervisors = Supervisors()
        self._watched: set[Path] = set()
        self._starts: Counter[Path] = Counter()
        """By folder: how often this run has started the attempt."""
        self._progress_seen: dict[Path, tuple[int, ...]] = {}
        """By folder of a running attempt: what the file of its progress looked like when that was last shown."""

    def folder(self, index: int, attempt: int) -> Path:
        """Return an attempt's folder."""
        return attempt_folder(self._folder, index, attempt)

    def start(self, trial: Trial) -> None:
        """Start the trial's current attempt afresh; EvonasError if its files cannot be written."""
        folder = self.folder(trial.index, trial.current_attempt)
        self._starts[folder] += 1
        try:
            self._start(trial, folder)
        except OSError as error:
            raise EvonasError(f"cannot start trial {trial.index} in {folder}: {error.strerror}") from error

    def _start(self, trial: Trial, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        fingerprint = fingerprint_of(self._spec, trial.decisions)
        (folder / FINGERPRINT_FILE).write_text(fingerprint, encoding="utf-8")
        (folder / GPUS_FILE).write_text(str(self._spec.trial.gpus), encoding="utf-8")
        environment = self._command.environment(
            {
                **self._variables,
                **trial_environment(self._identity, self._spec, trial),
                "EVONAS_REPORT_FILE": str(folder / REPORT_FILE),
                "EVONAS_PROGRESS_FILE": str(folder / PROGRESS_FILE),
            }
        )
        order = Order(
            folder=str(folder),
            timeout=self._spec.trial.attempt_seconds,
            workdir=self._command.workdir,
            command=self._command.arguments(environment),
            environment=environment,
            max_log=self._max_log,
            wanted=None if self._wanted is None else vars(self._wanted),
        )
        with (folder / LOCK_FILE).open("w") as lock:
            # The supervisor is handed the lock itself and holds it until it ends, however it ends, without a gap.
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._supervisors.start(order, lock.fileno())
        if self._spec.fidelity is not None:
            self._progress_seen[folder] = ()
        self._watch(folder)

    def view(self, trial: Trial) -> AttemptView | None:
        """Return the view of the trial's current attempt; None if it must be started (again)."""
        folder = self.folder(trial.index, trial.current_attempt)
        self._progress_seen.pop(folder, None)
        if (folder / supervise.ENDED_FILE).exists():
            return self._ended(trial.current_attempt, folder)
        if not is_locked(folder / LOCK_FILE):
            # It may have ended between the two checks.
            if (folder / supervise.ENDED_FILE).exists():
                return self._ended(trial.current_attempt, folder)
            return self._vanished(trial.current_attempt) if self._starts[folder] >= MOST_STARTS else None
        self._watch(folder)
        started = datetime.fromtimestamp((folder / LOCK_FILE).stat().st_mtime, UTC)
        return AttemptView(
            trial.current_attempt,
            AttemptPhase.RUNNING,
            held_since=started,
            start_time=started,
            progress=self._progress(folder, running=True),
            gpus=_gpus_of(folder),
        )

    @property
    def have_progressed(self) -> bool:
        """Whether a running attempt has reported progress that no view has shown, in a search with rungs."""
        printed = self._wanted is not None
        return any(
            looks_at(progress_file(folder, printed=printed)) != seen for folder, seen in self._progress_seen.items()
        )

    def stop(self, attempts: Iterable[tuple[int, int]]) -> None:
        """End those attempts that are running, all at once, and wait until they are gone."""
        locks = [self.folder(index, attempt) / LOCK_FILE for index, attempt in attempts]
        for lock in locks:
            self._progress_seen.pop(lock.parent, None)
        running = [lock for lock in locks if is_locked(lock)]
        for lock in running:
            _tell_to_stop(lock)
        for lock in running:
            wait_for_release(lock)

    def start_no_more(self) -> None:
        """Have an attempt that is just being started either begin or be forgotten: an interrupt may come anywhere."""
        self._supervisors.disconnect()

    def close(self) -> None:
        """Start nothing more; running attempts continue."""
        self._supervisors.close()

    def _vanished(self, number: int) -> AttemptView:
        """Return the view of an attempt that has left no end so often that another start would not help."""
        now = datetime.now(UTC)
        said = f"it was started {MOST_STARTS} times and left no {supervise.ENDED_FILE}: was its folder deleted?"
        ending = Ending(Verdict.BROKEN, "Vanished", said)
        return AttemptView(
            number,
            AttemptPhase.ENDED,
            held_since=now,
            start_time=now,
            end_time=now,
            ending=ending,
            holds_resources=False,
        )

    def _ended(self, number: int, folder: Path) -> AttemptView:
        ended: dict[str, Any] = json.loads((folder / supervise.ENDED_FILE).read_text(encoding="utf-8"))
        started = datetime.fromtimestamp(ended["start"], UTC)
        fingerprint = read_start(folder / FINGERPRINT_FILE, MAX_NOTE)
        return AttemptView(
            number=number,
            phase=AttemptPhase.ENDED,
            held_since=started,
            start_time=started,
            end_time=datetime.fromtimestamp(ended["end"], UTC),
            ending=self._ending(ended, folder),
            holds_resources=False,
            fingerprint=None if fingerprint is None else fingerprint.decode(errors="replace"),
            progress=self._progress(folder),
            gpus=_gpus_of(folder),
        )

    def _progress(self, folder: Path, *, running: bool = False) -> Progress | None:
        if self._spec.fidelity is None:
            return None
        printed = self._wanted is not None
        if running:
            # Before it is read: what is written meanwhile is shown by the next view.
            self._progress_seen[folder] = looks_at(progress_file(folder, printed=printed))
        return read_progress(folder, printed=printed)

    def _ending(self, ended: dict[str, Any], folder: Path) -> Ending:
        if ended["timedOut"]:
            return judge_timeout(self._spec.trial)
        if self._wanted is not None and ended["exitCode"] == 0:
            return judge_exit(0, to_report(self._wanted, read_printed_file(folder)))
        report = folder / REPORT_FILE
        # No more of it than a pod would keep, so that a trial that works here works there.
        limit = message_limit(self._spec.trial.template["spec"])
        message = kept_message(read_end(report, MAX_MESSAGE_BYTES) or b"", limit)
        hint = ended.get("error") or last_line(folder / LOG_FILE, MAX_HINT)
        return judge_exit(ended["exitCode"], parse_message(message, limit), hint=hint)

    def _watch(self, folder: Path) -> None:
        """Wait in a thread for the attempt's end."""
        if folder in self._watched:
            return
        self._watched.add(folder)
        threading.Thread(target=self._report_end, args=[folder], daemon=True).start()

    def _report_end(self, folder: Path) -> None:
        wait_for_release(folder / LOCK_FILE)
        self._watched.discard(folder)
        self._on_end()


def _gpus_of(folder: Path) -> Fraction | None:
    """Return how many GPUs an attempt was started with; None if its folder does not say."""
    noted = read_start(folder / GPUS_FILE, MAX_NOTE)
    # A trial may write there, too.
    with suppress(ValueError, ZeroDivisionError):
        return None if noted is None else max(Fraction(noted.decode()), Fraction())
    return None


def _tell_to_stop(lock: Path) -> None:
    said = lock.with_name(supervise.PID_FILE)
    while is_locked(lock) and not said.exists():
        time.sleep(0.01)  # a supervisor that has just started writes its id first
    if is_locked(lock):
        # It may end between the check and the signal.
        with suppress(ProcessLookupError):
            os.kill(int(said.read_text()), signal.SIGTERM)
