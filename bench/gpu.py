"""``python -m bench.gpu``: everything that this project measures on a GPU, one after the other, in six minutes at most.
A part that fails or takes too long is said, and the next one begins.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click
import torch

PARTS = {
    "steps as CUDA graphs do what steps do": (70, ["-m", "pytest", "-q", "tests/trial_image", "-k", "gpu"]),
    "images per second, and whole trials": (205, ["-m", "bench.trials", "--rounds", "2"]),
    "the spiking network": (40, ["-m", "bench.spiking", "--minutes", "0.5"]),
}
"""Seconds that each may take, and Python's arguments."""

CIFAR10_SECONDS = 45


@click.command()
@click.option("--cifar10", "folder", type=click.Path(path_type=Path), help="Folder of CIFAR-10 as JPEG files.")
def main(folder: Path | None) -> None:
    """Measure on a GPU."""
    if not torch.cuda.is_available():
        raise click.ClickException("torch sees no GPU here")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}", flush=True)
    parts = dict(PARTS)
    if folder is not None:
        parts["CIFAR-10 as JPEG"] = (CIFAR10_SECONDS, ["-m", "bench.cifar10", str(folder)])
    for name, (seconds, arguments) in parts.items():
        print(f"\n{name}", flush=True)
        started = time.perf_counter()
        try:
            code = subprocess.run([sys.executable, *arguments], timeout=seconds, check=False).returncode
            ended = "" if code == 0 else f", failed with exit code {code}"
        except subprocess.TimeoutExpired:
            ended = f", not finished within {seconds} s"
        print(f"{time.perf_counter() - started:.0f} s{ended}", flush=True)


if __name__ == "__main__":
    main()
