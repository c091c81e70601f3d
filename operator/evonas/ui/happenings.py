"""What happens around a search: Kubernetes' events and the alerts of Prometheus, asked for when somebody looks, and no
more often for many who look than for one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from evonas.errors import EvonasError
from evonas.sources.events import SeenEvent
from evonas.sources.live.directory import LiveSearches
from evonas.sources.live.seen import SeenSearch
from evonas.sources.source import SharedSource
from evonas.ui.encoding import Packed, encode
from evonas.ui.latest import Latest
from evonas.ui.models import Alert, Event, Happenings
from evonas.ui.threads import Once, in_thread
from evonas.ui.views.summary import seconds

KEPT_SECONDS = 5.0
MOST_KEPT = 64
TIMEOUT_SECONDS = 5.0
MAX_ANSWER = 8 << 20
"""Bytes of Prometheus' answer that are read."""
MAX_EVENTS = 500


@dataclass(frozen=True)
class _Kept:
    packed: Packed
    made: float


class HappeningsDesk:
    """The happenings of all searches that are looked at."""

    def __init__(self, live: LiveSearches, prometheus: str | None) -> None:
        self._live = live
        self._prometheus = prometheus
        self._kept = Latest[str, _Kept](MOST_KEPT)
        self._once = Once[Packed]()

    async def get(self, id: str) -> Packed:
        """Return the encoded happenings of a search."""
        seen, kept = self._live.get(id), self._kept.get(id)
        if kept is not None and time.monotonic() - kept.made < KEPT_SECONDS:
            return kept.packed
        return await self._once.make((id, seen.uid), lambda: self._make(seen))

    async def _make(self, seen: SeenSearch) -> Packed:
        source = self._live.source(seen.id)
        problems: list[str] = []
        events: Sequence[SeenEvent] = ()
        alerts: Sequence[Alert] = ()
        if isinstance(source, SharedSource):
            events = await _try(source.events, (), problems)
            if self._prometheus is not None and seen.overview is not None:
                address, overview = self._prometheus, seen.overview
                ask: Callable[[], Sequence[Alert]] = lambda: [  # noqa: E731
                    *find_alerts(ask_prometheus(address), overview.namespace, overview.name)
                ]
                alerts = await _try(ask, (), problems)
        happenings = Happenings(events=[*map(_event, events[:MAX_EVENTS])], alerts=list(alerts), problems=problems)
        packed = Packed.of(encode(happenings))
        self._kept.put(seen.id, _Kept(packed, time.monotonic()))
        return packed


async def _try(ask: Callable[[], Sequence[Any]], otherwise: Sequence[Any], problems: list[str]) -> Sequence[Any]:
    try:
        return await in_thread(ask)
    except EvonasError as error:
        problems.append(str(error))
        return otherwise


def ask_prometheus(address: str) -> Any:
    """Return the alerts that Prometheus has raised; EvonasError if it does not answer."""
    url = f"{address.rstrip('/')}/api/v1/alerts"
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
            content = answer.read(MAX_ANSWER)
        return json.loads(content)["data"]["alerts"]
    except (URLError, OSError, ValueError, KeyError, TypeError) as error:
        raise EvonasError(f"no alerts: Prometheus at {address} did not answer as it should: {error!r}") from error


def find_alerts(found: Any, namespace: str, name: str) -> Iterator[Alert]:
    """Yield the alerts about one search, the latest first."""
    alerts = []
    for entry in found if isinstance(found, list) else ():
        labels = entry.get("labels", {})
        if (labels.get("namespace"), labels.get("search")) != (namespace, name):
            continue
        notes = entry.get("annotations", {})
        alerts.append(
            Alert(
                name=labels.get("alertname", ""),
                severity=labels.get("severity", ""),
                state=entry.get("state", ""),
                summary=notes.get("summary") or notes.get("description", ""),
                since=_moment(entry.get("activeAt")),
                runbook=notes.get("runbook_url", ""),
            )
        )
    yield from sorted(alerts, key=lambda alert: -(alert.since or 0.0))


def _moment(text: str | None) -> float | None:
    try:
        return None if text is None else datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def _event(event: SeenEvent) -> Event:
    return Event(
        time=seconds(event.time),
        type=event.type,
        reason=event.reason,
        message=event.message,
        about=event.about,
        count=event.count,
    )
