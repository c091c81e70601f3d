"""Results of the other runs in the same folder of runs, for ``search.reuse``, read from their journals.

Journals only grow, possibly right now, so each is read from where the last read ended.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from evonas.local.appended import AppendedLines
from evonas.local.journal import JOURNAL_FILE, identity_of
from evonas.search.codec import TRIAL_KIND, SearchIdentity, from_object
from evonas.search.reuse import first_result
from evonas.search.trial import Reuse, Trial


class OtherRuns:
    """The runs beside the one in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journals: dict[Path, _Journal] = {}

    def find(self, fingerprint: str) -> Reuse | None:
        """Return the result of another run's trial with this fingerprint."""
        paths = [path for path in self._folder.parent.glob(f"*/{JOURNAL_FILE}") if path.parent != self._folder]
        self._journals = {path: self._journals.get(path) or _Journal(path) for path in paths}
        found = []
        for journal in self._journals.values():
            # Somebody may be deleting a run at this moment.
            with suppress(OSError):
                journal.read_on()
            found += journal.with_fingerprint(fingerprint)
        return first_result(found)


class _Journal:
    def __init__(self, path: Path) -> None:
        self._lines = AppendedLines(path)
        self._epoch = 0
        self._search: SearchIdentity | None = None
        self._trials: dict[str, Trial] = {}

    def with_fingerprint(self, fingerprint: str) -> list[tuple[SearchIdentity, Trial]]:
        trial = self._trials.get(fingerprint)
        return [(self._search, trial)] if trial is not None and self._search is not None else []

    def read_on(self) -> None:
        """Read the complete lines written since."""
        for _, line in self._lines.read_on():
            self._forget_if_replaced()
            # A damaged line is reported when that run is resumed.
            with suppress(ValueError, KeyError, TypeError):
                self._take_in(line)
        self._forget_if_replaced()

    def _forget_if_replaced(self) -> None:
        if self._epoch != self._lines.epoch:
            # Deleted and started afresh: the former run's results are gone.
            self._epoch, self._search, self._trials = self._lines.epoch, None, {}

    def _take_in(self, line: bytes) -> None:
        if b'"fingerprint"' not in line and self._search is not None:
            # Most lines: a trial that was proposed, started or failed.
            return
        body = json.loads(line)
        if body["kind"] != TRIAL_KIND:
            self._search = identity_of(body)
            return
        trial = from_object(body)
        if trial.fingerprint is not None and not (trial.is_confirmation or trial.is_repeat):
            self._trials.setdefault(trial.fingerprint, trial)
