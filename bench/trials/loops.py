"""Loops that train the same network on the same images with the same batches and optimizer, an epoch at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from bench.trials.cases import Case
from evonas_trial.data.images import Images, normalization
from evonas_trial.training import batches
from evonas_trial.training.hardware import Hardware
from evonas_trial.training.loop import Training
from evonas_trial.training.replay import WARM_UP_CALLS, Replayed

LOADER_WORKERS = 4

LIMIT_STEPS = 200
"""Steps that the limit is the mean of."""

MAX_EPOCHS = 1000


def ours(case: Case, part: Images, hardware: Hardware) -> Iterator[object]:
    """Return the shipped training; each item is an epoch."""
    recipe = case.recipe(MAX_EPOCHS)
    shape = case.data_set.shape
    made = batches.make(
        part,
        normalization(part),
        hardware,
        batch_size=recipe.batch_size,
        seed=0,
        augmentation=recipe.augmentation,
        side=shape.side,
    )
    return Training(case.model(), recipe, made, None, hardware, classes=shape.classes, seed=0).epochs()


def plain(case: Case, part: Images, hardware: Hardware, *, tuned: bool = False) -> Iterator[object]:
    """Return the loop of PyTorch's tutorials: a data set of tensors, a DataLoader that shuffles, and steps.

    ``tuned`` is what a careful user makes of it on a GPU: bfloat16, channels last, a fused optimizer, cuDNN's search,
    and workers that fill pinned memory. There is no augmentation here, so a case with one shows what ours costs.
    """
    figures = normalization(part)
    mean, deviation = (torch.tensor(values).view(1, -1, 1, 1) for values in (figures.mean, figures.deviation))
    pixels = (part.pixels.float() - mean) / deviation
    workers: dict[str, Any] = {"num_workers": LOADER_WORKERS, "pin_memory": True, "persistent_workers": True}
    loader = DataLoader(
        TensorDataset(pixels, part.labels), case.batch_size, shuffle=True, drop_last=True, **(workers if tuned else {})
    )
    device, layout = hardware.device, torch.channels_last if tuned else torch.contiguous_format
    model = case.model().to(device, memory_format=layout)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), 0.003, fused=tuned)
    while True:
        torch.backends.cudnn.benchmark = tuned
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            sent = images.to(device, non_blocking=tuned, memory_format=layout)
            with torch.autocast(device.type, torch.bfloat16, enabled=tuned):
                loss = functional.cross_entropy(model(sent), labels.to(device, non_blocking=tuned))
            torch.autograd.backward(loss)
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        yield None


def limit(case: Case, hardware: Hardware) -> float:
    """Return the images per second of a step that never waits for data or host: one CUDA graph of forward, backward and
    optimizer on the same made-up batch, replayed back to back."""
    shape = case.data_set.shape
    model = hardware.placed(case.model()).train()
    optimizer = torch.optim.Adam(model.parameters(), 0.003, fused=True, capturable=True)
    images = torch.randn(case.batch_size, shape.channels, shape.side, shape.side, device=hardware.device)
    images = images.contiguous(memory_format=hardware.memory_format)
    labels = torch.arange(case.batch_size, device=hardware.device) % shape.classes
    replay = Replayed(lambda: _step(model, optimizer, images, labels, hardware), hardware, "the limit's step")
    for _ in range(WARM_UP_CALLS + 1):
        replay()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(LIMIT_STEPS):
        replay()
    torch.cuda.synchronize()
    return case.batch_size * LIMIT_STEPS / (time.perf_counter() - start)


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, hardware: Hardware
) -> None:
    optimizer.zero_grad()
    with hardware.autocast():
        loss = functional.cross_entropy(model(images), labels)
    torch.autograd.backward(loss)
    optimizer.step()
