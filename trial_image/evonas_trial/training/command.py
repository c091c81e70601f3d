"""The program around a network: reads the candidate, refuses what cannot be trained, trains, reports.

The order matters for speed and cost: options, decisions and feasibility come before torch is imported, the network is
built before any data is read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from evonas_trial import pausing, report, termination
from evonas_trial.data.catalogue import Shape
from evonas_trial.data.places import DataMissing
from evonas_trial.decisions import Decision, fix_epochs
from evonas_trial.training import options as command_line
from evonas_trial.training.candidate import Candidate
from evonas_trial.training.choosing import GpuMissing
from evonas_trial.training.installed import leave_without_torch
from evonas_trial.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

Network = TypeVar("Network")


@dataclass(frozen=True)
class Program(Generic[Network]):
    """What a program adds: its decisions and the network that they describe."""

    name: str
    summary: str
    decisions: Sequence[Decision]
    hidden_decisions: Sequence[Decision]
    """Decisions that the help does not list one by one."""
    read: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Network, Recipe]]
    """Join searched and fixed decisions; raises ValueError."""
    obstacle: Callable[[Network, Recipe, Shape], str | None]
    """Return why a candidate cannot be built or trained, without torch; None if it can."""
    build: Callable[[Network, Shape], nn.Module]


def run(program: Program[Any], arguments: Sequence[str] | None = None) -> None:
    """Run a training program with these arguments, by default the process's own."""
    termination.leave_on_sigterm()
    parser = command_line.parser(program.name, program.summary, program.decisions, program.hidden_decisions)
    options = parser.parse_args(arguments)
    try:
        candidate = _candidate(program, options)
    except (report.ContractError, OSError, ValueError) as error:
        parser.error(str(error))
    if reason := program.obstacle(candidate.network, candidate.recipe, candidate.data_set.shape):
        report.infeasible(reason)
    leave_without_torch()
    # Before importing the libraries that start their thread pools on import.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    from evonas_trial.training import trial  # noqa: PLC0415

    if options.dry_run:
        print(json.dumps(trial.static_metrics(candidate)))
        return
    try:
        trial.run(candidate, options)
    except (DataMissing, GpuMissing, report.ContractError) as error:
        sys.exit(f"evonas: {error}")


def _candidate(program: Program[Any], options: argparse.Namespace) -> Candidate:
    searched = report.decisions() if options.decisions is None else _read_decisions(options.decisions)
    names = [item.name for item in (*program.decisions, *program.hidden_decisions)]
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    fixed = fix_epochs(searched, given, report.rungs(), exactly=report.pauses())
    network, recipe = program.read(searched, fixed)
    # What contradicts the rungs is refused before torch is imported.
    pausing.until(recipe.epochs)
    if recipe.initialize_with_pretrained and options.pretrained is None:
        raise ValueError("'initialize_with_pretrained' needs --pretrained, the file with the weights")
    if options.pretrained is not None and not options.pretrained.is_file():
        raise ValueError(f"--pretrained: there is no file {options.pretrained}")
    if options.export is not None and not options.final:
        raise ValueError("--export writes what --final trained: add --final")
    data_set = command_line.data_set(options)
    # A trial gets its seed from the search; a winner that is trained by hand needs none.
    seed = report.seed() if options.decisions is None or "EVONAS_SEED" in os.environ else 0
    return Candidate(
        program.name,
        network,
        recipe,
        data_set,
        lambda: program.build(network, data_set.shape),
        seed,
        {**fixed, **searched},
    )


def _read_decisions(path: Path) -> dict[str, Any]:
    """Return the decisions of a JSON file: an object of them, or one that has them under ``decisions``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    decisions = content.get("decisions", content) if isinstance(content, dict) else None
    if not isinstance(decisions, dict):
        raise ValueError(f'{path} must be a JSON object of decisions, or have one under "decisions"')
    return decisions
