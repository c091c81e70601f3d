"""Reads the output of trials' containers into the store, for searches whose results are in it.

Beside the passes, which only say what is to be read: the end of an attempt waits for its output, a pass never does.
Each container that has ended well is read once from the beginning of what the kubelet keeps. One that runs is followed
only if its values on the way matter, by one request as long as it runs; whatever was missed there, a last line or a
broken connection, is read at the end, since reading again changes nothing (``search.log_reading``). So nothing here
needs to survive a restart either: the Job, and with it the log, stays until the result is recorded.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from evonas.cluster.client.api import Api, ApiError, NotFound
from evonas.cluster.client.backoff import pause
from evonas.cluster.control.log_rights import FORBIDDEN, LogRights
from evonas.cluster.state.as_made import as_made
from evonas.cluster.state.attempt_views import find_workload
from evonas.cluster.state.crowd import telling_pods
from evonas.cluster.state.endings import is_to_be_read
from evonas.cluster.state.readings import NOT_READ, Reading
from evonas.cluster.state.records import PodRecord
from evonas.cluster.state.store import Store
from evonas.search.log_reading import LogReading, Wanted, to_report
from evonas.search.wanted import wanted_of
from evonas.spec import SearchSpec

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""Ended containers that are read at once."""
FOLLOWED = 512
"""Containers that are followed at once; of any more, values on the way are known when they have ended."""
PATIENCE = 600.0
"""Seconds for which a log that cannot be read, on a node out of reach, say, is waited for."""
_NONE_KEPT = "unable to retrieve container logs for "
"""How a kubelet says, with code 200, that a log is gone."""


@dataclass
class _Open:
    """A pod whose output is being read."""

    search_uid: str
    wanted: Wanted
    reading: LogReading
    task: asyncio.Task[None] = field(init=False)
    ended: bool = False
    """Whether its container had ended when the task began."""


class LogReaders:
    """All that is being read."""

    def __init__(self, api: Api, store: Store, rights: LogRights) -> None:
        self._api = api
        self._store = store
        self._rights = rights
        self._open: dict[str, _Open] = {}
        """By the pod's UID."""
        self._places = asyncio.Semaphore(AT_ONCE)

    def keep_up(self, search_uid: str, spec: SearchSpec) -> None:
        """Begin to read what is to be read of a search's pods now, and stop what is not any more."""
        wanted = wanted_of(spec)
        due = {} if wanted is None else dict(self._due(search_uid, spec))
        for uid in [uid for uid, item in self._open.items() if item.search_uid == search_uid and uid not in due]:
            self._open.pop(uid).task.cancel()
        for uid, (pod, container, ended) in due.items():
            assert wanted is not None
            known = self._open.get(uid)
            if known is not None and known.wanted == wanted and (known.ended or not ended):
                continue
            if known is not None:
                known.task.cancel()
            elif not ended and len(self._open) >= FOLLOWED:
                continue
            kept = known.reading if known is not None and known.wanted == wanted else LogReading(wanted)
            item = self._open[uid] = _Open(search_uid, wanted, kept, ended=ended)
            work = (self._read_to_end if ended else self._follow)(pod, container, item)
            item.task = asyncio.create_task(self._report_bugs(pod, work))

    def forget(self, search_uid: str) -> None:
        """Stop reading for a search."""
        for uid in [uid for uid, item in self._open.items() if item.search_uid == search_uid]:
            self._open.pop(uid).task.cancel()

    def _due(self, search_uid: str, spec: SearchSpec) -> Iterator[tuple[str, tuple[PodRecord, str, bool]]]:
        """Yield the pods to read, by UID, which of their containers, and whether that has ended."""
        children = self._store.children(search_uid)
        matters = spec.fidelity is not None and not spec.fidelity.pauses
        follows = matters or (spec.trial.report is not None and spec.trial.report.keeps_best)
        for index, trial in children.table.unfinished.items():
            job = find_workload(children, trial)
            if job is None or job.attempt != trial.current_attempt:
                continue
            made = as_made(spec.trial, job)
            for pod, container in telling_pods(made, children.pods.get((index, job.attempt), {}).values()):
                uid, state = pod.uid, pod.containers.get(container)
                runs = state is not None and state.started is not None and state.exit_code is None
                if is_to_be_read(made, pod, container):
                    if not children.readings.get(uid, NOT_READ).is_whole:
                        yield uid, (pod, container, True)
                elif follows and runs and not pod.is_deleted:
                    yield uid, (pod, container, False)

    async def _follow(self, pod: PodRecord, container: str, item: _Open) -> None:
        """Read while the container runs; its end, or that of the trial, cancels this."""
        failures = 0
        shown = len(item.reading.rungs)
        while True:
            item.reading.begin_again()
            error: ApiError | None = None
            try:
                async for chunk in self._api.log(pod.namespace, pod.name, container, follow=True):
                    item.reading.feed(chunk)
                    # Each makes the search plan again, which a step between two rungs is no reason for.
                    if len(item.reading.rungs) > shown:
                        shown = len(item.reading.rungs)
                        self._store.put_reading(pod, Reading(item.reading.printed.progress))
                    # However much there is to read, others have their turns.
                    await asyncio.sleep(0)
            except ApiError as failed:
                error = failed
                self._note(pod, error)
            failures += 1
            await asyncio.sleep(pause(failures, *([] if error is None else [error])))

    async def _read_to_end(self, pod: PodRecord, container: str, item: _Open) -> None:
        """Read what an ended container has printed, as soon as that can be read."""
        failures, began = 0, time.monotonic()
        while True:
            try:
                async with self._places:
                    item.reading.begin_again()
                    async for chunk in self._api.log(pod.namespace, pod.name, container, follow=False):
                        item.reading.feed(chunk)
                        await asyncio.sleep(0)
            except NotFound as error:
                self._lose(pod, f"its pod was gone before its output was read: {error.message}")
                return
            except ApiError as error:
                failures += 1
                self._note(pod, error)
                if error.code != FORBIDDEN and time.monotonic() - began > PATIENCE:
                    self._lose(pod, f"its output could not be read for {PATIENCE:.0f} s: {error.message}")
                    return
                await asyncio.sleep(pause(failures, error))
                continue
            item.reading.end()
            printed = item.reading.printed
            if printed.lines == 1 and printed.last_line.startswith(_NONE_KEPT):
                self._lose(pod, f"its output is gone: {printed.last_line}")
            else:
                self._store.put_reading(pod, Reading(printed.progress, to_report(item.wanted, printed)))
            return

    def _lose(self, pod: PodRecord, why: str) -> None:
        self._store.put_reading(pod, Reading(lost=why))

    def _note(self, pod: PodRecord, error: ApiError) -> None:
        if error.code == FORBIDDEN and self._rights.forget(pod.namespace):
            # The search says so.
            self._store.mark_changed(pod.search_uid)
        logger.warning("%s/%s: its log cannot be read: %s", pod.namespace, pod.name, error)

    async def _report_bugs(self, pod: PodRecord, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            self._open.pop(pod.uid, None)
            logger.exception("%s/%s: its log was not read", pod.namespace, pod.name)
