"""The optimizers of the recipes: torch's update rules as functions, which the classes of ``torch.optim`` call, too.

Creating one of the classes imports torch's compiler: seconds of each trial, and 170 MB. A test compares the two. On a
GPU no rule makes the host wait, so a step can be recorded (see ``replay``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from evonas_trial.training.recipe import Recipe

Columns = tuple[list[Tensor], ...]
"""The weights, their gradients, and the state kept from earlier steps, one list for each kind."""


@dataclass(frozen=True)
class _Rule:
    kept: Callable[[Tensor], list[Tensor]]
    """A weight's state before the first step."""
    update: Callable[[Recipe, Columns, Tensor, float], None]
    """Update weights and their state, with a learning rate and a weight decay."""


def zero_rate(device: torch.device) -> Tensor:
    """Return a learning rate to be filled in: a tensor, since a recorded step reads what is there when it is replayed.
    A CPU's rules make a Python number of it, so it is as exact there; those of GPUs take no other type than theirs."""
    return torch.zeros((), dtype=torch.float32 if device.type == "cuda" else torch.float64, device=device)


class Optimizer:
    """A network's weights and a rule that changes them; weight decay is on kernels and matrices only."""

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        self._recipe, self._rule = recipe, _RULES[recipe.optimizer]
        self._weights = list(model.parameters())
        self._kept = [self._rule.kept(weights) for weights in self._weights]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weights in self._weights:
            weights.grad = None

    @torch.no_grad()
    def step(self, rate: Tensor) -> None:
        """Change every weight that has a gradient; ``rate`` is the learning rate, as ``zero_rate`` has it."""
        rows = [
            (weights, weights.grad, *kept)
            for weights, kept in zip(self._weights, self._kept, strict=True)
            if weights.grad is not None
        ]
        for decayed, decay in ((True, self._recipe.weight_decay), (False, 0.0)):
            # Biases and what normalization scales by have one dimension.
            own = [row for row in rows if (row[0].ndim > 1) is decayed]
            if own:
                self._rule.update(self._recipe, tuple(map(list, zip(*own, strict=True))), rate, decay)

    def state_dict(self) -> dict[str, Any]:
        """Return what ``load_state_dict`` resumes from."""
        return {"kept": self._kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of an optimizer with the same recipe and network."""
        for own, saved in zip(self._kept, state["kept"], strict=True):
            for tensor, values in zip(own, saved, strict=True):
                tensor.copy_(values)


def _sgd(recipe: Recipe, columns: Columns, rate: Tensor, decay: float) -> None:
    weights, gradients, momenta = columns
    # A separate list: without momentum a member may be None.
    sgd(
        weights,
        gradients,
        [*momenta],
        fused=True,
        lr=rate,
        momentum=recipe.momentum,
        weight_decay=decay,
        dampening=0,
        nesterov=False,
        maximize=False,
    )


def _adam(rule: Callable[..., None], _recipe: Recipe, columns: Columns, rate: Tensor, decay: float) -> None:
    weights, gradients, means, squares, steps = columns
    rule(
        weights,
        gradients,
        means,
        squares,
        [],
        steps,
        fused=True,
        lr=rate,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        weight_decay=decay,
        amsgrad=False,
        maximize=False,
    )


def _adagrad(_recipe: Recipe, columns: Columns, rate: Tensor, decay: float) -> None:
    weights, gradients, sums, steps = columns
    # Older versions of torch have this one fused on CPUs only. Nothing depends on the steps that it counts on the host:
    # they matter for a decay of the rate alone.
    on_cpu = weights[0].device.type == "cpu"
    adagrad(
        weights,
        gradients,
        sums,
        steps,
        fused=on_cpu,
        foreach=not on_cpu,
        lr=rate,
        lr_decay=0,
        eps=1e-10,
        weight_decay=decay,
        maximize=False,
    )


def _rmsprop(recipe: Recipe, columns: Columns, rate: Tensor, decay: float) -> None:
    weights, gradients, squares, momenta, steps = columns
    # The epsilon of MobileNet's and MnasNet's trainings; torch's own, 1e-8, diverges at their rates.
    rmsprop(
        weights,
        gradients,
        squares,
        [],
        momenta,
        steps,
        foreach=True,
        # Otherwise a GPU's rate is read by the host. CPUs know no such rule.
        capturable=rate.device.type == "cuda",
        lr=rate,
        alpha=0.9,
        eps=1e-3,
        momentum=recipe.momentum,
        weight_decay=decay,
        centered=False,
    )


def _zeros(count: int) -> Callable[[Tensor], list[Tensor]]:
    return lambda weights: [torch.zeros_like(weights) for _ in range(count)]


def _zeros_and_steps(count: int, *, steps_beside_weights: bool) -> Callable[[Tensor], list[Tensor]]:
    # A rule that reads the count's value would make the host wait for a GPU.
    def kept(weights: Tensor) -> list[Tensor]:
        steps = torch.zeros((), device=weights.device if steps_beside_weights else "cpu")
        return [*_zeros(count)(weights), steps]

    return kept


_RULES = {
    "SGD": _Rule(_zeros(1), _sgd),
    "Adam": _Rule(_zeros_and_steps(2, steps_beside_weights=True), partial(_adam, adam)),
    "AdamW": _Rule(_zeros_and_steps(2, steps_beside_weights=True), partial(_adam, adamw)),
    "AdaGrad": _Rule(_zeros_and_steps(1, steps_beside_weights=False), _adagrad),
    "RMSprop": _Rule(_zeros_and_steps(2, steps_beside_weights=True), _rmsprop),
}
