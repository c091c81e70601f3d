"""``python -m bench.commands``: CPU time of the commands that read a search, for a run with some hundred results, and
of the import and the help text. The run is created in memory by the real proposer and written as a journal. The time of
importing PyTorch, which commands need that ask an agent that learns, is printed as well, to compare numbers from other
machines.
"""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml

from bench.printing import print_rows
from evonas.local.journal import open_journal
from evonas.search.proposer import Proposer
from evonas.search.table import TrialTable
from evonas.search.trial import Trial, TrialState
from evonas.spec import SearchSpec

DECISIONS, VALUES = 20, 10
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def manifest(agent: str, trials: int) -> dict[str, Any]:
    """Return a search of 20 decisions of 10 values, as ``bench.agents.speed`` has them."""
    container = {"name": "trial", "image": "none", "command": ["true"]}
    return {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": "measured"},
        "spec": {
            "searchSpace": [{"name": f"d{place}", "values": [*range(VALUES)]} for place in range(DECISIONS)],
            "objective": {"metric": "accuracy"},
            "agent": {"type": agent, "seed": 1},
            "budget": {"maxTrials": trials},
            "trial": {"template": {"spec": {"containers": [container]}}},
        },
    }


def write_run(folder: Path, body: dict[str, Any]) -> None:
    """Run the search in memory, one trial after the other, and write its journal."""
    journal = open_journal(folder, body)
    spec = SearchSpec.parse(body)
    proposer, table = Proposer(spec), TrialTable()
    while len(table) < spec.budget.max_trials:
        for trial in proposer.propose(proposer.collect(table), 1):
            ended = _ended(trial, len(table) + 1)
            table.put(trial)
            table.put(ended)
            journal.write(ended)
    journal.close()


def _ended(trial: Trial, place: int) -> Trial:
    steps = np.diff([int(value) for value in trial.decisions.values()])
    reward = -float(np.square(steps).sum())
    return replace(
        trial,
        state=TrialState.SUCCEEDED,
        reward=reward,
        metrics={"accuracy": reward},
        sequence=place,
        start_time=BEGAN,
        completion_time=BEGAN + timedelta(seconds=10 * place),
        gpu_seconds=360,
    )


def cpu_seconds(command: Sequence[str], folder: Path) -> float:
    """Return what a command spends, user and system together."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@click.command()
@click.option("--trials", default=400, show_default=True, help="Number of results of the search.")
@click.option("--agent", default="EvoNAS", show_default=True, help="Type of its agent.")
@click.option("--repeats", default=3, show_default=True, help="How often each is measured; the least is printed.")
def main(trials: int, agent: str, repeats: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder, body = Path(name), manifest(agent, trials)
        write_run(folder / "run", body)
        (folder / "search.yaml").write_text(yaml.safe_dump(body))
        commands = {
            "evonas report": ["report", "run", "--to", "report.html"],
            "evonas report, the plots alone": ["report", "run", "--to", "plots.png"],
            "evonas get": ["get", "run"],
            "evonas best": ["best", "run"],
            "evonas explain, the last trial": ["explain", "run", str(trials - 1)],
            "evonas export": ["export", "run", "--to", "run.jsonl"],
            "evonas plan": ["plan", "search.yaml", "--no-cluster"],
        }
        every = {
            "Python": ["-c", "pass"],
            "import torch": ["-c", "import torch"],
            "import evonas": ["-c", "import evonas"],
            "evonas --help": ["-m", "evonas", "--help"],
            **{name: ["-m", "evonas", *words] for name, words in commands.items()},
        }
        # The first time compiles what was never imported.
        rows = [
            {"": name, "CPU seconds": f"{min(cpu_seconds(words, folder) for _ in range(repeats + 1)):.2f}"}
            for name, words in every.items()
        ]
    print_rows(f"{trials} results of {agent}, Python {platform.python_version()}", rows)


if __name__ == "__main__":
    main()
