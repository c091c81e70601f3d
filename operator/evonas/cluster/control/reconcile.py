"""One pass over one search: gather, plan, write (docs/architecture.md, invariants 3 and 5).

Level-triggered: a pass may start after any crash, lost event or foreign change and continues from what is recorded.
What is remembered between passes is in ``search_state``, what users see in ``publish``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from evonas.cluster.client.api import Api, Refused
from evonas.cluster.control.acceptance import Acceptance
from evonas.cluster.control.account import TrialAccounts
from evonas.cluster.control.engines import Engines
from evonas.cluster.control.events import Events
from evonas.cluster.control.executor import Executor, ForeignObject
from evonas.cluster.control.freed_memory import give_back_freed_memory
from evonas.cluster.control.knowledge import KnowledgeOfSearch
from evonas.cluster.control.log_readers import LogReaders
from evonas.cluster.control.log_rights import LogRights
from evonas.cluster.control.pending_reasons import PendingReasons
from evonas.cluster.control.publish import Publisher
from evonas.cluster.control.refusals import MENDED_INTERVAL, Refusal, judge_errors, judge_refusal
from evonas.cluster.control.search_state import SearchState
from evonas.cluster.control.together import Together, causes_of, finish_all
from evonas.cluster.state.attempt_views import (
    awaits,
    find_expired,
    find_expiry,
    find_leaving,
    find_overdue,
    find_releases,
    view_attempts,
)
from evonas.cluster.state.records import SearchRecord, TrialRecord
from evonas.cluster.state.refresh import refresh_pods
from evonas.cluster.state.store import Store
from evonas.cluster.state.warm_start import WarmStart
from evonas.cluster.state.watch_lag import WatchLag
from evonas.errors import EvonasError
from evonas.metrics import (
    AGENT_STEP_SECONDS,
    AGENTS,
    RECONCILE_SECONDS,
    REPORT_TO_RECORD_SECONDS,
    STOP_SECONDS,
    TURNAROUND_SECONDS,
)
from evonas.recorded.knowledge_record import UnusableKnowledge
from evonas.search.attempt import QueuedReason
from evonas.search.codec import from_time
from evonas.search.interventions import read_pins, read_vetoes
from evonas.search.plan import Plan, plan
from evonas.search.reuse import with_known_result
from evonas.search.status import Blockage
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec

logger = logging.getLogger(__name__)

REFUSED_INTERVAL = 10.0
"""Seconds before a Job or trial that the API server refused is submitted again."""


class Reconciler:
    """Advances searches; ``reconcile`` is the queue's work."""

    def __init__(
        self, api: Api, store: Store, watch_lag: WatchLag, engines: Engines, *, create_trial_accounts: bool
    ) -> None:
        self._api = api
        self._engines = engines
        self._store = store
        self._executor = Executor(api, store, watch_lag, engines.fields)
        self._publisher = Publisher(self._executor, Events(api))
        self._accounts = TrialAccounts(api, create=create_trial_accounts)
        self._log_rights = LogRights(api)
        self._log_readers = LogReaders(api, store, self._log_rights)
        self._states: dict[str, SearchState] = {}
        AGENTS.set_function(lambda: sum(state.proposer is not None for state in self._states.values()))

    async def reconcile(self, search_uid: str) -> float | None:
        """Advance one search by a step; returns after how many seconds to look again without an event."""
        search = self._store.searches.get(search_uid)
        if search is None or search.deleting:
            self._forget(search_uid)
            return None
        state = self._state(search)
        had_agent = state.proposer is not None
        with RECONCILE_SECONDS.time():
            pauses = [await self._pass(search, state)]
        trials = len(self._store.children(search_uid).table)
        pauses.append(state.drop_idle_proposer(trials, time.monotonic()))
        if had_agent and state.proposer is None:
            give_back_freed_memory()
        return min((pause for pause in pauses if pause is not None), default=None)

    async def _pass(self, search: SearchRecord, state: SearchState) -> float | None:
        account = await self._accounts.ensure(search.namespace)
        spec = await state.acceptance.examine(search, account)
        if isinstance(spec, Refusal):
            await self._publisher.refuse(search, spec)
            return spec.look_again
        try:
            return await self._advance(search, spec, state, account)
        except* (EvonasError, ForeignObject) as errors:
            # Only people can fix that, and no event will tell us that they have. Other errors are raised.
            refusal = judge_errors(causes_of(errors))
            await self._publisher.refuse(search, refusal)
        return refusal.look_again

    def _state(self, search: SearchRecord) -> SearchState:
        if search.uid not in self._states:
            self._states[search.uid] = SearchState(
                search.namespace,
                search.name,
                acceptance=Acceptance(self._api, self._engines),
                pending_reasons=PendingReasons(self._api),
                warm_start=WarmStart(self._api, self._store),
                knowledge=KnowledgeOfSearch(self._api, self._store, self._executor),
            )
        return self._states[search.uid]

    def _forget(self, search_uid: str) -> None:
        self._log_readers.forget(search_uid)
        state = self._states.pop(search_uid, None)
        if state is not None:
            self._publisher.forget(search_uid, state)

    async def _advance(
        self, search: SearchRecord, spec: SearchSpec, state: SearchState, account: str | None
    ) -> float | None:
        seen = self._store.take_change(search.uid)
        await refresh_pods(self._api, self._store, search.uid, spec)
        found = await state.warm_start.read(search, spec)
        self._log_readers.keep_up(search.uid, spec)
        children = self._store.children(search.uid)
        now = datetime.now(UTC)
        # A consistent snapshot: the store may change while a Job's events are requested.
        finished = state.sum_up(spec.objectives, children.table)
        unfinished = [children.table.unfinished[index] for index in sorted(children.table.unfinished)]
        paused = dict(children.table.paused)
        records = {index: children.trials[index] for index in (*(trial.index for trial in unfinished), *paused)}
        observed = view_attempts(spec, children, now)
        views = await state.pending_reasons.explain(children, observed, now)
        if any(view.reason is QueuedReason.ADMISSION_DENIED for view in views.values()):
            self._accounts.forget(search.namespace)
        gone = self._note_departures(search, state)
        leaving, until_less = state.departures.waited_for(spec.trial.exit_grace, time.monotonic())
        decided = plan(
            spec,
            finished,
            unfinished,
            views,
            created={index: record.created for index, record in records.items()},
            start_time=from_time(search.status.get("startTime")) or now,
            now=now,
            backlog=state.warm_start.backlog(search.uid, spec, found, finished),
            vetoes=read_vetoes(search.annotations),
            paused=paused,
            leaving=leaving,
        )
        outcomes = await self._record_results(decided, records)
        self._note_departures(search, state)
        freed = seen if gone or any(trial.is_run for trial in outcomes) else None
        refusal = await self._find_refusal(search, spec, state, decided)
        if refusal is not None:
            decided = decided.without_new(now + timedelta(seconds=MENDED_INTERVAL))
        refused: Blockage | None = None
        try:
            await finish_all(
                self._begin_new(search, spec, state, decided, account, freed),
                self._import(search, decided.imports),
                self._restart(search, spec, decided, records, account),
                self._release(search, spec),
            )
        except* Refused as errors:
            said = (cause.message for cause in causes_of(errors) if isinstance(cause, Refused))
            first, *others = dict.fromkeys(said)
            refused = judge_refusal(first)
            if others:
                logger.info("%s/%s: also refused: %s", search.namespace, search.name, "; ".join(others))
        await self._publisher.tell_of_outcomes(search, outcomes)
        await self._publisher.tell_of_promotions(search, decided.promotions)
        await self._publisher.tell_of_lost_checkpoints(search, unfinished, decided)
        await self._publisher.warn_of_mistakes(search, spec, state, decided.totals)
        note = "" if found is None else found.note
        if decided.imports and refused is None:
            await self._publisher.tell_of_imports(search, note)
        published = await self._publisher.publish(
            search, spec, state, decided, views, refused=refused, note=note, refusal=refusal
        )
        pauses = [published, until_less]
        if decided.is_over:
            # If its budget grows, the agent is rebuilt from the records.
            state.drop_proposer()
            state.knowledge.forget()
        if decided.wake_at is not None:
            pauses.append(max(0.0, (decided.wake_at - datetime.now(UTC)).total_seconds()))
        pauses.append(REFUSED_INTERVAL if refused is not None else None)
        pauses.append(await self._clean(search, spec, decided))
        return min((pause for pause in pauses if pause is not None), default=None)

    async def _find_refusal(
        self, search: SearchRecord, spec: SearchSpec, state: SearchState, decided: Plan
    ) -> Refusal | None:
        """Have what the agent knows from earlier searches ready before anything new is recorded; returns why nothing
        new may be, while what runs goes on. Where nothing does, that is raised. A result that may not be read is a
        reason, too, and is one as long as anything waits to be read.
        """
        if spec.trial.report is not None and not decided.is_over:
            refusal = await self._log_rights.find_refusal(search.namespace)
            if refusal is not None:
                return refusal
        if decided.limit is not None or spec.suspend:
            return None
        try:
            await state.knowledge.ensure(search, spec)
        except (UnusableKnowledge, ForeignObject) as error:
            if not decided.totals.recorded:
                raise
            return judge_errors([error])
        return None

    def _note_departures(self, search: SearchRecord, state: SearchState) -> bool:
        """Take in what still runs of trials that were cut short; returns whether anything of that has ended."""
        gone = state.departures.note(find_leaving(self._store.children(search.uid)), time.monotonic())
        for seconds in gone:
            STOP_SECONDS.observe(seconds)
        return bool(gone)

    async def _record_results(self, decided: Plan, records: Mapping[int, TrialRecord]) -> list[Trial]:
        """Write the plan's results, and return the trials among them that have ended."""
        results = decided.records[: decided.results]
        for trial in results:
            # One by one, in the order of their sequence: a crash or failure in between must leave no gap in it, or
            # `observedUpTo` would no longer say what a proposal had seen.
            await self._executor.record_outcome(records[trial.index], trial)
            has_result = trial.state.teaches or trial.state is TrialState.PAUSED
            if has_result and trial.completion_time is not None and trial.is_run and not trial.is_cut_short:
                late = (datetime.now(UTC) - trial.completion_time).total_seconds()
                REPORT_TO_RECORD_SECONDS.observe(max(0.0, late))
        return [trial for trial in results if trial.state.is_final]

    async def _restart(
        self,
        search: SearchRecord,
        spec: SearchSpec,
        decided: Plan,
        records: Mapping[int, TrialRecord],
        account: str | None,
    ) -> None:
        """Write the changes of unfinished trials, stop abandoned attempts, then start those that are due.

        ``records`` are the trials that the plan was based on. What the store has learned since is not overwritten.
        """
        children = self._store.children(search.uid)
        unfinished = decided.records[decided.results :]
        await finish_all(*(self._executor.record_outcome(records[trial.index], trial) for trial in unfinished))
        jobs = [children.workloads[key] for key in decided.stops if key in children.workloads]
        await finish_all(*(self._executor.stop(job) for job in jobs if not job.deleting))
        due = [record for index, number in decided.starts if awaits(record := children.trials[index], number)]
        # Another operator may have recorded a result and deleted the Job that outlived it, and the watch of Jobs may
        # show that first. Without this check, a finished trial would be trained again.
        current = await finish_all(*(self._executor.is_current(record) for record in due))
        starts = [record for record, is_current in zip(due, current, strict=True) if is_current]
        await finish_all(*(self._executor.start(search, spec, record, service_account=account) for record in starts))

    async def _release(self, search: SearchRecord, spec: SearchSpec) -> None:
        """Start the time to live of Jobs whose result is recorded."""
        due = find_releases(spec, self._store.children(search.uid))
        await finish_all(*(self._executor.release(job, seconds) for job, seconds in due))

    async def _clean(self, search: SearchRecord, spec: SearchSpec, decided: Plan) -> float | None:
        """Delete what outlives its recorded result or its time to live; returns when to look again."""
        now = datetime.now(UTC)
        children = self._store.children(search.uid)
        overdue, due = find_overdue(spec, children, now)
        expired, expires = find_expired(children, now)
        await finish_all(*(self._executor.stop(job) for job in (*overdue, *expired)))
        expiry = find_expiry(spec, search.status) if decided.is_over else None
        if expiry is not None and expiry <= now:
            logger.info("%s/%s: deleted, its time to live has expired", search.namespace, search.name)
            await self._executor.delete_search(search)
            return None
        return min(
            ((moment - now).total_seconds() for moment in (due, expires, expiry) if moment is not None), default=None
        )

    async def _begin_new(
        self,
        search: SearchRecord,
        spec: SearchSpec,
        state: SearchState,
        decided: Plan,
        account: str | None,
        freed: float | None,
    ) -> None:
        """Record and start new trials, regardless of who chose their candidates; a plan has at most one kind of them.

        ``freed`` is when the trial's end that made room for them was seen, by the monotonic clock.
        """
        begun = await self._propose(search, spec, state, decided, account)
        begun += await self._begin(search, spec, (*decided.listed, *decided.confirmations), account)
        if begun and freed is not None:
            TURNAROUND_SECONDS.observe(time.monotonic() - freed)

    async def _propose(
        self, search: SearchRecord, spec: SearchSpec, state: SearchState, decided: Plan, account: str | None
    ) -> int:
        """Record and start new candidates; returns how many Jobs were created."""
        table = self._store.children(search.uid).table
        # Another operator may have recorded trials since the plan was made: they count towards what it allows.
        count = decided.proposals - (len(table) - decided.totals.recorded)
        if count <= 0:
            return 0
        proposer = state.ensure_proposer(spec, time.monotonic())
        # The store changes while the thread works.
        news = proposer.collect(table, read_pins(search.annotations))
        with AGENT_STEP_SECONDS.time():
            proposed = await asyncio.to_thread(proposer.propose, news, count)
        return await self._begin(search, spec, proposed, account)

    async def _import(self, search: SearchRecord, trials: Sequence[Trial]) -> None:
        """Record imported results, one by one like all trials; the next pass takes them over."""
        for trial in trials:
            await self._executor.record_trial(search, trial)

    async def _begin(self, search: SearchRecord, spec: SearchSpec, trials: Sequence[Trial], account: str | None) -> int:
        """Record new trials and start those without an imported result; returns how many Jobs were created."""
        begun = 0
        find = partial(self._store.find_result, search.namespace)
        async with Together() as starts:
            for trial in trials:
                # One by one: a failure in between must leave no gap in the indexes.
                record = await self._executor.record_trial(search, with_known_result(spec, trial, find))
                # As recorded: another process may have recorded it first, and have run it since.
                if record.trial.is_run and awaits(record, trial.current_attempt):
                    starts.start(self._executor.start(search, spec, record, service_account=account))
                    begun += 1
        return begun
