"""Viewers of one search, as the page is one: a stream of notices, and requests for what each says is new."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

import aiohttp

CURVES_EVERY = 1.0
"""The page asks for learning curves once a second at most."""


class Viewer:
    """One tab with the overview of a search: at most one request for each part is under way."""

    def __init__(self, session: aiohttp.ClientSession, address: str, id: str) -> None:
        self._session = session
        self._api, self._id = f"{address}/api/v1", quote(id, safe="")
        self._revision = 0
        self._wanted = {part: asyncio.Event() for part in ("details", "trials", "curves")}
        self.asked: Counter[str] = Counter()

    async def look(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for part in self._wanted:
                tasks.create_task(self._keep(part))
            tasks.create_task(self._listen())

    async def _listen(self) -> None:
        async with self._session.get(f"{self._api}/changes?id={self._id}", timeout=_ENDLESS) as answer:
            kind = b""
            async for line in answer.content:
                if line.startswith(b"event: "):
                    kind = line.removeprefix(b"event: ").strip()
                elif line.startswith(b"data: ") and kind == b"search":
                    self.asked["notices"] += 1
                    for wanted in self._wanted.values():
                        wanted.set()

    async def _keep(self, part: str) -> None:
        earliest = 0.0
        while True:
            await self._wanted[part].wait()
            await asyncio.sleep(max(0.0, earliest - time.monotonic()))
            self._wanted[part].clear()
            earliest = time.monotonic() + (CURVES_EVERY if part == "curves" else 0.0)
            under = {"details": "", "trials": f"/trials?since={self._revision}", "curves": "/curves"}[part]
            async with self._session.get(f"{self._api}/searches/{self._id}{under}") as answer:
                text = await answer.read()
            assert answer.status == 200, text
            self.asked[part] += 1
            if part == "trials":
                self._revision = json.loads(text)["revision"]


_ENDLESS = aiohttp.ClientTimeout(total=None, sock_read=60)


async def look(address: str, id: str, count: int, seconds: float, settled: asyncio.Event | None = None) -> Counter[str]:
    """Have so many viewers look for a while; returns what they have asked for."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        viewers = [Viewer(session, address, id) for _ in range(count)]
        tasks = [asyncio.create_task(viewer.look()) for viewer in viewers]
        try:
            await _for(tasks, seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return sum((viewer.asked for viewer in viewers), Counter())


async def _for(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    await asyncio.sleep(seconds)
    for task in tasks:
        if task.done():
            task.result()
