"""Whole trials as processes: what passes before the first step, and before the report."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.trials.cases import INVERTED, REGULAR
from bench.trials.first_step import NOTED, STARTED

_ONE_STEP = ("--epochs", "1", "--limit", "64", "--batch-size", "64")

SMALL: Mapping[str, Mapping[str, Any]] = {"regular, 2 blocks": REGULAR, "inverted, 3 blocks": INVERTED}
LARGE: Mapping[str, Mapping[str, Any]] = {
    "inverted, 12 layers of 64": INVERTED | {"blocks": 4, "filters": 64, "layers": 3}
}
"""Too large for a CPU."""

WAYS: Mapping[str, tuple[str, ...]] = {
    "as chosen": (),
    "float32, channels first": ("--precision", "float32", "--layout", "channels-first", "--algorithm-search", "off"),
    "bfloat16, channels first": ("--precision", "bfloat16", "--layout", "channels-first", "--algorithm-search", "off"),
    "bfloat16, channels last": ("--precision", "bfloat16", "--layout", "channels-last", "--algorithm-search", "off"),
    "and with cuDNN's search": ("--precision", "bfloat16", "--layout", "channels-last", "--algorithm-search", "on"),
}
"""How a GPU may be used; the first is what the program does."""


def refusals(data: str | None, device: str) -> Iterator[tuple[str, float]]:
    """Yield what ends before any data is read, and its seconds."""
    # Not by way of ``first_step``, which imports torch.
    for name, options in {
        "a candidate is refused": ("--blocks", "9"),
        "parameters and multiply-adds are known": (*_ONE_STEP, "--dry-run"),
    }.items():
        yield name, _trial(options, data, device, module="evonas_trial")[1]


def starts(data: str | None, device: str) -> Iterator[tuple[str, float, float]]:
    """Yield trials of a single step: their seconds from exec until it is done, and until the report."""
    for name, network in _networks(device).items():
        yield f"cnn: {name}", *_trial((*_options(network), *_ONE_STEP), data, device)
    digits = ("spiking", "--problem", "digits", "--training-examples", "64", "--batch-size", "64", "--epochs", "1")
    yield "spiking, digits", *_run((*digits, "--device", device))


def whole(data: str | None, device: str, *, epochs: int, images: int | None) -> Iterator[tuple[str, str, float]]:
    """Yield whole trials: network, settings, seconds from start to report."""
    limit = () if images is None else ("--limit", str(images))
    for network_name, network in _networks(device).items():
        for way, chosen in WAYS.items() if device != "cpu" else [("as chosen", ())]:
            options = (*_options(network), "--batch-size", "256", "--epochs", str(epochs), *limit, *chosen)
            yield network_name, way, _trial(options, data, device)[1]


def _networks(device: str) -> Mapping[str, Mapping[str, Any]]:
    return {**SMALL, **(LARGE if device != "cpu" else {})}


def _options(network: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"--{name.replace('_', '-')}={value}" for name, value in network.items() if name != "batch_size")


def _trial(
    options: tuple[str, ...], data: str | None, device: str, module: str = "bench.trials.first_step"
) -> tuple[float, float]:
    place = () if data is None else ("--data", data)
    return _run(("cnn", "--dataset", "fashion-mnist", "--device", device, *place, *options), module)


def _run(arguments: tuple[str, ...], module: str = "bench.trials.first_step") -> tuple[float, float]:
    """Return the seconds from exec to the end of the first step, NaN if there is none, and to the end."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder, "first-step")
        contract = {
            "EVONAS_DECISIONS": "{}",
            "EVONAS_SEED": "0",
            "EVONAS_REPORT_FILE": str(Path(folder, "report")),
            NOTED: str(noted),
        }
        start = time.perf_counter()
        environment = os.environ | contract | {STARTED: str(time.time())}
        command = [sys.executable, "-m", module, *arguments]
        subprocess.run(command, env=environment, capture_output=True, check=False)
        seconds = time.perf_counter() - start
        return float(noted.read_text()) if noted.exists() else math.nan, seconds
