"""What users see of a search: its status, the events of its transitions and the reading behind its metrics.

Separate from the pass (``reconcile``), which decides and acts: nothing here affects the course of a search.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from evonas.agents import agent_versions
from evonas.cluster.control.announcements import find_announcements, has_flipped
from evonas.cluster.control.events import Events
from evonas.cluster.control.executor import Executor
from evonas.cluster.control.refusals import Refusal
from evonas.cluster.control.search_reading import read_refused, read_search
from evonas.cluster.control.search_state import SearchState
from evonas.cluster.state.records import SearchRecord
from evonas.metrics import TRIAL_SECONDS
from evonas.metrics.searches import READINGS
from evonas.search.attempt import AttemptView
from evonas.search.interventions import find_mistakes
from evonas.search.plan import Plan
from evonas.search.rungs import find_silence
from evonas.search.status import Blockage, refuse, summarise
from evonas.search.totals import Totals
from evonas.search.trial import Trial, TrialState, in_words
from evonas.spec import SearchSpec

logger = logging.getLogger(__name__)

STATUS_INTERVAL = 2.0
"""Minimum seconds between two writes of a search's status, unless a condition changes."""

_TOLD = {TrialState.FAILED: "failed", TrialState.STOPPED: "was stopped"}
"""Outcomes that have an event each, and what it says of the trial."""


class Publisher:
    """Publishes the state of searches."""

    def __init__(self, executor: Executor, events: Events) -> None:
        self._executor = executor
        self._events = events

    async def publish(
        self,
        search: SearchRecord,
        spec: SearchSpec,
        state: SearchState,
        decided: Plan,
        views: Mapping[int, AttemptView],
        *,
        refused: Blockage | None,
        note: str,
        refusal: Refusal | None = None,
    ) -> float | None:
        """Write the status if it has changed and is due; returns after how many seconds to try again. With a
        ``refusal``, the search begins nothing new.
        """
        now = datetime.now(UTC)
        status = summarise(
            search.identity,
            spec,
            decided,
            views,
            refused=refused,
            entropy=None if state.proposer is None else state.proposer.entropy,
            generation=search.generation,
            before=search.status,
            now=now,
            versions=agent_versions(spec.agent.type),
            note=note,
            knowledge=state.knowledge.status,
        )
        if refusal is not None:
            status = _refused(search, refusal, now, status)
        READINGS.show(read_search(search, spec, decided.totals, status, now))
        if status == search.status:
            return None
        return await self._write(search, state, status)

    async def refuse(self, search: SearchRecord, refusal: Refusal) -> None:
        """Publish why a search cannot run; nothing that it has achieved is lost."""
        status = _refused(search, refusal, datetime.now(UTC))
        READINGS.show(read_refused(search, status))
        if status != search.status:
            await self._executor.write_status(search, status)
            logger.info("%s/%s: not accepted: %s", search.namespace, search.name, refusal.message)
            await self._events.post(search, refusal.reason, refusal.message, warning=True)

    async def tell_of_outcomes(self, search: SearchRecord, outcomes: Sequence[Trial]) -> None:
        """Record metrics of the trials that have ended, and post an event for each that has failed or was stopped."""
        for trial in outcomes:
            if trial.seconds is not None:
                TRIAL_SECONDS.observe(trial.seconds)
            if trial.state in _TOLD:
                name = search.identity.trial_name(trial.index)
                why = in_words(trial.reason, trial.message)
                logger.info("%s/%s: %s", search.namespace, name, why)
                said = f"trial {name} {_TOLD[trial.state]}: {why}"
                failed = trial.state is TrialState.FAILED
                await self._events.post(search, f"Trial{trial.state}", said, warning=failed)

    async def tell_of_promotions(self, search: SearchRecord, promotions: Sequence[Trial]) -> None:
        """Post an event for each paused trial that goes on."""
        for trial in promotions:
            said = f"trial {search.identity.trial_name(trial.index)} goes on: {trial.message}"
            await self._events.post(search, "TrialPromoted", said)

    async def tell_of_lost_checkpoints(self, search: SearchRecord, before: Iterable[Trial], after: Plan) -> None:
        """Post an event for each trial whose last attempt did not find the checkpoint that it was to go on from."""
        known = {trial.index: trial.lost_checkpoints for trial in before}
        for trial in after.records:
            if trial.lost_checkpoints > known.get(trial.index, 0):
                last = trial.attempts[-1]
                said = f"attempt {last.number} of trial {search.identity.trial_name(trial.index)}: {last.message}"
                await self._events.post(search, "CheckpointLost", said, warning=True)

    async def tell_of_imports(self, search: SearchRecord, note: str) -> None:
        """Post an event about imported results."""
        await self._events.post(search, "ResultsImported", note)

    async def warn_of_mistakes(
        self, search: SearchRecord, spec: SearchSpec, state: SearchState, totals: Totals
    ) -> None:
        """Post an event for each mistake in the annotations meant for trials, and for rungs at which nothing is
        reported, once as long as the mistake lasts.
        """
        mistakes = dict.fromkeys(find_mistakes(search.annotations, spec.agent.type), "InvalidMark")
        if (silence := find_silence(spec, totals)) is not None:
            mistakes[silence] = "NoRungReached"
        for said, reason in mistakes.items():
            if said not in state.warned:
                await self._events.post(search, reason, said, warning=True)
        state.warned = frozenset(mistakes)

    def forget(self, search_uid: str, state: SearchState) -> None:
        """Remove the metrics of a deleted search."""
        READINGS.forget(state.namespace, state.name, search_uid)

    async def _write(self, search: SearchRecord, state: SearchState, status: Mapping[str, Any]) -> float | None:
        now = time.monotonic()
        if state.status_written is not None and not has_flipped(search.status, status):
            left = STATUS_INTERVAL - (now - state.status_written)
            if left > 0:
                return left
        await self._executor.write_status(search, status)
        state.status_written = time.monotonic()
        for told in find_announcements(search.status, status):
            logger.info("%s/%s: %s: %s", search.namespace, search.name, told.reason, told.message)
            await self._events.post(search, told.reason, told.message, warning=told.warning)
        return None


def _refused(
    search: SearchRecord, refusal: Refusal, now: datetime, achieved: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return refuse(
        refusal.reason,
        refusal.message,
        generation=search.generation,
        before=search.status,
        now=now,
        stalled=refusal.stalled,
        achieved=achieved,
    )
