"""Bytes passed on to an API server until they are not: one client's server that answers no more, and nobody else's."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import yaml

CHUNK = 1 << 16


class Relay:
    """A server that takes connections and passes on what comes over them; use it as a context manager."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._host, self._port = parts.hostname, parts.port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._passing = asyncio.Event()
        self._passing.set()
        self.port = 0
        """Where it listens, once it was entered."""
        self._taken: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Relay:
        self._thread.start()
        # In its own thread: a browser that is driven from this one has a loop here.
        starting = asyncio.start_server(self._take, "127.0.0.1", 0)
        listening = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port = listening.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.break_off()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many there are that it has taken."""
        return len(self._taken)

    def fall_silent(self) -> None:
        """Pass on nothing more; the connections stay, and new ones are taken."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def pass_on(self) -> None:
        """Pass on again what comes, and what has come meanwhile."""
        self._loop.call_soon_threadsafe(self._passing.set)

    def break_off(self) -> None:
        """End the connections that there are; new ones are taken."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()

    def kubeconfig(self, template: Path) -> Path:
        """Write a kubeconfig like ``template`` for this way to the server, and return where it is."""
        config = yaml.safe_load(template.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        path = template.with_suffix(".relayed")
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        return path

    async def _hang_up(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._taken.add(task)
        task.add_done_callback(self._taken.discard)
        # Not by the task, which may be cancelled before its first line.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_connection(self._host, self._port)
        with closing(their_writer):
            await asyncio.gather(self._pass_on(reader, their_writer), self._pass_on(their_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError):
                while data := await reader.read(CHUNK):
                    await self._passing.wait()
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()
