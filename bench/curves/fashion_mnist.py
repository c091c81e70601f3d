"""The space of the table of real learning curves, how it is stored, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.curves.problem import Curve, Decisions, Problem
from evonas.space import SearchSpace

FILE = Path(__file__).with_name("fashion_mnist.npz")

EPOCHS = 27
SEEDS = 2
"""Trainings of a candidate; that of the first seed was made of each."""
VALIDATION_IMAGES = 2000
GUESSING = 0.1
"""The accuracy that a training is worth which diverged."""
DIVERGED = 2**16 - 1
"""Stands in the file for an accuracy that does not exist: the training had diverged."""

SPACE = SearchSpace.parse(
    [
        {"name": "hidden_size", "values": [16, 48, 144]},
        {"name": "activation", "values": ["relu", "sigmoid"]},
        {"name": "batch_norm", "values": [True, False]},
        {"name": "optimizer", "values": ["SGD", "Adam"]},
        {"name": "momentum", "values": [0.0, 0.9], "when": {"name": "optimizer", "values": ["SGD"]}},
        {"name": "learning_rate", "range": {"min": 0.001, "max": 1.0, "scale": "log", "steps": 5}},
        {"name": "schedule", "values": ["constant", "cosine", "one_cycle"]},
        {"name": "batch_size", "values": [64, 256]},
        {"name": "weight_decay", "values": [0.0, 0.01]},
    ]
)
"""Small enough that every candidate of it is trained: a search may propose any, and gets what a training gave."""


@dataclass(frozen=True)
class Table:
    """Curves of all candidates, in the order of ``SPACE.unrank``."""

    accuracy: NDArray[np.float64]
    """[candidates, seeds, epochs]: share of the validation images; NaN once the training has diverged."""
    seconds: NDArray[np.float64]
    """[candidates, seeds]: CPU time of an epoch, validation included; 0 for a training that was not made."""

    @property
    def ends(self) -> NDArray[np.float64]:
        """Return [candidates]: the mean accuracy at the end."""
        ends = np.nan_to_num(self.accuracy[:, :, -1], nan=GUESSING)
        return np.asarray(np.average(ends, axis=1, weights=self.seconds > 0), dtype=np.float64)


def pack(trainings: Iterable[tuple[int, int, Sequence[int], float]], file: Path = FILE) -> None:
    """Write a table of trainings: a candidate's rank, a seed, how many validation images were right after each epoch
    until it diverged, and the seconds of an epoch."""
    hits = np.full((SPACE.size, SEEDS, EPOCHS), DIVERGED, dtype=np.uint16)
    times = np.zeros((SPACE.size, SEEDS), dtype=np.float32)
    for rank, seed, curve, seconds in trainings:
        hits[rank, seed, : len(curve)] = curve
        times[rank, seed] = seconds
    np.savez_compressed(file, hits=hits, seconds=times)


def read(file: Path = FILE) -> Table:
    """Read a table."""
    with np.load(file) as stored:
        hits, seconds = stored["hits"], stored["seconds"]
    return Table(np.where(hits == DIVERGED, np.nan, hits / VALIDATION_IMAGES), seconds.astype(np.float64))


def problem() -> Problem:
    """Return the table as a problem: a trial shows one of the trainings, a candidate is worth their mean end."""
    table = read()
    ends, trained = table.ends, (table.seconds > 0).sum(axis=1)
    best = float(ends.max())
    ranks = {SPACE.unrank(rank): rank for rank in range(SPACE.size)}

    def rank(decisions: Decisions) -> int:
        return ranks[SPACE.to_choices(decisions)]

    def train(decisions: Decisions, run: int, index: int) -> Curve:
        candidate = rank(decisions)
        training = candidate, int(np.random.default_rng([run, index]).integers(trained[candidate]))
        return Curve(table.accuracy[training], float(table.seconds[training]))

    def judge(decisions: Decisions) -> float:
        return 100 * (float(ends[rank(decisions)]) - best)

    start_up = float(table.seconds[:, 0].mean())
    return Problem(
        name="fashion-mnist",
        space=SPACE,
        rungs=(1, 3, 9, EPOCHS),
        train=train,
        judge=judge,
        start_up=start_up,
        full=(EPOCHS + 1) * start_up,
        unknown=100 * (float(np.median(ends)) - best),
    )
