"""What happened around a search: events and alerts."""

from __future__ import annotations

from evonas.ui.models.base import Model


class Event(Model):
    """A Kubernetes event of a search or its trials."""

    time: float | None
    type: str
    reason: str
    message: str
    about: str
    count: int


class Alert(Model):
    """An alert that Prometheus has raised for a search."""

    name: str
    severity: str
    state: str
    summary: str
    since: float | None
    runbook: str


class Happenings(Model):
    """Events and alerts of a search, the latest first."""

    events: list[Event]
    alerts: list[Alert]
    problems: list[str]
    """What could not be asked, and why."""
