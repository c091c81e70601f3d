"""The server's memory with many searches, and its processor time with many viewers."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from urllib.parse import quote

import psutil

from bench.ui.records import changing
from bench.ui.viewers import look
from harness.waiting import wait_for
from tests.page.conftest import serving
from tests.page.serving import Server

WARM_UP = 5.0


def process_of(server: Server) -> psutil.Process:
    """Return the server's process."""
    assert server.process is not None
    return psutil.Process(server.process.pid)


def memory(folder: Path, searches: int) -> dict[str, float]:
    """Return the server's MiB once it knows all searches of a folder of runs, and once each was looked at."""
    with serving(folder, str(folder / "runs")) as server:
        process = process_of(server)
        begin = time.monotonic()
        wait_for("all searches", lambda: _known(server) == searches, timeout=300)
        found = {"seconds until all are known": time.monotonic() - begin, "all known": _mebibytes(process)}
        for search in server.get("/api/v1/searches")["searches"]:
            for under in ("", "/trials", "/curves"):
                server.ask(f"/api/v1/searches/{quote(search['id'], safe='')}{under}")
        found["each looked at"] = _mebibytes(process)
        found["peak"] = _peak(process)
        return found


def _known(server: Server) -> int:
    """Return how many searches can be shown, trials and all."""
    return sum(search["counts"].get("total", 0) > 0 for search in server.get("/api/v1/searches")["searches"])


def _mebibytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def _peak(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def processor(folder: Path, viewers: int, per_second: float, known: int, seconds: float) -> dict[str, float]:
    """Return the share of a core that the server takes while a search changes and so many look at it."""
    with changing(folder / "runs", per_second, known), serving(folder, str(folder / "runs")) as server:
        searches = len([*(folder / "runs").iterdir()])
        wait_for("all searches", lambda: _known(server) == searches, timeout=300)
        id, process = server.id_of("changing"), process_of(server)
        asked: dict[str, int] = {}
        thread = threading.Thread(
            target=lambda: asked.update(asyncio.run(look(server.address, id, viewers, WARM_UP + seconds)))
        )
        thread.start()
        # What each viewer asks for first is asked for once.
        time.sleep(WARM_UP)
        before, begin = sum(process.cpu_times()[:2]), time.monotonic()
        time.sleep(seconds - 0.5)
        spent = sum(process.cpu_times()[:2]) - before
        elapsed = time.monotonic() - begin
        thread.join()
        return {
            "share": spent / elapsed,
            **{f"{what} a second": count / (WARM_UP + seconds) for what, count in asked.items()},
        }
