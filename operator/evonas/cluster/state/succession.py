"""Which of the pods that an engine made one after another is the later one. Pure; the views of attempts ask this.

Kubernetes keeps whole seconds of when an object was created, and a pod may be replaced within one, as when a Job is
suspended and goes on at once. Then what became of them tells: the one that has left, or is leaving, made room for the
other, and none is made after one that has ended well.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum

from evonas.cluster.state.records import NEVER, PodRecord

Succession = tuple[datetime, int, datetime, str]
"""What sorts pods from the first to the last."""


class _Fate(IntEnum):
    """What became of a pod, from what makes it the former to what makes it the latter."""

    GONE = 0
    LEAVING = 1
    LOST = 2
    THERE = 3
    ENDED_WELL = 4


def succession_of(pod: PodRecord, container: str) -> Succession:
    """Return what sorts an attempt's pods by when they were made; ``container`` is the one whose end counts."""
    return pod.created, _fate_of(pod, container), pod.gone_at or NEVER, pod.name


def latest(pods: Iterable[tuple[PodRecord, str]]) -> tuple[PodRecord | None, str]:
    """Return the last of the pods that was made, each given with a container of it; none of none."""
    return max(pods, key=lambda each: succession_of(*each), default=(None, ""))


def _fate_of(pod: PodRecord, container: str) -> _Fate:
    state = pod.containers.get(container)
    if pod.is_deleted:
        return _Fate.GONE if pod.gone else _Fate.LEAVING
    if state is not None and state.exit_code == 0:
        return _Fate.ENDED_WELL
    return _Fate.LOST if pod.disrupted is not None or pod.is_over(container) else _Fate.THERE
