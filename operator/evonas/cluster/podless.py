"""Why a Job has no pod: its controller says so in events only (a full quota, a policy that refuses the pod).

Asked rarely, and for the oldest such Job of a search only, since it costs a call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evonas.cluster.api import Api
from evonas.cluster.records import JobRecord
from evonas.cluster.refusals import judge_refusal
from evonas.cluster.resources import EVENTS
from evonas.cluster.store import Children
from evonas.search.attempt import AttemptView, QueuedReason
from evonas.search.status import Blockage

PATIENCE = timedelta(seconds=5)
"""How long a Job may be without a pod before anybody asks why."""
ASK_AGAIN = timedelta(seconds=15)


@dataclass(frozen=True)
class _Answer:
    job_uid: str
    asked: float
    blockage: Blockage | None


class PodlessJobs:
    """Remembers the last answer about one search's Jobs."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._answer: _Answer | None = None

    async def explain(
        self, children: Children, views: Mapping[int, AttemptView], now: datetime
    ) -> dict[int, AttemptView]:
        """Return the views, the oldest one whose Job has no pod with the reason for it, and when to ask again."""
        explained = dict(views)
        index = min((index for index, view in views.items() if _is_podless(view)), default=None)
        job = None if index is None else children.jobs.get((index, views[index].number))
        if index is None or job is None:
            self._answer = None
            return explained
        ripe = job.created + PATIENCE
        if now < ripe:
            return explained | {index: replace(views[index], deadline=ripe)}
        answer = self._answer
        if answer is None or answer.job_uid != job.uid or time.monotonic() - answer.asked >= ASK_AGAIN.total_seconds():
            answer = _Answer(job.uid, time.monotonic(), await self._ask(job))
            self._answer = answer
        view = replace(views[index], deadline=now + ASK_AGAIN)
        if answer.blockage is not None:
            view = replace(view, reason=answer.blockage.reason, message=answer.blockage.message)
        return explained | {index: view}

    async def _ask(self, job: JobRecord) -> Blockage | None:
        selector = f"involvedObject.uid={job.uid},reason=FailedCreate"
        messages: list[tuple[str, str]] = []
        async for events, _ in self._api.list(EVENTS, job.namespace, field_selector=selector):
            messages += [(event.get("lastTimestamp") or "", event.get("message", "")) for event in events]
        return judge_refusal(max(messages)[1]) if messages else None


def _is_podless(view: AttemptView) -> bool:
    return view.reason is QueuedReason.STARTING and view.pod is None
