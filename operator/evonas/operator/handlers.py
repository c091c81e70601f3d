"""The streams: kopf watches the four kinds and passes every event to the store. The only module that imports kopf.

Handlers only put records into the store, which can neither fail nor wait: kopf swallows errors of ``on.event`` for
good. Everything that matters happens in the queue (``cluster.control.queue``, ``cluster.control.reconcile``).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import platform
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn, cast

import aiohttp
import kopf

from evonas.cluster.client.backoff import ALL_WAIT, pause
from evonas.cluster.client.connection import Connection
from evonas.cluster.client.resources import JOBS, PODS, SEARCHES, TRIALS, Resource
from evonas.cluster.state.objects import read_or_skip, read_pod, read_search, read_trial, read_workload
from evonas.cluster.state.records import R
from evonas.cluster.state.store import Store
from evonas.cluster.state.watch_lag import WatchLag
from evonas.operator.tasks import stop_on_signals
from evonas.search.names import MANAGED_BY_SELECTOR, PREFIX

LIST_PAGE = 500
REQUEST_SECONDS, CONNECT_SECONDS = 30, 10
KOPF = str(Path(kopf.__file__).parent)
TOKEN_MINUTES = 5
"""Service account tokens rotate, and kopf would re-read them only after a 401."""


class StreamsLost(Exception):
    """kopf has given up: ``run_streams`` may be called again."""

    def __init__(self, errors: Sequence[BaseException]) -> None:
        super().__init__("; ".join(f"{type(error).__name__}: {error}" for error in errors) or "kopf ended")
        self.bug = next((error for error in errors if not _is_of_the_network(error)), None)
        """What no answer of the API server explains."""


def _is_of_the_network(error: BaseException) -> bool:
    # kopf's own errors, which it does not show, are raised from the client's.
    expected = (aiohttp.ClientError, TimeoutError, kopf.LoginError)
    return isinstance(error, expected) or isinstance(error.__cause__, aiohttp.ClientError)


class _NoEssence(kopf.DiffBaseStorage):
    """Remembers nothing: our handlers need no diff, and computing one per event costs half of kopf's time."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _Backoffs:
    """kopf dies of a call that fails once more than it is given pauses: these have no end."""

    def __iter__(self) -> Iterator[float]:
        return (pause(failures, longest=ALL_WAIT) for failures in itertools.count(1))


async def run_streams(
    connection: Connection,
    store: Store,
    watch_lag: WatchLag,
    namespaces: Sequence[str],
    stop: asyncio.Event,
    started: asyncio.Event,
    workloads: Sequence[Resource] = (),
) -> NoReturn:
    """Watch until cancelled, or StreamsLost; no namespaces means all of them. ``workloads`` are kinds beside Jobs.

    ``started`` is set once kopf is up. It does not show whether a stream has listed, or when it last received anything.
    """
    registry = kopf.OperatorRegistry()
    settings = kopf.OperatorSettings()
    _configure(settings, (TRIALS, JOBS, *workloads, PODS))
    _register_login(registry, connection)
    _register(
        registry, watch_lag, SEARCHES, read_search, store.put_search, lambda record: store.drop_search(record.uid)
    )
    _register(registry, watch_lag, TRIALS, read_trial, store.put_trial, store.drop_trial)
    for resource in (JOBS, *workloads):
        _register(registry, watch_lag, resource, read_workload, store.put_workload, store.drop_workload)
    _register(registry, watch_lag, PODS, read_pod, store.put_pod, store.drop_pod)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # They trace every error that ends a task; whoever called us does, where it is a bug.
    for module in ("orchestration", "running"):
        logging.getLogger(f"kopf._core.reactor.{module}").setLevel(logging.CRITICAL)
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        standalone=True,
        # kopf's default looks up the user's name, and a container's numeric user has none.
        identity=cast(Any, platform.node()),
        ready_flag=started,
    )
    # kopf has taken the signals for itself.
    stop_on_signals(stop)
    # Not `kopf.run_tasks`: at the end it waits five seconds for every task of the loop, and then cancels them, our own
    # workers too.
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel(tasks)
        # A stream that failed has left the others running.
        await _cancel([task for task in asyncio.all_tasks() if _is_of_a_stream(task)])
    raise StreamsLost([error for task in tasks if not task.cancelled() and (error := task.exception()) is not None])


async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _is_of_a_stream(task: asyncio.Task[Any]) -> bool:
    # What each has begun ends with it, and would hang were it cancelled by itself.
    code: CodeType | None = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(KOPF) and task.get_name().startswith("watcher for ")


def _configure(settings: kopf.OperatorSettings, ours: Sequence[Resource]) -> None:
    for resource in ours:
        settings.watching.label_selectors[resource.group, resource.version, resource.plural] = MANAGED_BY_SELECTOR
    settings.watching.chunk_size = LIST_PAGE
    settings.queueing.idle_timeout = 1
    settings.queueing.exit_timeout = 0
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = CONNECT_SECONDS
    settings.networking.error_backoffs = _Backoffs()
    # Streams that end are begun again, and kopf would take the first end for that of the process.
    settings.process.ultimate_exiting_timeout = None
    settings.persistence.finalizer = f"{PREFIX}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=f"kopf.{PREFIX}")
    settings.persistence.diffbase_storage = _NoEssence()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.execution.max_workers = 2


def _register(
    registry: kopf.OperatorRegistry,
    watch_lag: WatchLag,
    resource: Resource,
    read: Callable[[Mapping[str, Any]], R],
    put: Callable[[R], None],
    drop: Callable[[R], None],
) -> None:
    @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry, id=resource.plural)
    async def take_in(event: kopf.RawEvent, **_: Any) -> None:
        record = read_or_skip(read, event["object"])
        if record is not None:
            (drop if event["type"] == "DELETED" else put)(record)
            watch_lag.heard(resource, record)


def _register_login(registry: kopf.OperatorRegistry, connection: Connection) -> None:
    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        configuration = connection.configuration
        token = await connection.token()
        return kopf.ConnectionInfo(
            server=connection.server,
            ca_path=configuration.ssl_ca_cert,
            insecure=not configuration.verify_ssl,
            scheme=None if token is None else "Bearer",
            token=token,
            certificate_path=configuration.cert_file,
            private_key_path=configuration.key_file,
            expiration=None if token is None else datetime.now(UTC) + timedelta(minutes=TOKEN_MINUTES),
        )
