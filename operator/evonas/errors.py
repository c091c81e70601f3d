"""The errors shown to users: each names the place, the problem and the cure.

Lowest layer: everything may raise these, and only the command line and the search's conditions print them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class EvonasError(Exception):
    """An error whose text is shown to the user as it is, without a traceback."""


@dataclass(frozen=True)
class FieldProblem:
    """One thing wrong with one field of a manifest."""

    field: str
    """Path from the object's root, as in an API server's message: ``spec.searchSpace[2].range.min``."""
    problem: str
    """What is wrong and what would be right, on one line."""

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class InvalidManifest(EvonasError):
    """An invalid manifest; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
