"""What all these programs train: y = 2 x by a line of one weight."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch.utils.data import TensorDataset

from evonas_trial import report


def read() -> tuple[float, int, str, Path]:
    """Return the learning rate, the epochs, the metric's name in place of the right one, and where checkpoints go."""
    candidate = report.decisions()
    torch.manual_seed(report.seed())
    epochs = max(report.rungs(), default=4)
    return candidate["learning_rate"], epochs, os.environ.get("METRIC", ""), Path(os.environ["CHECKPOINTS"])


def data() -> TensorDataset:
    """Return 32 points of that line."""
    x = torch.linspace(-1, 1, 32).unsqueeze(1)
    return TensorDataset(x, 2 * x)
