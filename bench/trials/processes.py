"""Whole trials as processes: what passes before the first step, and before the report."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.trials.cases import INVERTED, REGULAR

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


def stages(data: str | None, device: str) -> Iterator[tuple[str, float]]:
    """Yield trials of Fashion-MNIST that end after more and more of a trial, and their seconds."""
    one_step = ("--epochs", "1", "--limit", "64", "--batch-size", "64")
    yield "a candidate is refused", _seconds(("--blocks", "9"), data, device)
    yield "parameters and multiply-adds are known", _seconds((*one_step, "--dry-run"), data, device)
    for name, network in _networks(device).items():
        yield f"{name}: the report after a single step", _seconds((*_options(network), *one_step), data, device)


def whole(data: str | None, device: str, *, epochs: int, images: int | None) -> Iterator[tuple[str, str, float]]:
    """Yield whole trials: network, settings, seconds from start to report."""
    limit = () if images is None else ("--limit", str(images))
    for network_name, network in _networks(device).items():
        for way, chosen in WAYS.items() if device != "cpu" else [("as chosen", ())]:
            options = (*_options(network), "--batch-size", "256", "--epochs", str(epochs), *limit, *chosen)
            yield network_name, way, _seconds(options, data, device)


def _networks(device: str) -> Mapping[str, Mapping[str, Any]]:
    return {**SMALL, **(LARGE if device != "cpu" else {})}


def _options(network: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"--{name.replace('_', '-')}={value}" for name, value in network.items() if name != "batch_size")


def _seconds(options: tuple[str, ...], data: str | None, device: str) -> float:
    command = [sys.executable, "-m", "evonas_trial", "cnn", "--dataset", "fashion-mnist", "--device", device, *options]
    if data is not None:
        command += ["--data", data]
    with tempfile.TemporaryDirectory() as folder:
        contract = {"EVONAS_DECISIONS": "{}", "EVONAS_SEED": "0", "EVONAS_REPORT_FILE": str(Path(folder, "report"))}
        start = time.perf_counter()
        subprocess.run(command, env=os.environ | contract, capture_output=True, check=False)
        return time.perf_counter() - start
