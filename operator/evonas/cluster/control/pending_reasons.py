"""Why a Job or workload has not all of its pods: its controllers report that only in events.

A Job's controller tells of a full quota, or of a policy that refuses the pod, in events of that Job; what makes Jobs or
pods of a workload, in events of those, whose names begin with the workload's; Kueue, of what it waits for, in those of
its own object for either. Checked rarely, and only for a search's oldest such attempt, since it costs a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import EVENTS, WORKLOADS
from evonas.cluster.control.refusals import judge_refusal
from evonas.cluster.state.records import WorkloadRecord
from evonas.cluster.state.store import Children
from evonas.search.attempt import AttemptView, QueuedReason
from evonas.search.status import Blockage

PATIENCE = timedelta(seconds=5)
"""How long a Job may be without a pod before we look for the reason."""
ASK_AGAIN = timedelta(seconds=15)
ASK_QUEUE_AGAIN = timedelta(seconds=60)
"""Many searches may wait in a queue for long."""
_WAITING = (QueuedReason.STARTING, QueuedReason.DISRUPTED)
_PENDING = "Pending"
"""Kueue's reason of an event that tells why it does not admit something yet."""


@dataclass(frozen=True)
class Answer:
    """What was found for one Job or workload."""

    job_uid: str
    asked: datetime
    blockage: Blockage | None
    again: timedelta = ASK_AGAIN
    """How long that is good enough."""

    def holds(self, job: WorkloadRecord, now: datetime) -> bool:
        """Say whether that one need not be checked yet."""
        return self.job_uid == job.uid and self.asked <= now < self.asked + self.again


class PendingReasons:
    """Remembers the last answer about one search's Jobs."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._answer: Answer | None = None

    async def explain(
        self, children: Children, views: Mapping[int, AttemptView], now: datetime
    ) -> dict[int, AttemptView]:
        """Return the views, with the reason in the oldest one whose pods are not all there, and when to ask again."""
        job = find_podless(children, views)
        if job is None:
            self._answer = None
            return dict(views)
        if is_patient(job, now):
            return {**views, job.index: _until(views[job.index], job.created + PATIENCE)}
        if self._answer is None or not self._answer.holds(job, now):
            again = ASK_QUEUE_AGAIN if job.suspended else ASK_AGAIN
            self._answer = Answer(job.uid, now, await self._ask(job), again)
        return {**views, job.index: explain_view(views[job.index], self._answer, now)}

    async def _ask(self, job: WorkloadRecord) -> Blockage | None:
        if job.suspended:
            said = await self._last(job, f"involvedObject.kind=Workload,reason={_PENDING}")
            return None if said is None else Blockage(QueuedReason.QUEUED, f"{job.suspension}: {said}")
        own = f"involvedObject.uid={job.uid},reason=FailedCreate"
        said = await self._last(job, "type=Warning" if job.kind in WORKLOADS else own)
        return None if said is None else judge_refusal(said)

    async def _last(self, job: WorkloadRecord, selector: str) -> str | None:
        """Return what the last of the events said that are about a Job or workload, or what was made of it."""
        found: list[dict[str, Any]] = []
        async for events, _ in self._api.list(EVENTS, job.namespace, field_selector=selector):
            found += [event for event in events if is_about(job, event)]
        return last_message(found)


def find_podless(children: Children, views: Mapping[int, AttemptView]) -> WorkloadRecord | None:
    """Return the Job or workload of the oldest trial whose attempt waits for pods that are not there, or a queue."""
    waiting = (
        job
        for index, view in sorted(views.items())
        if view.lacks_pods and (job := children.workloads.get((index, view.number))) is not None
        if view.reason in _WAITING or (view.reason is QueuedReason.QUEUED and job.suspended and job.queue)
    )
    return next(waiting, None)


def is_patient(job: WorkloadRecord, now: datetime) -> bool:
    """Say whether it is too early to ask: most Jobs get their pod within moments."""
    return now < job.created + PATIENCE


def is_about(job: WorkloadRecord, event: Mapping[str, Any]) -> bool:
    """Say whether an event tells why a Job or workload has no pods, as far as its selector has left that open."""
    about, reason = event["involvedObject"], event.get("reason", "")
    if reason == _PENDING:
        # Kueue calls its object by the kind, the name and a hash.
        return f"-{job.name}-" in about.get("name", "")
    if job.kind not in WORKLOADS:
        return True
    name = about.get("name", "")
    return (name == job.name or name.startswith(f"{job.name}-")) and "Fail" in reason and "Creat" in reason


def explain_view(view: AttemptView, answer: Answer, now: datetime) -> AttemptView:
    """Return the view with the reason found, if any, and when to ask again."""
    view = _until(view, now + answer.again)
    if answer.blockage is None:
        return view
    return replace(view, reason=answer.blockage.reason, message=answer.blockage.message)


def _until(view: AttemptView, moment: datetime) -> AttemptView:
    """Return the view to be looked at again at that moment, or before if that is due before."""
    return replace(view, deadline=moment if view.deadline is None else min(view.deadline, moment))


def last_message(events: Iterable[Mapping[str, Any]]) -> str | None:
    """Return what the event said that was written last; None without one."""
    # Their times are whole seconds, and one kind of refusal may follow another within one.
    last = max(events, key=lambda event: int(event["metadata"]["resourceVersion"]), default=None)
    return None if last is None else last.get("message", "")
