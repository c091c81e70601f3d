"""Whether the operator may read logs, where searches have their results in them."""

from __future__ import annotations

from collections.abc import Sequence

from evonas.cluster.checks.finding import Finding, Verdict, look
from evonas.cluster.checks.releases import Installation, upgrade
from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import CLUSTER_ROLES, ROLES

_CURE = "--set trialLogs.read=true"


async def check_logs(
    api: Api, found: list[Installation] | Finding, namespace: str, searches: Sequence[str]
) -> list[Finding]:
    """Look for the role with the right to read logs, if any of the searches needs it.

    What an operator outside the cluster may do is up to whoever runs it: nothing is found of it.
    """
    if not searches or isinstance(found, Finding):
        return []
    serving = [item for item in found if item.serves(namespace) and item.release is not None]
    return [await _check_role(api, item, namespace, searches) for item in serving]


async def _check_role(api: Api, installation: Installation, namespace: str, searches: Sequence[str]) -> Finding:
    name = f"{installation.name}-logs"
    subject = f"role {name}"
    where, kind = (namespace, ROLES) if installation.watched else (None, CLUSTER_ROLES)
    role = await look(api.get(kind, where, name), subject)
    if isinstance(role, Finding):
        return role
    need = f"{', '.join(searches)} {'has' if len(searches) == 1 else 'have'} results read from logs"
    if role is None:
        return Finding(subject, Verdict.BAD, f"no {kind.kind}: {need}", upgrade(installation, _CURE))
    return Finding(subject, Verdict.GOOD, f"{installation} may read logs: {need}")
