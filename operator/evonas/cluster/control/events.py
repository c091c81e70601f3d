"""Kubernetes Events on transitions, for people who run `kubectl describe`. Nothing depends on them."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import Any

from evonas.cluster.client.api import Api, ApiError
from evonas.cluster.client.resources import EVENTS, SEARCHES
from evonas.cluster.state.records import SearchRecord
from evonas.search.codec import to_time

logger = logging.getLogger(__name__)

MAX_MESSAGE = 1024
COMPONENT = "evonas-operator"


class Events:
    """Posts events about searches."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def post(self, search: SearchRecord, reason: str, message: str, *, warning: bool = False) -> None:
        """Post one event about a search."""
        body = build_event(search, reason, message, warning=warning, now=datetime.now(UTC), token=uuid.uuid4().hex[:16])
        try:
            await self._api.create(EVENTS, search.namespace, body)
        except ApiError as error:
            logger.info("event %s of %s/%s not posted: %s", reason, search.namespace, search.name, error)


def build_event(
    search: SearchRecord, reason: str, message: str, *, warning: bool, now: datetime, token: str
) -> dict[str, Any]:
    """Return the Event; ``token`` makes its name unique."""
    moment = to_time(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{search.name}.{token}", "namespace": search.namespace},
        "involvedObject": {
            "apiVersion": SEARCHES.api_version,
            "kind": SEARCHES.kind,
            "namespace": search.namespace,
            "name": search.name,
            "uid": search.uid,
        },
        "reason": reason,
        "message": message[:MAX_MESSAGE] or reason,
        "type": "Warning" if warning else "Normal",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
