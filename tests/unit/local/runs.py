"""Runs on this machine through the command line, for the tests of what they take up and leave behind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from evonas.local.journal import read_journal
from evonas.manifest import to_yaml
from evonas.recorded.knowledge_record import experience_of
from evonas.recorded.replay import Replay
from evonas.search.trial import Trial
from evonas.spec import SearchSpec
from tests import warm
from tests.corpus.environment import answer, asking_search

COUNTING = ("python", "-m", "evonas_trial.counting")
SPACE = [{"name": f"a{position}", "values": [1, 2, 3, 4]} for position in (1, 2, 3, 4)]


def write_manifest(folder: Path, name: str, command: Sequence[str] = COUNTING, **spec: Any) -> Path:
    body = {
        "apiVersion": "evonas.dev/v1alpha1",
        "kind": "ArchitectureSearch",
        "metadata": {"name": name},
        "spec": {
            "searchSpace": SPACE,
            "agent": {"type": "Evolution", "warmup": 4},
            "budget": {"maxTrials": 6, "parallelTrials": 2},
            "trial": {
                "template": {"spec": {"containers": [{"name": "trial", "image": "none", "command": [*command]}]}}
            },
            **spec,
        },
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(body))
    return path


def evonas(folder: Path, *words: str, code: int = 0) -> str:
    done = warm.run("evonas", words, environment=os.environ, folder=folder, imported=warm.LOCAL)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def ask_here(folder: Path) -> dict[str, Any]:
    """Run the search that asks for its variables and arguments; returns what its one trial was told."""
    manifest = folder / "asking.yaml"
    manifest.write_text(to_yaml(asking_search()))
    evonas(folder, "run", str(manifest))
    return answer((folder / "runs" / "asking" / "trials" / "00000" / "attempt-1" / "log.txt").read_text())


def recorded(folder: Path, name: str) -> list[Trial]:
    """Return the trials of a run, whose proposals follow from them."""
    body, trials, knowledge = read_journal(folder / "runs" / name / "journal.jsonl")
    spec = SearchSpec.parse({key: body[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": name}})
    assert all(difference is None for _, difference in Replay(spec, trials, experience_of(knowledge)).run())
    return trials
