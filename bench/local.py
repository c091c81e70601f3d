"""What a local run costs in addition to its trials: CPU per trial, for a search whose trials are a line of shell.

All processes of the run are counted: `evonas run`, what starts and supervises the trials, and the trials themselves.
What the first trials cost (starting Python, importing, the plots at the end) is told apart by a second, short run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import yaml

from bench.printing import print_rows

FEW, SHELLS = 4, 100
TRIAL = 'printf \'{"reward": %s}\' "$EVONAS_D_A" > "$EVONAS_REPORT_FILE"'


@dataclass(frozen=True)
class Cost:
    """What a run took, including its start and end."""

    cpu: float
    wall: float


@click.command()
@click.option("--trials", default=400, show_default=True, help="Trials of the run.")
@click.option("--parallel", default=4, show_default=True, help="How many at a time.")
@click.option("--agent", default="Random", show_default=True, help="The search's agent.")
def main(trials: int, parallel: int, agent: str) -> None:
    """Measure the CPU of a local run's trials."""
    shell = _shell()
    few, many = _run(FEW, parallel, agent), _run(trials, parallel, agent)
    more = trials - FEW
    print_rows(
        f"{trials} trials of a line of shell, {parallel} at a time, agent {agent}",
        [
            {
                "trials": trials,
                "wall s": f"{many.wall:.1f}",
                "CPU s": f"{many.cpu:.1f}",
                "CPU ms a trial": f"{1000 * many.cpu / trials:.1f}",
                "of these start and end": f"{1000 * (few.cpu - FEW * (many.cpu - few.cpu) / more) / trials:.1f}",
                "each further trial": f"{1000 * (many.cpu - few.cpu) / more:.1f}",
                "the shell alone": f"{1000 * shell:.1f}",
            }
        ],
    )


def _run(trials: int, parallel: int, agent: str) -> Cost:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = {
            "apiVersion": "evonas.dev/v1alpha1",
            "kind": "ArchitectureSearch",
            "metadata": {"name": "shell"},
            "spec": {
                "searchSpace": [{"name": name, "values": list(range(1, 65))} for name in ("a", "b")],
                "agent": {"type": agent},
                "budget": {"maxTrials": trials, "parallelTrials": parallel},
                "trial": {
                    "template": {
                        "spec": {"containers": [{"name": "trial", "image": "none", "command": ["sh", "-c", TRIAL]}]}
                    }
                },
            },
        }
        (folder / "search.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
        return _cost([sys.executable, "-m", "evonas", "run", "search.yaml"], folder)


def _shell() -> float:
    """Return the CPU seconds of the trials' shell, started by nothing but a shell."""
    loop = f'for i in $(seq {SHELLS}); do sh -c "$TRIAL"; done'
    with tempfile.TemporaryDirectory() as name:
        environment = {"TRIAL": TRIAL, "EVONAS_D_A": "1", "EVONAS_REPORT_FILE": f"{name}/report.json"}
        return _cost(["sh", "-c", loop], Path(name), environment).cpu / SHELLS


def _cost(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Cost:
    before, begin = os.times(), time.perf_counter()
    subprocess.run(command, cwd=folder, env=os.environ | (environment or {}), check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Cost(cpu, time.perf_counter() - begin)


if __name__ == "__main__":
    main()
