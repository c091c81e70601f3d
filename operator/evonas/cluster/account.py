"""The account under which trials annotate their own pods, made where a search needs it: applying one suffices."""

from __future__ import annotations

import logging

from evonas.cluster.api import Api, Conflict, Refused
from evonas.cluster.resources import ROLE_BINDINGS, SERVICE_ACCOUNTS
from evonas.search.names import MANAGED_BY, MANAGED_BY_LABEL, TRIAL_SERVICE_ACCOUNT

logger = logging.getLogger(__name__)


class TrialAccounts:
    """Makes the trials' ServiceAccount and its RoleBinding, once per namespace; or counts on those that are there."""

    def __init__(self, api: Api, *, create: bool) -> None:
        self._api = api
        self._create = create
        self._known: dict[str, str | None] = {}

    async def ensure(self, namespace: str) -> str | None:
        """Return the account's name; None where we may not make it, and trials report by termination message."""
        if not self._create:
            return TRIAL_SERVICE_ACCOUNT
        if namespace not in self._known:
            self._known[namespace] = await self._make(namespace)
        return self._known[namespace]

    def forget(self, namespace: str) -> None:
        """Look again at the next need: somebody may have deleted the account."""
        self._known.pop(namespace, None)

    async def _make(self, namespace: str) -> str | None:
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
        for resource, body in ((SERVICE_ACCOUNTS, account), (ROLE_BINDINGS, binding)):
            try:
                await self._api.create(resource, namespace, body)
            except Conflict as conflict:
                if conflict.reason != "AlreadyExists":
                    raise
            except Refused as refused:
                logger.warning("trials in %s use the default account: %s", namespace, refused.message)
                return None
        return TRIAL_SERVICE_ACCOUNT
