"""The synthetic problem "learning to count": decisions a1..an, best where they count 1, 2, … n.

Costs nothing to evaluate and has a known optimum, so it serves the tests, the benchmarks and the comparison of agents
(``examples/counting*.yaml``). Needs neither torch nor numpy: timings should measure the search, not a trial.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from evonas_trial import pausing, report
from evonas_trial.checkpoint_file import CheckpointFile
from evonas_trial.termination import leave_on_sigterm


def cost(sequence: Sequence[int]) -> int:
    """Return the sum of the squared steps of the walk from 0 over the sequence to n + 1; at least n + 1."""
    walk = (0, *sequence, len(sequence) + 1)
    return sum((later - earlier) ** 2 for earlier, later in pairwise(walk))


def score(sequence: Sequence[int]) -> float:
    """Return (n + 1) / cost: 1 for the sequence 1, 2, … n and less for any other."""
    return (len(sequence) + 1) / cost(sequence)


def learned(step: int, of: int) -> float:
    """Return which share of its score a candidate has after some of its steps: each adds half as much as the one
    before. A stand-in for a learning curve, in a search with rungs."""
    return (1 - 0.5**step) / (1 - 0.5**of)


def sequence_of(decisions: Mapping[str, Any]) -> list[int]:
    """Return a1..an in order; ValueError if the decisions are not those of this problem."""
    expected = [f"a{position}" for position in range(1, len(decisions) + 1)]
    if not decisions or set(decisions) != set(expected):
        raise ValueError(f"the decisions must be a1, a2, … without a gap, got {sorted(decisions)}")
    for name in expected:
        if isinstance(decisions[name], bool) or not isinstance(decisions[name], int):
            raise ValueError(f"decision {name!r} must be a whole number, got {decisions[name]!r}")
    return [decisions[name] for name in expected]


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a finite number not below 0, got {text!r}")
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """Score one sequence of the counting problem."""
    leave_on_sigterm()
    parser = argparse.ArgumentParser(prog="python -m evonas_trial.counting", description=main.__doc__)
    keeps = "a volume, from which another attempt goes on"
    parser.add_argument("--checkpoint-dir", type=Path, metavar="DIR", help=keeps)
    parser.add_argument("--seconds", type=_not_negative, default=0.0, help="how long a training seems to take (0)")
    parser.add_argument(
        "--noise", type=_not_negative, default=0.0, metavar="SIGMA", help="standard deviation of the reward's noise (0)"
    )
    options = parser.parse_args(arguments)
    try:
        sequence, rungs = sequence_of(report.decisions()), report.rungs()
        steps = rungs[-1] if rungs else 1
        until = pausing.until(steps)
        noise = 0.0
        if options.noise:
            # Seeded by the candidate too, in case all trials of a search share one seed.
            noise = random.Random(f"{report.seed()} {json.dumps(sequence)}").gauss(0, options.noise)
        checkpoint = _checkpoint(options, sequence)
    except (report.ContractError, ValueError) as error:
        parser.error(str(error))
    reward, metrics = score(sequence) + noise, {"cost": cost(sequence)}
    done = checkpoint.steps(until) if checkpoint else 0
    report.resumed(done)

    def tell(step: int) -> None:
        report.progress(step, steps, reward=reward * learned(step, steps), **metrics)

    for rung in rungs:
        if rung <= done:
            tell(rung)
    for step in range(done + 1, until + 1):
        time.sleep(options.seconds / steps)
        if checkpoint:
            checkpoint.save(step)
        if rungs:
            tell(step)
    try:
        report.reward(reward * learned(until, steps), metrics)
    except report.ContractError as error:
        sys.exit(f"evonas: {error}")
    if checkpoint and until == steps:
        checkpoint.remove()


class _Checkpoint(CheckpointFile):
    """All that this training has learned is how far it is."""

    def steps(self, until: int) -> int:
        """Return the steps to go on from, ``until`` at most."""
        saved = self._read(lambda path: {"step": int(json.loads(path.read_bytes())["step"])})
        if saved and saved["step"] > until:
            self.say_further_than(until)
            return 0
        return saved["step"] if saved else 0

    def save(self, step: int) -> None:
        """Replace what was saved."""
        self._write(lambda file: file.write(json.dumps({"step": step}).encode()))


def _checkpoint(options: argparse.Namespace, sequence: Sequence[int]) -> _Checkpoint | None:
    if options.checkpoint_dir is None:
        pausing.warn_that_nothing_is_kept()
        return None
    identity = {"program": "counting", "sequence": list(sequence), "seed": report.seed()}
    return _Checkpoint.of_trial(options.checkpoint_dir, identity)


if __name__ == "__main__":
    main()
