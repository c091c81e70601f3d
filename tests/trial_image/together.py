"""Several processes of one trial, which find each other on the loopback as they would find each other's pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.addresses import free_port
from tests import warm

PROGRAM = "evonas_trial.distributed.__main__"


def train(
    folder: Path,
    environment: Mapping[str, str],
    world: int,
    *arguments: str,
    candidate: Mapping[str, Any],
    more: Mapping[str, str] | None = None,
) -> list[tuple[int, str, dict[str, Any] | None]]:
    """Return exit code, errors and report of each process, by rank."""
    port = free_port()
    processes = []
    for rank in range(world):
        contract = {
            "EVONAS_DECISIONS": json.dumps(candidate),
            "EVONAS_SEED": "3",
            "EVONAS_REPORT_FILE": str(folder / f"report-{rank}"),
            "EVONAS_PROGRESS_FILE": str(folder / f"progress-{rank}"),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "RANK": str(rank),
            "WORLD_SIZE": str(world),
        }
        variables = {**environment, **contract, **(more or {})}
        with (folder / f"errors-{rank}").open("wb") as errors:
            processes.append(warm.start(PROGRAM, arguments, environment=variables, errors=errors))
    ended = []
    for rank, process in enumerate(processes):
        code, report = process.wait(300), folder / f"report-{rank}"
        said = (folder / f"errors-{rank}").read_text()
        ended.append((code, said, json.loads(report.read_text()) if report.exists() else None))
    return ended
