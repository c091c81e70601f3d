"""The share of the exhaustive tier that one run takes: the next one with each commit, so that a week's cover it all.

Which one it is follows from the commit alone and is printed with each run; ``EVONAS_SHARE`` asks for another one by its
number, `make test-exhaustive` for all.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.tier import EXHAUSTIVE

VARIABLE = "EVONAS_SHARE"


@dataclass(frozen=True)
class Share:
    """Whose turn it is."""

    number: int | None
    """None: everything's."""
    told_by: str

    def turns(self, shares: int) -> list[int]:
        """Return which of so many shares are due: one, another with each commit, or all.

        Those of a table are ``table[turn::shares]``.
        """
        return list(range(shares)) if self.number is None else [self.number % shares]

    def __str__(self) -> str:
        number = "all shares" if self.number is None else f"share {self.number}"
        return f"exhaustive tier: {number}, by {self.told_by}"


@cache
def present() -> Share:
    """Return the share of this run."""
    if EXHAUSTIVE:
        return Share(None, "EVONAS_EXHAUSTIVE")
    if asked := os.environ.get(VARIABLE):
        return Share(int(asked), VARIABLE)
    is_shallow = _git("rev-parse", "--is-shallow-repository") == "true"
    return share(commits=_git("rev-list", "--count", "HEAD"), is_shallow=is_shallow, commit=_git("rev-parse", "HEAD"))


def share(*, commits: str = "", is_shallow: bool = False, commit: str = "") -> Share:
    """Decide by how many commits there are, or by the commit's name where a shallow checkout does not know that.

    A checkout without git knows neither, and takes the first share.
    """
    if commit and is_shallow:
        return Share(int(commit[:8], 16), f"commit {commit[:8]}")
    if commits:
        return Share(int(commits), "the number of commits")
    return Share(0, "default, for want of git")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
