"""The account that trials use to annotate their own pods, created when needed, so that applying a search suffices."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from evonas.cluster.client.api import Api, Conflict, Refused
from evonas.cluster.client.resources import ROLE_BINDINGS, SERVICE_ACCOUNTS, Resource
from evonas.search.names import MANAGED_BY, MANAGED_BY_LABEL, TRIAL_SERVICE_ACCOUNT

logger = logging.getLogger(__name__)

RETRY_INTERVAL = 60.0
"""Seconds before trying again to create an account that was refused: the right may have been granted since."""


class TrialAccounts:
    """Creates the trials' ServiceAccount and RoleBinding once per namespace, or relies on existing ones."""

    def __init__(self, api: Api, *, create: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._create = create
        self._clock = clock
        self._made: set[str] = set()
        self._refused: dict[str, float] = {}
        """When it was last refused in each namespace."""

    async def ensure(self, namespace: str) -> str | None:
        """Return the account's name; None if we may not create it, and trials report by termination message."""
        if self._create and namespace not in self._made:
            refused = self._refused.get(namespace)
            if refused is not None and self._clock() - refused < RETRY_INTERVAL:
                return None
            if not await self._make(namespace):
                return None
        return TRIAL_SERVICE_ACCOUNT

    def forget(self, namespace: str) -> None:
        """Check again the next time it is needed: somebody may have deleted the account."""
        self._made.discard(namespace)

    async def _make(self, namespace: str) -> bool:
        for resource, body in account_objects(namespace):
            try:
                await self._api.create(resource, namespace, body)
            except Conflict as conflict:
                if conflict.reason != "AlreadyExists":
                    raise
            except Refused as refused:
                if namespace not in self._refused:
                    logger.warning("trials in %s use the default account: %s", namespace, refused.message)
                self._refused[namespace] = self._clock()
                return False
        if self._refused.pop(namespace, None) is not None:
            logger.info("trials in %s use the account %s from now on", namespace, TRIAL_SERVICE_ACCOUNT)
        self._made.add(namespace)
        return True


def account_objects(namespace: str) -> list[tuple[Resource, dict[str, Any]]]:
    """Return the objects that let trials of a namespace report, in order of creation."""
    metadata = {"name": TRIAL_SERVICE_ACCOUNT, "labels": {MANAGED_BY_LABEL: MANAGED_BY}}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    binding = {
        "apiVersion": ROLE_BINDINGS.api_version,
        "kind": ROLE_BINDINGS.kind,
        "metadata": metadata,
        "roleRef": {
            "apiGroup": ROLE_BINDINGS.group,
            "kind": "ClusterRole",
            "name": TRIAL_SERVICE_ACCOUNT,
        },
        "subjects": [{"kind": "ServiceAccount", "name": TRIAL_SERVICE_ACCOUNT, "namespace": namespace}],
    }
    return [(SERVICE_ACCOUNTS, account), (ROLE_BINDINGS, binding)]
