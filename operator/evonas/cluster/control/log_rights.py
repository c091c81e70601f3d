"""Whether the operator may read the logs of trials, which only searches with ``spec.trial.report`` need.

Asked before their first trial: one whose result nobody may read would only cost its GPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from evonas.cluster.client.api import Api, ApiError, NotFound
from evonas.cluster.control.refusals import MENDED_INTERVAL, Refusal

FORBIDDEN = 403
_NOBODY = "evonas-may-read-logs"
"""A pod that does not exist: rights are judged before that is found out."""


class LogRights:
    """Asks once per namespace, and again as long as the answer is no."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._granted: set[str] = set()
        self._refused: dict[str, tuple[float, str]] = {}
        """By namespace: when that was, and what was said."""

    async def find_refusal(self, namespace: str) -> Refusal | None:
        """Return why searches of the namespace whose results are in logs may begin nothing; None if they may."""
        if namespace in self._granted:
            return None
        when, said = self._refused.get(namespace, (-MENDED_INTERVAL, ""))
        if self._clock() - when >= MENDED_INTERVAL:
            said = await self._ask(namespace)
        if not said:
            self._refused.pop(namespace, None)
            self._granted.add(namespace)
            return None
        self._refused[namespace] = (self._clock(), said)
        cure = "install the chart with trialLogs.read=true, or leave the field out and have the trials report"
        return Refusal("LogsForbidden", f"spec.trial.report: the operator may not read logs: {said}; {cure}")

    def forget(self, namespace: str) -> bool:
        """Ask again, since a log was refused; returns whether the right was taken for granted until now."""
        known = namespace in self._granted
        self._granted.discard(namespace)
        return known

    async def _ask(self, namespace: str) -> str:
        """Return what the API server has against it; empty if nothing."""
        try:
            async for _ in self._api.log(namespace, _NOBODY, _NOBODY, follow=False):
                pass
        except NotFound:
            return ""
        except ApiError as error:
            if error.code != FORBIDDEN:
                raise
            return error.message
        return ""
