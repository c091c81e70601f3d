"""What is missing from the files of a stopped run: they are read as far as possible, but not taken for complete."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from evonas.local.journal import JOURNAL_FILE
from evonas.local.locks import is_locked
from evonas.local.requests.enqueued import ENQUEUED_FILE
from evonas.local.requests.lines import torn_line
from evonas.local.requests.pinned import PINNED_FILE
from evonas.local.requests.vetoed import VETOED_FILE

_INDEX = re.compile(rb'"index": (\d+)\b')


def find_damage(folder: Path, recorded: Collection[int], torn: bytes) -> list[str]:
    """Return what is missing, one sentence each; ``torn`` is the journal's torn line, ``recorded`` are its trials.

    Trials that have a folder were recorded before it was created. A line that is being appended is not torn.
    """
    found = []
    path = folder / JOURNAL_FILE
    mentioned = {int(index) for index in _INDEX.findall(torn)[:1]}
    started = {int(trial.name) for trial in (folder / "trials").glob("*") if trial.name.isdecimal()}
    missing = (mentioned | started).difference(recorded)
    if torn:
        found.append(f"{path}: the last line is torn; {_at_least(missing, mentioned)}")
    elif missing:
        found.append(f"{path}: the end is missing; {_at_least(missing, mentioned)}")
    for name in (ENQUEUED_FILE, PINNED_FILE, VETOED_FILE):
        if torn_line(folder / name) and not is_locked(folder / name):
            found.append(f"{folder / name}: the last line is torn and does not count; give that command again")
    return found


def _at_least(missing: Collection[int], mentioned: Collection[int]) -> str:
    if len(missing) == 1:
        return f"at least trial {min(missing)} is missing"
    if missing:
        return f"at least {len(missing)} trials are missing, the first of which is trial {min(missing)}"
    trial = "".join(f" of trial {index}" for index in mentioned)
    return f"at least one record{trial} is missing, and no trial that is known of"
