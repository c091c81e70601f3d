"""The one way in which journals are read: line by line, and on from there when they have grown.

``read_journal`` reads one to its end; whoever keeps a reader reads only what has been appended since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from evonas.errors import EvonasError
from evonas.local.appended import AppendedLines
from evonas.recorded.knowledge_record import KIND as KNOWLEDGE_KIND
from evonas.recorded.knowledge_record import Knowledge
from evonas.search.codec import TRIAL_KIND, from_object
from evonas.search.trial import Trial


class JournalReader:
    """Reads the journal at ``path``.

    ``on_trial`` is called with each state of a trial, in order; ``on_restart`` before all of them are told again,
    because the file was replaced.
    """

    def __init__(
        self,
        path: Path,
        on_trial: Callable[[Trial], object],
        on_restart: Callable[[], object] = lambda: None,
    ) -> None:
        self._path = path
        self._lines = AppendedLines(path)
        self._on_trial = on_trial
        self._on_restart = on_restart
        self._epoch = 0
        self._damage: EvonasError | None = None
        self.search: Mapping[str, Any] | None = None
        """The ArchitectureSearch; None if no line has told of it yet."""
        self.knowledge: Knowledge | None = None
        """What the agent knew from earlier searches; None if nothing was gathered."""

    @property
    def is_empty(self) -> bool:
        """Say whether no complete line has been read."""
        return not self._lines.count

    @property
    def has_news(self) -> bool:
        """Say whether the file has changed since it was last read; OSError if there is none."""
        return self._lines.has_news

    def read_on(self) -> None:
        """Read what was appended; EvonasError if the file cannot be read or, each time, is damaged or no search's."""
        try:
            if self._damage is not None and not self._lines.has_news:
                raise self._damage.with_traceback(None)
            self._damage = None
            with closing(self._lines.read_on()) as lines:
                for number, line in lines:
                    self._restart_if_replaced()
                    self._take_in(number, line)
            self._restart_if_replaced()
            if self.search is None and not self.is_empty:
                raise EvonasError(f"{self._path} holds no search; it is not a journal of `evonas run`")
        except OSError as error:
            raise EvonasError(f"cannot read {self._path}: {error.strerror}") from error
        except EvonasError as error:
            self._damage = error
            raise

    def torn(self) -> bytes:
        """Return what follows the last complete line; empty if there is nothing."""
        return self._lines.torn()

    def _restart_if_replaced(self) -> None:
        if self._epoch != self._lines.epoch:
            self._epoch = self._lines.epoch
            self.search = self.knowledge = None
            self._on_restart()

    def _take_in(self, number: int, line: bytes) -> None:
        try:
            body = json.loads(line)
            if body["kind"] == TRIAL_KIND:
                self._on_trial(from_object(body))
            elif body["kind"] == KNOWLEDGE_KIND:
                self.knowledge = Knowledge.from_object(body, f"{self._path}, line {number}")
            else:
                self.search = body
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            cure = "restore the file from a copy, or delete its folder to start afresh"
            raise EvonasError(f"{self._path}, line {number} is damaged ({error!r}); {cure}") from error
