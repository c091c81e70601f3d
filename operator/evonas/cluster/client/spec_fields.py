"""Which fields the spec of a kind has, as the API server's OpenAPI documents say.

Versions of an engine may serve the same version of a kind with other fields. A document is large, and read again only
when its address changes, which has its hash.
"""

from __future__ import annotations

from typing import Any

from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import Resource


class SpecFields:
    """What was read."""

    def __init__(self) -> None:
        self._known: dict[Resource, tuple[str, frozenset[str]]] = {}

    async def of(self, api: Api, resource: Resource) -> frozenset[str]:
        """Return the names of the fields of a kind's spec; none where the server does not describe it."""
        address = await api.openapi_address(resource.group, resource.version)
        if address is None:
            return frozenset()
        known = self._known.get(resource)
        if known is None or known[0] != address:
            document = await api.openapi(address)
            known = self._known[resource] = (address, _fields(document, resource))
        return known[1]


def _fields(document: dict[str, Any], resource: Resource) -> frozenset[str]:
    wanted = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    for schema in document.get("components", {}).get("schemas", {}).values():
        if wanted in schema.get("x-kubernetes-group-version-kind", ()):
            return frozenset(schema.get("properties", {}).get("spec", {}).get("properties", {}))
    return frozenset()
