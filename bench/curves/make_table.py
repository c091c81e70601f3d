"""``python -m bench.curves.make_table``: train the candidates of the table's space, on one core.

The shipped program ``mlp``, its networks, recipes and training, on 1,600 images of Fashion-MNIST, averaged to 14 x 14
pixels, and validated on 2,000 others. About half an hour; whatever was trained is kept, and the same command goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from rich.console import Console
from torch.nn import functional

from bench.curves.fashion_mnist import EPOCHS, FILE, SEEDS, SPACE, VALIDATION_IMAGES, pack
from evonas.space import Value
from evonas_trial.data.catalogue import FASHION_MNIST, Shape
from evonas_trial.data.images import Images, Normalization, Part, normalization
from evonas_trial.data.reading import locate
from evonas_trial.mlp import model, settings
from evonas_trial.training import batches
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Diverged, Training

SHAPE = Shape(channels=1, side=14, classes=10)
TRAINING_IMAGES = 1600


@click.command()
@click.option("--data", help="Folder with Fashion-MNIST's idx files.")
@click.option("--trainings", default=SPACE.size * SEEDS, show_default=True, help="How many to have in the end.")
@click.option(
    "--trained",
    type=click.Path(path_type=Path),
    default=Path("bench/results/curves/fashion_mnist.jsonl"),
    show_default=True,
    help="Where each training is kept; those found there are not run again.",
)
@click.option(
    "--file", type=click.Path(path_type=Path), default=FILE, help="The table. Default: where it is read from."
)
def main(data: str | None, trainings: int, trained: Path, file: Path) -> None:
    """Train what is missing, then write the table."""
    console = Console(stderr=True)
    trained.parent.mkdir(parents=True, exist_ok=True)
    known = {(row["rank"], row["seed"]): row for row in _rows(trained)}
    trainer = Trainer(data)
    with trained.open("a", encoding="utf-8") as kept:
        for rank, seed in islice(_order(known), max(0, trainings - len(known))):
            curve, seconds = trainer.train(SPACE.to_candidate(SPACE.unrank(rank)), seed)
            known[rank, seed] = {"rank": rank, "seed": seed, "hits": curve, "seconds": seconds}
            kept.write("\n" + json.dumps(known[rank, seed]))
            kept.flush()
            if len(known) % 100 == 0:
                console.print(f"{trainings - len(known)} trainings left", highlight=False)
    pack([(row["rank"], row["seed"], row["hits"], row["seconds"]) for row in known.values()], file)


class Trainer:
    """Trains candidates of the space."""

    def __init__(self, data: str | None) -> None:
        self._hardware = Hardware.choose("cpu", threads=1)
        training, validation = locate(FASHION_MNIST, data).development(
            split_seed=0, validation_share=VALIDATION_IMAGES / 60_000, limit=TRAINING_IMAGES
        )
        self._training, self._validation = averaged(training), averaged(validation)
        self._normalized: Normalization = normalization(self._training)

    def train(self, decisions: Mapping[str, Value], seed: int) -> tuple[list[int], float]:
        """Return how many validation images are right after each epoch, until it diverged, and seconds of an epoch."""
        network, recipe = settings.read(decisions, {"epochs": EPOCHS})
        torch.manual_seed(seed)
        training = Training(
            model.build(network, SHAPE),
            recipe,
            self._batches(self._training, recipe.batch_size, seed),
            self._batches(self._validation, VALIDATION_IMAGES // 2, 0),
            self._hardware,
            classes=SHAPE.classes,
            seed=seed,
        )
        hits: list[int] = []
        # The thread's own time: other processes of this machine do not count.
        began = time.thread_time()
        try:
            training.run(lambda epoch, score: hits.append(round(score.accuracy * VALIDATION_IMAGES)))
        except Diverged:
            epochs = len(hits) + 1
        else:
            epochs = EPOCHS
        return hits, (time.thread_time() - began) / epochs

    def _batches(self, part: Images, batch_size: int, seed: int) -> batches.Batches:
        return batches.make(part, self._normalized, self._hardware, batch_size=batch_size, seed=seed, side=SHAPE.side)


def averaged(part: Part) -> Images:
    """Return the images at half their side, each pixel the mean of four."""
    assert isinstance(part, Images)
    return Images(functional.avg_pool2d(part.pixels.float(), 2).round().byte(), part.labels)


def _order(known: Mapping[tuple[int, int], Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Yield what is missing from ``known`` while that grows: first one training of every candidate, in an order that
    says nothing of the space, then the others of the best candidates first: luck matters most among these."""
    first = np.random.default_rng(0).permutation(SPACE.size).tolist()
    yield from ((rank, 0) for rank in first if (rank, 0) not in known)
    ends = {rank: known[rank, 0]["hits"] for rank in first}
    best = sorted(first, key=lambda rank: -ends[rank][-1] if len(ends[rank]) == EPOCHS else 0)
    yield from ((rank, seed) for seed in range(1, SEEDS) for rank in best if (rank, seed) not in known)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    """Yield what is recorded. Each record begins a line: one that a kill cut off does not spoil the next."""
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        if line.endswith("}"):
            yield json.loads(line)


if __name__ == "__main__":
    main()
