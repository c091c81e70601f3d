"""What a network costs: counted without training it, and measured on the trial's device."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from evonas_trial.data.catalogue import Shape

_WARM_UP_RUNS = 10
_TIMED_RUNS = 50


@dataclass(frozen=True)
class Static:
    """What is known before any data is read."""

    parameters: int
    multiply_adds: int
    """Of one image's inference, in convolutions and matrix products."""


@torch.inference_mode()
def static(model: nn.Module, shape: Shape) -> Static:
    """Count a network's weights, and what its convolutions and matrix products multiply for one image.

    torch's own counter agrees (a test compares them), but imports torch's compiler: seconds of each trial.
    """
    counted = 0

    def count(module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal counted
        # Each output is a sum of one product per weight of its channel or unit.
        counted += output.numel() * cast(torch.Tensor, module.weight)[0].numel()

    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = model.training
    model.eval()(torch.zeros(1, shape.channels, shape.side, shape.side))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return Static(sum(weights.numel() for weights in model.parameters()), counted)


@torch.inference_mode()
def latency_ms(run: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> float:
    """Return the median time of inference on these images, on the device where they are, after a warm-up."""
    times = []
    for number in range(_WARM_UP_RUNS + _TIMED_RUNS):
        _finish(images.device)
        start = time.perf_counter()
        run(images)
        _finish(images.device)
        if number >= _WARM_UP_RUNS:
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def peak_memory_mb(device: torch.device) -> float:
    """Return the most memory used so far in units of 10**6 bytes: the GPU's by torch, or this process's on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
