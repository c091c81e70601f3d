"""The process that stays with an instance: it keeps the logs small, and ends the cluster when its owner is gone.

A pytest killed with SIGKILL runs no fixture's end; this is what keeps its cluster from outliving it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from harness import lifecycle, processes, state
from harness.errors import ClusterError

LOG_LIMIT = 64 << 20
_KEPT = 4 << 20
_PERIOD = 2.0


def watch(name: str) -> None:
    """Stay until the instance is gone."""
    while True:
        time.sleep(_PERIOD)
        try:
            instance = state.load(name)
        except ClusterError:
            return
        for log in (instance.folder / "logs").glob("*.log"):
            cut(log)
        if instance.owner and not processes.find(instance.owner):
            lifecycle.down(name)
            return


def cut(log: Path, limit: int = LOG_LIMIT, kept: int = _KEPT) -> None:
    """Empty a log that has grown too long, its end saved beside it; its writer appends, so it goes on at the start."""
    if log.stat().st_size <= limit:
        return
    with log.open("rb") as file:
        file.seek(-kept, 2)
        log.with_suffix(".old").write_bytes(file.read())
    log.open("wb").close()


if __name__ == "__main__":
    watch(sys.argv[1])
