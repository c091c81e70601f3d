"""The optimizers: the same steps as torch's classes, without what these import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, optim

from evonas_trial.cnn.settings import read
from evonas_trial.training.optimizers import Optimizer, zero_rate
from evonas_trial.training.recipe import OPTIMIZERS

RATES = [0.1, 0.05, 0.02, 0.01, 0.005]
DECAY, MOMENTUM = 0.02, 0.8

TORCHS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda groups: optim.SGD(groups, momentum=MOMENTUM),
    "Adam": optim.Adam,
    "AdamW": optim.AdamW,
    "AdaGrad": optim.Adagrad,
    "RMSprop": lambda groups: optim.RMSprop(groups, alpha=0.9, eps=1e-3, momentum=MOMENTUM),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3))


def give_gradients(model: nn.Module, seed: int) -> None:
    torch.manual_seed(seed)
    for weights in model.parameters():
        weights.grad = torch.randn_like(weights)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_torchs_class(name: str) -> None:
    ours, theirs = network(), network()
    _, recipe = read({"optimizer": name, "weight_decay": DECAY, "momentum": MOMENTUM}, {})
    optimizer = Optimizer(ours, recipe)
    decayed = {"params": [w for w in theirs.parameters() if w.ndim > 1], "weight_decay": DECAY}
    others = {"params": [w for w in theirs.parameters() if w.ndim == 1], "weight_decay": 0.0}
    torchs = TORCHS[name]([decayed, others])
    for seed, rate in enumerate(RATES):
        for group in torchs.param_groups:
            group["lr"] = rate
        give_gradients(ours, seed)
        give_gradients(theirs, seed)
        optimizer.step(zero_rate(torch.device("cpu")).fill_(rate))
        torchs.step()
        for mine, own in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, own, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_weight_without_a_gradient_stays(name: str) -> None:
    model = network()
    before = [weights.clone() for weights in model.parameters()]
    optimizer = Optimizer(model, read({"optimizer": name, "weight_decay": DECAY}, {})[1])
    optimizer.step(zero_rate(torch.device("cpu")).fill_(0.1))
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), before, strict=True))
