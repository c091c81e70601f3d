"""``python -m bench.cifar10 FOLDER``: seconds from the start of the trial program ``cnn`` to its report on CIFAR-10, of
which FOLDER has JPEG files: train/CLASS and test/CLASS. The network is close to the ResNet-9 of public speed runs
(DAWNBench 2018), as far as the decisions of ``cnn`` describe it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

RECIPE: Mapping[str, Any] = {
    "stem_filters": 64,
    "blocks": 3,
    "filters": "128,256,512",
    "layers": "3,1,3",
    "stride": "2,2,2",
    "optimizer": "SGD",
    "momentum": 0.9,
    "learning_rate": 0.6,
    "schedule": "one_cycle",
    "weight_decay": 5e-4,
    "label_smoothing": 0.1,
    "augmentation": "crop_flip",
    "batch_size": 256,
}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--epochs", default=15, show_default=True, help="Of the training.")
@click.option("--width", default=1.0, show_default=True, help="Multiplies the channels; small ones suit a CPU.")
@click.option("--limit", type=int, help="Train on so many images only.")
@click.option("--threads", default=2, show_default=True, help="CPU threads.")
def main(folder: Path, epochs: int, width: float, limit: int | None, threads: int) -> None:
    """Train twice: with the images still to be decoded, then with those that the first one left."""
    table = Table("images", "seconds to the report", "of them training", "test accuracy", title="CIFAR-10 as JPEG")
    with tempfile.TemporaryDirectory() as cache:
        for images in ("decoded", "from the cache"):
            found, seconds = _train(folder, Path(cache), epochs, width, limit, threads)
            accuracy = f"{found['test_accuracy']:.2%}"
            table.add_row(images, f"{seconds:.1f}", f"{found['train_seconds']:.1f}", accuracy)
    Console().print(table)


def _train(
    folder: Path, cache: Path, epochs: int, width: float, limit: int | None, threads: int
) -> tuple[dict[str, float], float]:
    options: dict[str, Any] = {
        "dataset": "folder",
        "data": folder,
        "classes": 10,
        "image-size": 32,
        "cache": cache,
        "threads": threads,
        "width": width,
        "final-epochs": epochs,
        **{name.replace("_", "-"): value for name, value in RECIPE.items()},
    }
    if limit is not None:
        options["limit"] = limit
    decisions = cache / "decisions.json"
    decisions.write_text("{}")
    command = [sys.executable, "-m", "evonas_trial", "cnn", "--final", f"--decisions={decisions}"]
    command += [f"--{name}={value}" for name, value in options.items()]
    start = time.perf_counter()
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found, time.perf_counter() - start


if __name__ == "__main__":
    main()
