"""What viewers may ask of a search, and what became of it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import StrictBool, StrictInt

from evonas.ui.models.base import DecisionValue, Model


class ActionName(StrEnum):
    """What can be asked of a search."""

    SUSPEND = "suspend"
    RESUME = "resume"
    PARALLEL = "parallel"
    BUDGET = "budget"
    ENQUEUE = "enqueue"
    PIN = "pin"
    UNPIN = "unpin"
    VETO = "veto"


class Permission(Model):
    """Whether the viewer may act so on a search now."""

    action: ActionName
    allowed: bool
    reason: str
    """Why not, with the cure; empty if allowed."""


class Order(Model):
    """An action; which fields it needs depends on its name: ``parallel`` takes ``parallelTrials``, ``budget`` takes
    ``maxTrials``, ``enqueue`` takes ``decisions``, ``pin``, ``unpin`` and ``veto`` take ``trial``."""

    action: ActionName
    parallel_trials: StrictInt | None = None
    max_trials: StrictInt | None = None
    decisions: dict[str, DecisionValue] | None = None
    trial: StrictInt | None = None
    because: str = ""
    preview: StrictBool = False
    """Check it and say which command does the same, but do nothing."""


class Done(Model):
    """What became of an order."""

    done: bool
    """False for a preview."""
    command: str
    """The command line that does the same."""
    message: str
