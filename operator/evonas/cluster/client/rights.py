"""What whoever asks may do in a namespace, as the API server says."""

from __future__ import annotations

from evonas.cluster.client.api import Api
from evonas.cluster.client.resources import ACCESS_REVIEWS, Resource


async def may(
    api: Api, namespace: str, verb: str, resource: Resource, *, subresource: str = "", name: str = ""
) -> bool:
    """Ask whether the caller may do something to a kind of objects, or to one of them (SelfSubjectAccessReview)."""
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "group": resource.group,
        "resource": resource.plural,
        "subresource": subresource,
        "name": name,
    }
    body = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.kind}
    review = await api.create(ACCESS_REVIEWS, None, {**body, "spec": {"resourceAttributes": attributes}})
    allowed: bool = review["status"]["allowed"]
    return allowed
