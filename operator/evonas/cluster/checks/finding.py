"""What a check found, and how checks query the cluster without failing for lack of rights."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from evonas.cluster.client.api import Api, ApiError, NotFound
from evonas.cluster.client.resources import Resource

T = TypeVar("T")


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "ok"
    UNKNOWN = "?"
    """The caller may not look, or there is nothing to look at."""
    WARNING = "warning"
    """Searches run, but something is lost."""
    BAD = "missing"
    """Searches do not run."""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    subject: str
    verdict: Verdict
    message: str
    cure: str = ""
    """A command that fixes it; empty if nothing needs fixing."""


FORBIDDEN = 403


async def look(question: Awaitable[T], subject: str) -> T | Finding | None:
    """Return the answer; None if there is no such object, and a finding if we may not know."""
    try:
        return await question
    except NotFound:
        return None
    except ApiError as error:
        if error.code != FORBIDDEN:
            raise
        return Finding(subject, Verdict.UNKNOWN, f"you may not look: {error.message}")


async def all_of(api: Api, resource: Resource, namespace: str | None, selector: str = "") -> list[dict[str, Any]]:
    """Return every object of a kind."""
    return [body async for page, _ in api.list(resource, namespace, label_selector=selector) for body in page]
