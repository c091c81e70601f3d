"""What an agent may know from earlier searches before its first proposal. Pure; ``recorded.knowledge`` gathers it.

Earlier searches may have other decisions, other values and rewards of another unit. What counts are decisions of the
same name, values that both searches have, and ranks within a search.
"""

from __future__ import annotations

from dataclasses import dataclass

from evonas.space import Choices


@dataclass(frozen=True)
class EarlierTask:
    """The results of one earlier search, in terms of this one's space."""

    source: str
    """Where they are from, as people call it."""
    decisions: tuple[str, ...]
    """Names of the decisions that both searches have, in the order of this search's space; at least one."""
    candidates: tuple[Choices, ...]
    """[results]: for each of these decisions an index into its values here, or INACTIVE; all different."""
    scores: tuple[float, ...]
    """[results]: what they were worth, larger is better, in normal scores of all results of the earlier search."""


@dataclass(frozen=True)
class Experience:
    """All that is known from earlier searches."""

    tasks: tuple[EarlierTask, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tasks)


NO_EXPERIENCE = Experience()
