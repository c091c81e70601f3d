"""Puts the operator together: probes, election, and the work while it leads; `evonas operator` calls ``serve``."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, NoReturn

from evonas.cluster.client.api import Api
from evonas.cluster.client.connection import Connection, load_connection
from evonas.cluster.leader.canary import Canary
from evonas.cluster.leader.election import Election, LeaseLost
from evonas.metrics import LEADER
from evonas.operator.probes import Probe, serving
from evonas.operator.settings import LeaseSettings, OperatorSettings
from evonas.operator.tasks import stop_on_signals, until_first_ends

if TYPE_CHECKING:
    from evonas.operator.control_loop import ControlLoop

logger = logging.getLogger(__name__)


async def serve(settings: OperatorSettings) -> None:
    """Run the operator until SIGTERM or SIGINT; raises EvonasError if it cannot start."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    connection = await load_connection(settings.kubeconfig, settings.context)
    live, ready = Probe(), Probe()
    async with serving(settings, live=live, ready=ready):
        operator = _Operator(connection, settings, live, ready)
        if settings.lease is None:
            LEADER.set(1)
            async with Api(connection) as api:
                await operator.work(api, stop)
        else:
            await operator.stand_for_election(settings.lease, stop)
    logger.info("stopped")


class _Operator:
    """The life of one process: a standby, then perhaps the leader."""

    def __init__(self, connection: Connection, settings: OperatorSettings, live: Probe, ready: Probe) -> None:
        self._connection = connection
        self._settings = settings
        self._live = live
        self._ready = ready

    async def stand_for_election(self, lease: LeaseSettings, stop: asyncio.Event) -> None:
        """Work while the Lease is ours; release it when asked to stop, end the process when it is lost."""
        # A separate session: renewals never queue for a connection behind the work.
        async with Api(self._connection, timeout=lease.timing.call) as api:
            election = Election(
                api, lease.namespace, lease.name, lease.identity, lease.timing, watched=self._settings.namespaces
            )
            canary = Canary(api, election)
            self._ready.checks.append(lambda: election.trouble)
            self._live.checks.append(canary.problem)
            await until_first_ends(self._lead_when_elected(election, stop), canary.run())

    async def _lead_when_elected(self, election: Election, stop: asyncio.Event) -> None:
        try:
            await until_first_ends(election.acquire(), stop.wait())
            if not stop.is_set():
                async with Api(self._connection, before_write=election.check) as api:
                    # The Lease is renewed until all of the work has stopped.
                    await until_first_ends(self.work(api, stop), _hold(election))
        finally:
            await election.release()

    async def work(self, api: Api, stop: asyncio.Event) -> None:
        """Work until asked to stop."""
        # Outside the event loop: on a slow machine this takes longer than the Lease lasts, which is renewed meanwhile.
        work = (await asyncio.to_thread(_import_control_loop))(self._connection, api, self._settings)
        self._ready.checks.append(work.unready)
        self._live.checks.append(work.stuck)
        await work.run(stop)


def _import_control_loop() -> type[ControlLoop]:
    # A standby does without kopf, NumPy and the agents.
    from evonas.operator.control_loop import ControlLoop  # noqa: PLC0415

    return ControlLoop


async def _hold(election: Election) -> None:
    try:
        await election.hold()
    except LeaseLost as error:
        _end(error)


def _end(error: LeaseLost) -> NoReturn:
    """End the process now: an orderly exit may wait for a stream or an agent's thread, and another may lead by then.

    Nothing is lost, just as with a SIGKILL.
    """
    logger.critical("%s; exiting, another replica may lead now", error)
    logging.shutdown()
    os._exit(1)
