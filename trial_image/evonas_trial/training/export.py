"""Exports a winner for use elsewhere: weights, a program that runs without this code, and a model card."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import save_model
from torch import nn

from evonas_trial.data.images import Normalization
from evonas_trial.training.candidate import Candidate

WEIGHTS, PROGRAM, ONNX, CARD, DECISIONS = (
    "weights.safetensors",
    "model.pt2",
    "model.onnx",
    "README.md",
    "decisions.json",
)


def write(
    folder: Path,
    model: nn.Module,
    candidate: Candidate,
    normalization: Normalization,
    metrics: Mapping[str, float],
) -> None:
    """Write a trained network to a folder; raises OSError if that is not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model.to("cpu", memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    save_model(model, str(folder / WEIGHTS))
    shape = candidate.data_set.shape
    # Two images: a dimension of one would be taken for a constant.
    example = (torch.zeros(2, shape.channels, shape.side, shape.side),)
    program = torch.export.export(model, example, dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, folder / PROGRAM)
    files = [WEIGHTS, PROGRAM, DECISIONS]
    if find_spec("onnx") and find_spec("onnxscript"):
        torch.onnx.export(program, (), folder / ONNX, verbose=False)
        files.append(ONNX)
    (folder / DECISIONS).write_text(json.dumps(dict(candidate.decisions), indent=2) + "\n", encoding="utf-8")
    (folder / CARD).write_text(_card(candidate, normalization, metrics, files), encoding="utf-8")


def _card(candidate: Candidate, normalization: Normalization, metrics: Mapping[str, float], files: list[str]) -> str:
    shape = candidate.data_set.shape
    lines = [
        f"# {candidate.program} for {candidate.data_set.name}",
        "",
        f"Input: float32 images, (n, {shape.channels}, {shape.side}, {shape.side}): bytes of 0 to 255 as read, minus "
        f"{[round(value, 4) for value in normalization.mean]}, divided by "
        f"{[round(value, 4) for value in normalization.deviation]} per channel. "
        f"Output: logits, (n, {shape.classes}).",
        "",
        f"Trained on all development images ({candidate.recipe.epochs} epochs) with seed {candidate.seed}; the test "
        "images were scored once, after that.",
        "",
        *_table("Decision", candidate.decisions),
        *_table("Metric", {name: f"{value:.6g}" for name, value in sorted(metrics.items())}),
        *_table("Software", {"python": platform.python_version(), "torch": torch.__version__}),
        f"Files: {', '.join(f'`{name}`' for name in files)}. `{PROGRAM}` is loaded by `torch.export.load`.",
        "",
    ]
    return "\n".join(lines)


def _table(heading: str, rows: Mapping[str, object]) -> list[str]:
    return [f"| {heading} | Value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows.items()), ""]
