"""Why a Job has no pod: its controller reports that only in events (a full quota, a policy that refuses the pod).

Checked rarely, and only for a search's oldest such Job, since it costs a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import EVENTS
from evonas.cluster.control.refusals import judge_refusal
from evonas.cluster.state.records import WorkloadRecord
from evonas.cluster.state.store import Children
from evonas.search.attempt import AttemptView, QueuedReason
from evonas.search.status import Blockage

PATIENCE = timedelta(seconds=5)
"""How long a Job may be without a pod before we look for the reason."""
ASK_AGAIN = timedelta(seconds=15)


@dataclass(frozen=True)
class Answer:
    """What was found for one Job."""

    job_uid: str
    asked: datetime
    blockage: Blockage | None

    def holds(self, job: WorkloadRecord, now: datetime) -> bool:
        """Say whether that Job need not be checked yet."""
        return self.job_uid == job.uid and self.asked <= now < self.asked + ASK_AGAIN


class PendingReasons:
    """Remembers the last answer about one search's Jobs."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._answer: Answer | None = None

    async def explain(
        self, children: Children, views: Mapping[int, AttemptView], now: datetime
    ) -> dict[int, AttemptView]:
        """Return the views, with the reason in the oldest one whose Job has no pod, and when to ask again."""
        job = find_podless(children, views)
        if job is None:
            self._answer = None
            return dict(views)
        if is_patient(job, now):
            return {**views, job.index: replace(views[job.index], deadline=job.created + PATIENCE)}
        if self._answer is None or not self._answer.holds(job, now):
            self._answer = Answer(job.uid, now, await self._ask(job))
        return {**views, job.index: explain_view(views[job.index], self._answer, now)}

    async def _ask(self, job: WorkloadRecord) -> Blockage | None:
        selector = f"involvedObject.uid={job.uid},reason=FailedCreate"
        messages: list[tuple[str, str]] = []
        async for events, _ in self._api.list(EVENTS, job.namespace, field_selector=selector):
            messages += [(event.get("lastTimestamp") or "", event.get("message", "")) for event in events]
        return judge_refusal(max(messages)[1]) if messages else None


def find_podless(children: Children, views: Mapping[int, AttemptView]) -> WorkloadRecord | None:
    """Return the Job of the oldest trial whose attempt is starting and has no pod."""
    waiting = (index for index, view in views.items() if view.reason is QueuedReason.STARTING and view.pod is None)
    index = min(waiting, default=None)
    return None if index is None else children.workloads.get((index, views[index].number))


def is_patient(job: WorkloadRecord, now: datetime) -> bool:
    """Say whether it is too early to ask: most Jobs get their pod within moments."""
    return now < job.created + PATIENCE


def explain_view(view: AttemptView, answer: Answer, now: datetime) -> AttemptView:
    """Return the view with the reason found, if any, and when to ask again."""
    view = replace(view, deadline=now + ASK_AGAIN)
    if answer.blockage is None:
        return view
    return replace(view, reason=answer.blockage.reason, message=answer.blockage.message)
