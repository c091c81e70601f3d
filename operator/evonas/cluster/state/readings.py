"""What is known of the output of trials' containers, where a search has their results read there."""

from __future__ import annotations

from dataclasses import dataclass

from evonas.search.trial_progress import Progress
from evonas.search.trial_report import Report


@dataclass(frozen=True)
class Reading:
    """What a pod's container has printed."""

    progress: Progress | None = None
    report: Report | None = None
    """Set once the container has ended and all of its output was read."""
    lost: str = ""
    """Why that will never be so."""

    @property
    def is_whole(self) -> bool:
        """Say whether nothing more is to be expected of it."""
        return self.report is not None or self.lost != ""


NOT_READ = Reading()
