"""The streams: kopf watches the four kinds and hands every event to the store. The only module that imports kopf.

Handlers only put records into the store, which can neither fail nor wait: kopf swallows errors of ``on.event`` for
good. Everything that matters happens in the queue (``cluster.queue``, ``cluster.reconcile``).
"""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import kopf

from evonas.cluster.connection import Connection
from evonas.cluster.echo import Echoes
from evonas.cluster.records import read_job, read_pod, read_search, read_trial
from evonas.cluster.resources import JOBS, PODS, SEARCHES, TRIALS, Resource
from evonas.cluster.resync import SELECTOR, R, read_or_skip
from evonas.cluster.store import Store
from evonas.parts import stop_on_signals
from evonas.search.names import PREFIX

LIST_PAGE = 500
REQUEST_SECONDS, CONNECT_SECONDS = 30, 10
TOKEN_MINUTES = 5
"""Service account tokens rotate; kopf would re-read them only after a 401."""


class _NoEssence(kopf.DiffBaseStorage):
    """Remembers nothing: our handlers need no diff, and computing one per event costs half of kopf's time."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        return None


async def run_streams(
    connection: Connection,
    store: Store,
    echoes: Echoes,
    namespaces: Sequence[str],
    stop: asyncio.Event,
    started: asyncio.Event,
) -> None:
    """Watch until cancelled or a stream dies for good; no namespaces means all of them.

    ``started`` is set when kopf is up. It does not tell when a stream has listed, nor when it last heard anything.
    """
    before = asyncio.all_tasks()
    registry = kopf.OperatorRegistry()
    settings = kopf.OperatorSettings()
    _configure(settings)
    _register_login(registry, connection)
    _register(registry, echoes, SEARCHES, read_search, store.put_search, lambda record: store.drop_search(record.uid))
    _register(registry, echoes, TRIALS, read_trial, store.put_trial, store.drop_trial)
    _register(registry, echoes, JOBS, read_job, store.put_job, store.drop_job)
    _register(registry, echoes, PODS, read_pod, store.put_pod, store.drop_pod)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        standalone=True,
        # kopf's default asks for the user's name, and a container's numeric user has none.
        identity=cast(Any, platform.node()),
        ready_flag=started,
    )
    # kopf has taken the signals for itself. Stopped by them, it would wait five seconds for every task of the loop, our
    # own workers too; cancelled, it ends at once.
    stop_on_signals(stop)
    await kopf.run_tasks(tasks, ignored=before)


def _configure(settings: kopf.OperatorSettings) -> None:
    for resource in (TRIALS, JOBS, PODS):
        settings.watching.label_selectors[resource.group, resource.version, resource.plural] = SELECTOR
    settings.watching.chunk_size = LIST_PAGE
    settings.queueing.idle_timeout = 1
    settings.queueing.exit_timeout = 0
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = CONNECT_SECONDS
    settings.persistence.finalizer = f"{PREFIX}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=f"kopf.{PREFIX}")
    settings.persistence.diffbase_storage = _NoEssence()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.execution.max_workers = 2


def _register(
    registry: kopf.OperatorRegistry,
    echoes: Echoes,
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
            echoes.heard(resource, record)


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
